"""The formats by name; an adapter is imported when it is asked for."""

import importlib

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.live.registry import LIVE_FORMATS, find_live_format
from sophia_metrics.sources.table_settings import TABLE_FORMATS

__all__ = ["FORMAT_NAMES", "find_format"]

_MODULES = {
    "litellm": "sophia_metrics.sources.litellm",
    "claude": "sophia_metrics.sources.claude",
    "events": "sophia_metrics.sources.events",
    "codex": "sophia_metrics.sources.codex",
    "openrouter": "sophia_metrics.sources.openrouter",
    "langfuse": "sophia_metrics.sources.langfuse",
    "bedrock": "sophia_metrics.sources.bedrock",
}

FORMAT_NAMES: tuple[str, ...] = tuple(_MODULES)
"""The formats of files that need no configuration of their own; `mapped` is built from a ColumnMapping instead, tables
of Snowflake and what answers over the network are pulled."""


def find_format(name: str) -> Format:
    """Return the format of that name.

    Raises:
        ConfigurationError: there is none; the message lists those that there are.
    """
    if name in LIVE_FORMATS:
        return find_live_format(name).format
    if name not in _MODULES and name not in TABLE_FORMATS:
        raise ConfigurationError(
            f"There is no format {name!r}. Formats: {', '.join(FORMAT_NAMES)}; "
            f"or 'mapped' with a [mapping] of columns; or {', '.join((*TABLE_FORMATS, *LIVE_FORMATS))}. "
            f'Example: format = "{FORMAT_NAMES[0]}".'
        )
    module = importlib.import_module(_MODULES.get(name, f"sophia_metrics.sources.{name}"))
    found: Format = module.FORMAT
    return found
