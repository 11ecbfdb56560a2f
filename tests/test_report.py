"""The report shows what the published version says, in files that need nothing else."""

import re
import struct
import sys
from datetime import date, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from sophia_metrics.dashboard.forecast import Forecast, ForecastDay, SpentDay, forecast_chart
from sophia_metrics.dashboard.report import write_report
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.serving import Serving
from tests.command_line import CommandLine
from tests.dashboard_lab import ROWS, publish_usage
from tests.lab import NOW

MONDAY = date(2026, 11, 16)
AHEAD = [
    f"('all', 'all', DATE '2026-11-{day}', 2, 4, 8, 'level by weekday', DATE '2026-11-19')" for day in (20, 21, 22)
]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    lab = publish_usage(tmp_path_factory.mktemp("report"), rows={**ROWS, "mart_cost_forecast": AHEAD})
    return lab.home


@pytest.fixture
def written(home, tmp_path):
    report = write_report(Serving(home), tmp_path / "a" / "report", NOW, "UTC", has_pictures=True)
    return {path.name: path for path in report.files}


def day(place, *amounts):
    return MONDAY + timedelta(days=place), *(None if each is None else Decimal(each) for each in amounts)


def test_the_page_is_one_file_that_refers_to_nothing_outside_of_it(written):
    page = written["report.html"].read_text()
    addresses = re.findall(r"""(?:src|href|action)=["']([^"']*)""", page)
    assert addresses
    assert all(each.startswith("data:") for each in addresses)
    assert "<script" not in page
    assert "@import" not in page
    assert "url(" not in page


def test_the_page_has_the_figures_of_the_version(written):
    page = written["report.html"].read_text()
    assert "$10.50" in page  # today
    assert "$36.75" in page  # expected at the end of the month


def test_the_charts_are_well_formed_and_say_what_they_show(written):
    texts = {
        name: " ".join(each.text.strip() for each in ET.parse(written[name]).iter(f"{SVG}text") if each.text)  # noqa: S314 - of our own making
        for name in ("spend-by-model.svg", "forecast.svg")
    }
    assert "Spend by model $28.00 from" in texts["spend-by-model.svg"]
    assert "gpt-4o $28.00" in texts["spend-by-model.svg"]
    assert "Made by level by weekday." in texts["forecast.svg"]


def test_pictures_are_png_of_twice_the_size(written):
    content = written["spend-by-model.png"].read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == (1920, 840)


def test_without_what_draws_pictures_it_says_what_to_install(home, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)  # as where the extra is not installed
    with pytest.raises(ConfigurationError, match=r"pip install 'sophia-metrics\[png\]'"):
        write_report(Serving(home), tmp_path / "report", NOW, "UTC", has_pictures=True)
    assert not (tmp_path / "report").exists()


def test_the_forecast_is_drawn_behind_the_days_that_it_was_made_from():
    before = (SpentDay(*day(0, 8)), SpentDay(*day(1, 4)), SpentDay(*day(2, None)), SpentDay(*day(3, 2)))
    ahead = (ForecastDay(*day(4, 2, 4, 8)), ForecastDay(*day(5, 0, 2, 4)))
    chart = forecast_chart(Forecast(before, ahead, "level by weekday"))

    assert chart.ticks == (8, 6, 4, 2, 0)
    assert chart.spent == ("5,0 15,50", "35,75")  # the unknown day parts the line
    assert chart.middle == "45,50 55,75"
    assert chart.band == "45,0 55,50 55,100 45,75"  # along the top, and back along the bottom
    assert (chart.today_x, chart.width) == (40, 60)


def test_the_command_writes_and_names_the_files(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOPHIA_HOME", str(home))
    facts = CommandLine(tmp_path).facts("report", "--folder", "out")
    assert facts == {"version": 50, "files": ["out/report.html", "out/spend-by-model.svg", "out/forecast.svg"]}
    assert (tmp_path / "out" / "forecast.svg").is_file()
