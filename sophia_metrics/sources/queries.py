"""The SQL files of the formats."""

from importlib import resources

__all__ = ["source_query"]


def source_query(name: str) -> str:
    """Return the statement of sql/sources/<name>.sql."""
    return (resources.files("sophia_metrics") / "sql" / "sources" / f"{name}.sql").read_text(encoding="utf-8")
