"""The keys of a file: those that its rows have, and those that its folders tell."""

from collections.abc import Collection, Sequence
from pathlib import Path

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.sources.file_source import SourceFile
from sophia_metrics.sources.format import Format

__all__ = ["check_keys", "hive_keys"]


def check_keys(keys: Collection[str], file: SourceFile, file_format: Format, required: Sequence[str]) -> None:
    """Check that a file with these keys is of this format.

    Raises:
        ConfigurationError: it has none of the format's signature, or lacks one that is required.
    """
    if not set(keys) & set(file_format.signature):
        expected = ", ".join(file_format.signature)
        raise ConfigurationError(
            f"{file.name} is no file of format {file_format.name!r}: it has none of the keys {expected}. "
            "Correct the source's format or its paths."
        )
    missing = [key for key in required if key not in keys]
    if missing:
        raise ConfigurationError(
            f"{file.name} lacks the columns {', '.join(missing)} that format {file_format.name!r} needs. "
            "Correct the source's mapping or its paths."
        )


def hive_keys(file: SourceFile) -> dict[str, str]:
    """Return the values that the folders of a Parquet file tell, as in `team=search/part-0.parquet`."""
    folders = Path(file.path).parts[:-1]
    pairs = (folder.partition("=") for folder in folders if "=" in folder.strip("="))
    return {key: value for key, _, value in pairs if value != "__HIVE_DEFAULT_PARTITION__"}
