"""From the overview to HTML, without any other host: templates, one style sheet, one script."""

import hashlib
from dataclasses import dataclass
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined

from sophia_metrics.dashboard import formats
from sophia_metrics.dashboard.chart import spend_chart
from sophia_metrics.dashboard.meter import budget_meter
from sophia_metrics.dashboard.overview import Overview

__all__ = ["Asset", "Page"]

PACKAGE = "sophia_metrics.dashboard"
ASSET_TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "favicon.svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page. Its address carries its hash, so that it may be kept for ever."""

    content: bytes
    media_type: str
    sha256: str


class Page:
    """Renders; it holds the templates and the assets."""

    def __init__(self) -> None:
        self.assets = {name: _asset(name, media_type) for name, media_type in ASSET_TYPES.items()}
        self._templates = Environment(
            loader=PackageLoader(PACKAGE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._shared = {name: getattr(formats, name) for name in formats.__all__} | {
            "asset": self._address,
            "budget_meter": budget_meter,
        }

    def overview(self, overview: Overview) -> bytes:
        """Return the page of one version."""
        chart = spend_chart(overview.spend) if overview.spend else None
        return self._render("overview.html", view=overview, chart=chart)

    def nothing(self, message: str) -> bytes:
        """Return the page that is shown where nothing can be read, and what to do."""
        return self._render("nothing.html", message=message)

    def sign_in(self, *, is_wrong: bool) -> bytes:
        """Return the form that asks for the token."""
        return self._render("sign_in.html", is_wrong=is_wrong)

    def _render(self, template: str, **values: object) -> bytes:
        return self._templates.get_template(template, globals=self._shared).render(**values).encode()

    def _address(self, name: str) -> str:
        return f"/static/{name}?v={self.assets[name].sha256[:12]}"


def _asset(name: str, media_type: str) -> Asset:
    content = (resources.files(PACKAGE) / "static" / name).read_bytes()
    return Asset(content, media_type, hashlib.sha256(content).hexdigest())
