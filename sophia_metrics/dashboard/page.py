"""From the overview to HTML, without any other host: templates, one style sheet, one script."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sophia_metrics.dashboard import formats
from sophia_metrics.dashboard.chart import Chart, spend_chart
from sophia_metrics.dashboard.forecast import ForecastChart, forecast_chart
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
            "style": None,
        }

    def overview(self, overview: Overview) -> bytes:
        """Return the page of one version."""
        return self._overview(overview)

    def report(self, overview: Overview) -> bytes:
        """Return the same page as one file that asks nobody for anything: with its style, without a script."""
        style = self.assets["page.css"].content.decode()
        return self._overview(overview, style=Markup(style), asset=self._inlined)  # noqa: S704 - a file of ours

    def drawings(self, overview: Overview) -> dict[str, bytes]:
        """Return the charts that there are as SVG files, by name."""
        spend, forecast = self._spend_chart(overview), self._forecast_chart(overview)
        drawn = {"spend-by-model": spend if spend and spend.total else None, "forecast": forecast}
        return {name: self._render(f"{name}.svg", view=overview, chart=each) for name, each in drawn.items() if each}

    def nothing(self, message: str) -> bytes:
        """Return the page that is shown where nothing can be read, and what to do."""
        return self._render("nothing.html", message=message)

    def sign_in(self, *, is_wrong: bool) -> bytes:
        """Return the form that asks for the token."""
        return self._render("sign_in.html", is_wrong=is_wrong)

    def _overview(self, overview: Overview, **values: object) -> bytes:
        chart, forecast = self._spend_chart(overview), self._forecast_chart(overview)
        return self._render("overview.html", view=overview, chart=chart, forecast=forecast, **values)

    @staticmethod
    def _spend_chart(overview: Overview) -> Chart | None:
        return spend_chart(overview.spend) if overview.spend else None

    @staticmethod
    def _forecast_chart(overview: Overview) -> ForecastChart | None:
        return forecast_chart(overview.forecast) if overview.forecast else None

    def _inlined(self, name: str) -> str:
        asset = self.assets[name]
        return f"data:{asset.media_type};base64,{b64encode(asset.content).decode()}"

    def _render(self, template: str, **values: object) -> bytes:
        return self._templates.get_template(template, globals=self._shared).render(**values).encode()

    def _address(self, name: str) -> str:
        return f"/static/{name}?v={self.assets[name].sha256[:12]}"


def _asset(name: str, media_type: str) -> Asset:
    content = (resources.files(PACKAGE) / "static" / name).read_bytes()
    return Asset(content, media_type, hashlib.sha256(content).hexdigest())
