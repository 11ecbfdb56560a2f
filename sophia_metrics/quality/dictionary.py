"""Every expectation, as Markdown for people: `python -m sophia_metrics.quality.dictionary` prints it.

docs/quality.md holds it.
"""

import sys
from collections.abc import Iterable

from sophia_metrics.quality.expectation import Expectation
from sophia_metrics.quality.suites import QUARANTINED_SHARE, STAGED, SUITES

__all__ = ["render"]


def render() -> str:
    """Return a table for each suite."""
    return "\n".join(_section(suite.name, suite.doc, _all(suite.name, suite.expectations)) for suite in SUITES)


def _all(name: str, expectations: Iterable[Expectation]) -> list[Expectation]:
    return [*expectations, *([QUARANTINED_SHARE] if name == STAGED.name else [])]


def _section(name: str, doc: str, expectations: Iterable[Expectation]) -> str:
    rows = "".join(f"| `{each.name}` | {each.severity} | {each.dimension} | {each.why} |\n" for each in expectations)
    heading = f"### {name}\n\n{doc}\n\n"
    return f"{heading}| expectation | severity | dimension | fails where |\n| --- | --- | --- | --- |\n{rows}"


if __name__ == "__main__":
    sys.stdout.write(render())
