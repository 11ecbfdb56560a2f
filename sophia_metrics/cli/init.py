"""`sophia-metrics init`: a sophia.toml that explains itself.

Its comments are the descriptions of the settings themselves, so they cannot drift.
"""

import json
import types
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sophia_metrics.alerts.maintenance_settings import AlertMaintenanceSettings
from sophia_metrics.alerts.settings import AlertSettings, NotifierSettings
from sophia_metrics.anomalies.settings import AnomalySettings
from sophia_metrics.budget_settings import BudgetSettings
from sophia_metrics.cache.cache_settings import CacheSettings
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.health.settings import MaintenanceSettings, ProbeSettings, ServiceSettings
from sophia_metrics.maintenance.settings import BackupSettings, RetentionSettings
from sophia_metrics.pricing.settings import PricingSettings
from sophia_metrics.settings import (
    CONFIG_NAME,
    SECRET_FIELDS,
    AnalyticsSinkSettings,
    ApiSettings,
    DashboardSettings,
    GateSettings,
    QualitySettings,
    RoleSettings,
    Settings,
    SnowflakeSettings,
    SourceSettings,
    TableSettings,
)
from sophia_metrics.sources.column_mapping import ColumnMapping, ColumnRule
from sophia_metrics.sources.live.metric_settings import MetricSettings
from sophia_metrics.suggestions.settings import SuggestionSettings

__all__ = ["render_config", "write_config"]

WIDTH = 100
TABLES = frozenset(
    {
        "exchange_rates",
        "gate",
        "pricing",
        "quality",
        "backup",
        "retention",
        "budgets",
        "sources",
        "roles",
        "mapping",
        "columns",
        "caches",
        "probes",
        "maintenance",
        "services",
        "notifiers",
        "alerts",
        "anomalies",
        "suggestions",
        "dashboard",
        "snowflake",
        "analytics_sink",
        "table",
        "api",
        "metrics",
    }
)
"""What stands in a table of its own."""
HEADER = """\
# Settings of Sophia Metrics. Every setting is here, commented out, with its default or an example.
# A line that starts with "#" and no space becomes a setting when you remove the "#".
# A variable SOPHIA_<NAME> of the environment wins over this file; `sophia-metrics doctor` shows what holds.
"""
MAPPING_EXAMPLES: Mapping[str, str] = {
    "native_id": '"call_id"',
    "tags": '{ feature = "feature" }',
    "units": '{ web_search = "searches" }',
    "reported_basis": '"estimated"',
}
MAPPED_SOURCE = """\
# A source of plain files, with a mapping of their columns.
#[[sources]]
#name = "exports"
#format = "mapped"
#paths = ["exports/*.csv"]
"""
TABLE_SOURCE = """\
# A source that is a table of Snowflake.
#[[sources]]
#name = "platform"
#format = "snowflake_analytics"
"""
LIVE_SOURCE = """\
# A source that answers over the network: see docs/live-sources.md.
#[[sources]]
#name = "openai"
#format = "openai_usage"
"""
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
    mapping = SourceSettings.model_fields["mapping"]
    columns = ColumnMapping.model_fields["columns"]
    api, metrics = SourceSettings.model_fields["api"], ApiSettings.model_fields["metrics"]
    table, sink = SourceSettings.model_fields["table"], SnowflakeSettings.model_fields["analytics_sink"]
    parts = [
        HEADER,
        *(_setting(name, field) for name, field in fields.items() if name not in TABLES),
        f"{_comment(fields['exchange_rates'])}#[exchange_rates]\n{_entries(fields['exchange_rates'])}",
        f"{_comment(fields['pricing'])}#[pricing]\n{_settings(PricingSettings)}",
        f"{_comment(fields['snowflake'])}#[snowflake]\n{_settings(SnowflakeSettings)}",
        f"{_comment(sink)}#[snowflake.analytics_sink]\n{_settings(AnalyticsSinkSettings)}",
        f"{_comment(fields['gate'])}#[gate]\n{_settings(GateSettings)}",
        f"{_comment(fields['dashboard'])}#[dashboard]\n{_settings(DashboardSettings)}",
        f"{_comment(fields['budgets'])}#[[budgets]]\n{_settings(BudgetSettings)}",
        f"{_comment(fields['quality'])}#[quality]\n{_settings(QualitySettings)}",
        f"{_comment(fields['backup'])}#[backup]\n{_settings(BackupSettings)}",
        f"{_comment(fields['retention'])}#[retention]\n{_settings(RetentionSettings)}",
        f"{_comment(fields['sources'])}#[[sources]]\n{_settings(SourceSettings)}",
        f"{_comment(SourceSettings.model_fields['roles'])}#[[sources.roles]]\n{_settings(RoleSettings)}",
        MAPPED_SOURCE,
        f"{_comment(mapping)}#[sources.mapping]\n{_settings(ColumnMapping)}",
        f"{_comment(columns)}# A rule has these parts:\n{_rule()}{COLUMNS_EXAMPLE}",
        TABLE_SOURCE,
        f"{_comment(table)}#[sources.table]\n{_settings(TableSettings)}",
        LIVE_SOURCE,
        f"{_comment(api)}#[sources.api]\n{_settings(ApiSettings)}",
        f"{_comment(metrics)}#[sources.api.metrics]\n{_settings(MetricSettings)}",
        f"{_comment(fields['caches'])}#[[caches]]\n{_settings(CacheSettings)}",
        f"{_comment(fields['services'])}{_services()}",
        f"{_comment(fields['probes'])}#[probes]\n{_settings(ProbeSettings)}",
        f"{_comment(ProbeSettings.model_fields['maintenance'])}#[[probes.maintenance]]\n{_maintenance()}",
        f"{_comment(fields['notifiers'])}#[[notifiers]]\n{_settings(NotifierSettings)}",
        f"{_comment(fields['alerts'])}#[alerts]\n{_settings(AlertSettings)}",
        f"{_comment(fields['maintenance'])}{_alert_maintenance()}",
        f"{_comment(fields['anomalies'])}#[anomalies]\n{_settings(AnomalySettings)}",
        f"{_comment(fields['suggestions'])}#[suggestions]\n{_settings(SuggestionSettings)}",
    ]
    return "\n".join(parts)


