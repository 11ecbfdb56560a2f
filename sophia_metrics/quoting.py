"""SQL words from names and values of the configuration: a view cannot have bound parameters."""

from sophia_metrics.errors import ConfigurationError

__all__ = ["file_pattern", "identifier", "json_path", "literal"]


def literal(text: str) -> str:
    """Return the text as an SQL string.

    Raises:
        ConfigurationError: it holds a NUL character, which no name and no value has.
    """
    return "'" + _plain(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return the name as a quoted SQL identifier.

    Raises:
        ConfigurationError: it is empty or holds a NUL character.
    """
    if not name:
        raise ConfigurationError("A column name is empty: write the name as it stands in the file.")
    return '"' + _plain(name).replace('"', '""') + '"'


def json_path(*keys: str) -> str:
    """Return the path of a nested key, for the JSON functions, as plain text."""
    steps = ('"' + _plain(key).replace("\\", "\\\\").replace('"', '\\"') + '"' for key in keys)
    return ".".join(("$", *steps))


def file_pattern(path: str) -> str:
    """Return the SQL string that names this one file, whatever wildcards its name holds."""
    return literal("".join(f"[{each}]" if each in "[*?" else each for each in path))


def _plain(text: str) -> str:
    if "\0" in text:
        raise ConfigurationError("A name or value holds a NUL character: remove it.")
    return text
