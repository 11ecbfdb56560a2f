"""A report for people who cannot reach the page: one HTML file that needs nothing else, and its charts."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from sophia_metrics.dashboard.page import Page
from sophia_metrics.dashboard.picture import png_of
from sophia_metrics.dashboard.reading import load_overview
from sophia_metrics.durable import place_file
from sophia_metrics.serving import Serving

__all__ = ["Written", "write_report"]


@dataclass(frozen=True, slots=True)
class Written:
    """What a report consists of: the files, the page first, and the version that they show."""

    version: int
    files: tuple[Path, ...]


def write_report(serving: Serving, folder: Path, now: datetime, time_zone: str, *, has_pictures: bool) -> Written:
    """Write report.html and its charts as SVG into a folder, which is made; files of an earlier report are replaced.

    Args:
        serving: the published versions.
        folder: where to.
        now: the present (naive UTC); it says which day and month this is.
        time_zone: IANA name of the zone that rules them.
        has_pictures: the charts as PNG, too.

    Raises:
        ConfigurationError: nothing is published yet, or pictures are wanted and vl-convert is not installed.
        ServiceUnavailableError: the version cannot be read.
    """
    overview, page = load_overview(serving, now, time_zone), Page()
    contents = {"report.html": page.report(overview)}
    for name, drawing in page.drawings(overview).items():
        contents[f"{name}.svg"] = drawing
        if has_pictures:
            contents[f"{name}.png"] = png_of(drawing)
    for name, content in contents.items():
        place_file(folder / name, partial(_fill, content))
    return Written(overview.version, tuple(folder / name for name in contents))


def _fill(content: bytes, path: Path) -> None:
    path.write_bytes(content)