def _settings(model: type[BaseModel]) -> str:
    fields = model.model_fields.items()
    return "".join(_setting(name, field) for name, field in fields if name not in TABLES)


def _services() -> str:
    """Return a service of each kind: no one has all settings."""
    fields = ServiceSettings.model_fields
    elsewhere = {"url_env": "redis", "host": "tcp", "port": "tcp"}
    text = "".join(_setting(name, field) for name, field in fields.items() if name not in elsewhere)
    parts = [f"#[[services]]\n{text}"]
    for name, kind in (("canary", "tcp"), ("sessions", "redis")):
        own = (_setting(each, fields[each]) for each, owner in elsewhere.items() if owner == kind)
        parts.append(f'#[[services]]\n#name = "{name}"\n#kind = "{kind}"\n{"".join(own)}')
    return "\n".join(parts)


def _maintenance() -> str:
    """Return the settings of a window; its services are a list of names, and no tables."""
    return "".join(_setting(name, field) for name, field in MaintenanceSettings.model_fields.items())


def _alert_maintenance() -> str:
    """Return a window that comes once and one that comes every week: no one has all settings."""
    fields = AlertMaintenanceSettings.model_fields
    weekly = ("weekdays", "start_time", "end_time", "time_zone")
    once = "".join(_setting(name, field) for name, field in fields.items() if name not in weekly)
    every_week = "".join(_setting(name, fields[name]) for name in ("name", *weekly))
    return f"#[[maintenance]]\n{once}#[[maintenance]]\n{every_week}"


def _setting(name: str, field: FieldInfo) -> str:
    if name in SECRET_FIELDS:
        return f"{_comment(field)}# Never in this file: export SOPHIA_{name.upper()}=...\n"
    return f"{_comment(field)}#{name} = {_shown(name, field)}\n"


def _shown(name: str, field: FieldInfo) -> str:
    """Return the default; where there is none, or it is empty, an example."""
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if default:
        return _toml(default)
    return _toml(field.examples[0]) if field.examples else MAPPING_EXAMPLES[name]


def _entries(field: FieldInfo) -> str:
    """Return the lines of a table from its example."""
    examples = cast("list[Mapping[str, object]]", field.examples)
    return "".join(f"#{name} = {_toml(value)}\n" for name, value in examples[0].items())


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
    """Return a scalar, a list or a table as TOML writes it: but for tables as JSON does."""
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        return "{ " + ", ".join(f"{json.dumps(name)} = {_toml(each)}" for name, each in entries.items()) + " }"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, cast('tuple[object, ...]', value)))}]"
    return json.dumps(value if isinstance(value, bool | int | float | list) else str(value))
