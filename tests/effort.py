"""How hard property tests try: `TEST_EFFORT=10 uv run pytest` tries ten times as many examples as every change does."""

import os

__all__ = ["examples"]

EFFORT = float(os.environ.get("TEST_EFFORT", "1"))


def examples(count: int) -> int:
    """Return how many examples a test tries that by default tries `count`."""
    return max(1, round(count * EFFORT))
