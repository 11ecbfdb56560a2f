"""Tags are short names and values: what is longer is not a tag and could be a prompt, so it never leaves the file."""

from collections.abc import Iterable

from sophia_metrics.quoting import identifier

__all__ = ["short_tag_list", "short_tag_map", "short_tags"]

LONGEST_NAME = 64
LONGEST_VALUE = 128
MOST_TAGS = 32


def short_tags(tags: Iterable[str]) -> list[str]:
    """Return the short ones of a list of tags, 32 at most, where they are read without SQL."""
    return [tag for tag in tags if len(tag) <= LONGEST_NAME + LONGEST_VALUE][:MOST_TAGS]


def short_tag_list(key: str) -> str:
    """Return the expression that keeps the short ones of a list of tags, 32 at most."""
    longest = LONGEST_NAME + LONGEST_VALUE
    return f"list_filter({identifier(key)}, lambda tag: length(tag) <= {longest})[:{MOST_TAGS}]"


def short_tag_map(key: str) -> str:
    """Return the expression that keeps the short ones of a map of tags, 32 at most."""
    return (
        f"map_from_entries(list_filter(map_entries({identifier(key)}), lambda tag: length(tag.key) <= {LONGEST_NAME} "
        f"AND length(coalesce(tag.value, '')) <= {LONGEST_VALUE})[:{MOST_TAGS}])"
    )
