"""`sophia-metrics init`: a sophia.toml that explains itself.

Its comments are the descriptions of the settings themselves, so they cannot drift.
"""

import json
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import CONFIG_NAME, SECRET_FIELDS, GateSettings, Settings, SourceSettings
from sophia_metrics.sources.column_mapping import ColumnMapping, ColumnRule

__all__ = ["render_config", "write_config"]

WIDTH = 100
HEADER = """\
# Settings of Sophia Metrics. Every setting is here, commented out, with its default or an example.
# A line that starts with "#" and no space becomes a setting when you remove the "#".
# A variable SOPHIA_<NAME> of the environment wins over this file; `sophia-metrics doctor` shows what holds.
"""
EXAMPLES: Mapping[str, str] = {
    "price_overrides": '"prices.yaml"',
    "paths": '["/var/log/litellm/*.jsonl"]',
    "name": '"gateway"',
    "format": '"litellm"',
    "billing": '"api"',
    "native_id": '"call_id"',
    "tags": '{ feature = "feature" }',
    "units": '{ web_search = "searches" }',
    "reported_basis": '"estimated"',
}
"""For settings without a default that could be shown."""
MAPPED_EXAMPLES: Mapping[str, str] = {
    **EXAMPLES,
    "name": '"exports"',
    "format": '"mapped"',
    "paths": '["exports/*.csv"]',
}
COLUMNS_EXAMPLE = """\
#[sources.mapping.columns]
#started_at = { column = "timestamp", time = "%d/%m/%Y %H:%M", utc_offset = "+01:00" }
#provider = { constant = "openai" }
#model = { column = "deployment", values = { chat = "gpt-4o" } }
#input_tokens = "prompt_tokens"
#output_tokens = "completion_tokens"
#latency_ms = { column = "duration", unit = "seconds" }
#cost_reported = { column = "cost", unit = "cents" }
#cost_reported_currency = { constant = "USD" }
"""


def write_config(folder: Path) -> Path:
    """Write sophia.toml into a folder and return its path.

    Raises:
        ConfigurationError: there is one already, or the folder does not exist.
    """
    path = folder / CONFIG_NAME
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(render_config())
    except FileExistsError:
        raise ConfigurationError(f"{path} exists and stays as it is: move it away for a new one") from None
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigurationError(f"{folder} is no folder: make it first") from None
    return path


def render_config() -> str:
    """Return the text of a sophia.toml in which every setting is explained and commented out."""
    fields = Settings.model_fields
    tables = ("exchange_rates", "gate", "sources")
    settings = {name: field for name, field in fields.items() if name not in tables}
    parts = [
        HEADER,
        *(_setting(name, field, EXAMPLES) for name, field in settings.items()),
        f'{_comment(fields["exchange_rates"])}#[exchange_rates]\n#EUR = "1.08"\n',
        f"{_comment(fields['gate'])}#[gate]\n{_settings(GateSettings, {})}",
        f"{_comment(fields['sources'])}#[[sources]]\n"
        + _settings(SourceSettings, EXAMPLES, without={"mapping"}),
        "# A source of plain files, with a mapping of their columns.\n#[[sources]]\n"
        + "".join(f"#{name} = {MAPPED_EXAMPLES[name]}\n" for name in ("name", "format", "paths")),
        f"{_comment(SourceSettings.model_fields['mapping'])}#[sources.mapping]\n"
        + _settings(ColumnMapping, EXAMPLES, without={"columns"}),
        _comment(ColumnMapping.model_fields["columns"])
        + f"# A rule has these parts:\n{_rule()}{COLUMNS_EXAMPLE}",
    ]
    return "\n".join(parts)


def _settings(model: type[BaseModel], examples: Mapping[str, str], without: set[str] | None = None) -> str:
    fields = model.model_fields.items()
    return "".join(
        _setting(name, field, examples) for name, field in fields if name not in (without or set())
    )


def _setting(name: str, field: FieldInfo, examples: Mapping[str, str]) -> str:
    if name in SECRET_FIELDS:
        return f"{_comment(field)}# Never in this file: export SOPHIA_{name.upper()}=…\n"
    default = _toml(field.get_default(call_default_factory=True))
    return f"{_comment(field)}#{name} = {examples.get(name) or default}\n"


def _comment(field: FieldInfo) -> str:
    choices = " ".join(_choices(field.annotation))
    text = f"{field.description or ''} {choices}".strip()
    return "".join(f"# {line}\n" for line in wrap(text, WIDTH))


def _choices(annotation: Any) -> Iterator[str]:  # noqa: ANN401 - an annotation is any object
    if get_origin(annotation) is Literal:
        yield f"One of: {', '.join(map(str, get_args(annotation)))}."
    elif get_origin(annotation) in {Union, types.UnionType}:
        for part in get_args(annotation):
            yield from _choices(part)


def _rule() -> str:
    return "".join(
        f"#   {line}\n"
        for name, field in ColumnRule.model_fields.items()
        for line in wrap(f"{name}: {field.description}", WIDTH - 2, subsequent_indent="  ")
    )


def _toml(value: object) -> str:
    """Return a scalar, or an empty list or table, as TOML writes it: as JSON does."""
    return json.dumps(value if isinstance(value, bool | int | float | list | dict | tuple) else str(value))
