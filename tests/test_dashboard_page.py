"""A real browser opens the page: its numbers are those of the tables, and it asks no other host for anything."""

import json
import shutil
from datetime import UTC

import duckdb
import pytest

from sophia_metrics.serving import HELD_NAME
from tests.dashboard_lab import ROWS, Site, publish_usage
from tests.dashboard_version import publish_by_hand
from tests.lab import NOW, event

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:playwright"),
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site.over(publish_usage(tmp_path_factory.mktemp("page"), rows=ROWS))
    yield site
    site.server.stop()


class Opened:
    """A tab on the page, with what it asked for and complained about."""

    def __init__(self, browser, site, **context):
        self.asked, self.complaints = [], []
        self.page = browser.new_context(**context).new_page()
        self.page.clock.install(time=NOW.replace(tzinfo=UTC))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(site.url)

    def text(self, selector):
        return self.page.locator(selector).inner_text()

    def rows(self, selector):
        cells = self.page.locator(f"{selector} tr").all()
        return [row.locator("th, td").all_inner_texts() for row in cells]


@pytest.fixture
def opened(browser, site):
    opened = Opened(browser, site)
    yield opened
    opened.page.context.close()


def test_the_page_shows_the_figures_of_the_tables(opened, site):
    today = site.one("SELECT sum(cost_usd) FROM mart_cost_daily WHERE usage_on = DATE '2026-11-20'")
    month = site.one("SELECT sum(cost_usd) FROM mart_cost_daily WHERE usage_on >= DATE '2026-11-01'")
    projected = site.one("SELECT projected_p50_usd FROM mart_budget_status WHERE budget = 'month'")

    assert opened.text("#spend-today") == f"${today:.2f}" == "$10.50"
    assert opened.text("#spend-month") == f"${month:.2f}" == "$24.50"
    assert opened.text("#spend-projected") == f"${projected:.2f}" == "$36.75"
    assert "1 of unknown cost left out" in opened.text(".tile:has(#spend-today)")
    assert "+50 % against yesterday until 09:15" in opened.text(".tile:has(#spend-today)")
    assert "$6.75 over the budget of $30.00" in opened.text(".tile:has(#spend-projected)")


def test_the_four_cards_of_the_plan_are_there(opened):
    cards = [opened.text(f"#card-{name}") for name in ("cache", "response", "sessions", "health")]

    assert cards == ["37 %", "1.5 s", "2", "down"]


def test_the_tables_beside_the_chart_have_its_figures(opened, site):
    by_day = site.lab.serving.query(
        "SELECT usage_on, sum(cost_usd) FROM mart_cost_daily WHERE cost_usd IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).rows()
    opened.page.locator("#days summary").click()
    shown = {row[0]: row[-1] for row in opened.rows("#day-table tbody")}

    assert opened.rows(".models tbody")[0] == ["gpt-4o", "$28.00", "100 %"]
    assert {f"{day:%a} {day.day} {day:%b}": f"${cost:.2f}" for day, cost in by_day}.items() <= {
        day: total.rstrip("*") for day, total in shown.items()
    }.items()
    assert shown["Fri 20 Nov"] == "$10.50*"
    assert len(shown) == 30


def test_the_bars_are_as_high_as_the_spend_of_their_day(opened):
    heights = opened.page.evaluate(
        "[...document.querySelectorAll('.bar')].map(bar => "
        "[...bar.querySelectorAll('rect:not(.hit)')].reduce((sum, each) => sum + Number(each.getAttribute('height')), 0))"
    )
    top = float(opened.text(".ticks li:first-child").removeprefix("$"))

    assert [round(height / 100 * top, 2) for height in heights if height] == [3.5, 3.5, 10.5, 10.5]


def test_the_tip_over_a_bar_says_what_its_row_says(opened):
    box = opened.page.locator(".canvas svg").bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] * 29.5 / 30, box["y"] + 20)

    assert opened.text("#tip").split("\n")[0] == "Fri 20 Nov"
    assert "$10.50*" in opened.text("#tip")


def test_services_alerts_budgets_and_quality_are_there(opened):
    services = {row[0].split("\n")[0]: row[1].strip() for row in opened.rows("#services tbody")}

    assert services == {"gateway": "healthy", "queue": "unknown", "store": "down"}
    assert "connection refused" in opened.text("#services")
    assert opened.page.locator("#alerts li").count() == 3
    assert "service store is down" in opened.text("#alerts")
    assert "12.00 of $10.00" in opened.text("#budgets")
    assert "ids are unique" in opened.text("#checks")
    assert "1 of 2 expectations hold" in opened.text("main")


def test_the_page_asks_no_other_host_and_complains_of_nothing(opened, site):
    assert len(opened.asked) >= 4
    assert [url for url in opened.asked if not url.startswith(site.url)] == []
    assert opened.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_wider_than_the_screen(browser, site, width, scheme):
    opened = Opened(browser, site, viewport={"width": width, "height": 900}, color_scheme=scheme)
    wide = opened.page.evaluate("document.documentElement.scrollWidth")
    opened.page.context.close()

    assert wide <= width


def test_everything_is_readable_without_scripts(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url)
    shown = page.locator("#spend-today").inner_text(), page.locator("#alerts li").count()
    context.close()

    assert shown == ("$10.50", 3)


@pytest.fixture
def changing(tmp_path):
    site = Site.over(publish_usage(tmp_path))
    yield site
    site.server.stop()


def test_the_page_asks_every_minute_and_shows_a_new_version_by_itself(browser, changing):
    opened = Opened(browser, changing)
    assert "no budget of all spend is published" in opened.text("main")
    publish_by_hand(changing.lab.home, 60, ROWS)
    opened.page.clock.fast_forward("01:05")
    opened.page.wait_for_selector("#spend-projected:has-text('$36.75')")
    answers = []
    opened.page.on("response", lambda response: answers.append(response.status))
    with opened.page.expect_response("**/"):
        opened.page.clock.fast_forward("01:05")
    opened.page.context.close()

    assert answers == [304]


def test_a_page_whose_server_is_gone_says_so(browser, changing):
    opened = Opened(browser, changing)
    changing.server.stop()
    opened.page.clock.fast_forward("01:05")
    opened.page.wait_for_selector("#live:has-text('Not reachable since')")
    shown = opened.text("#live")
    opened.page.context.close()

    assert shown.startswith("Not reachable since")


def test_names_from_the_data_are_text_and_nothing_else(browser, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    site = Site.over(publish_usage(tmp_path, [event("a", "2026-11-20T09:00:00Z", model=evil)]))
    opened = Opened(browser, site)
    shown, complaints = opened.text(".models tbody"), opened.complaints
    opened.page.context.close()
    site.server.stop()

    assert evil in shown
    assert complaints == []


@pytest.mark.parametrize(
    ("stale", "held", "banner"),
    [
        ("true", None, "Stale. app was last collected"),
        ("false", {"held_since_at": "2026-11-20T11:00:00", "held_because": "ids repeat"}, "Stale. A newer version is"),
    ],
)
def test_a_stale_version_is_marked(browser, tmp_path, stale, held, banner):
    rows = {"mart_freshness": [f"('app', TIMESTAMP '2026-11-18 12:00:00', 93600, {stale})"]}
    lab = publish_usage(tmp_path, rows=rows)
    if held:
        (lab.home / "serving" / HELD_NAME).write_text(json.dumps(held))
    site = Site.over(lab)
    opened = Opened(browser, site)
    shown = opened.text(".banner.bad")
    opened.page.context.close()
    site.server.stop()

    assert shown.startswith(banner)
    assert "ids repeat" in shown or not held


def test_sample_data_are_marked(browser, tmp_path):
    lab = publish_usage(tmp_path, rows={})
    with duckdb.connect((lab.home / "serving" / "current.duckdb").resolve()) as version:
        version.execute("UPDATE core_versions SET is_sample = true")
    site = Site.over(lab)
    opened = Opened(browser, site)
    shown = opened.text(".banner.warn")
    opened.page.context.close()
    site.server.stop()

    assert shown.startswith("Sample data.")
