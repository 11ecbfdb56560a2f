"""Nobody reads the page who should not: host names, tokens, changes, and no other host in it."""

import re

import httpx
import pytest

from sophia_metrics.dashboard.access import access_from
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import DashboardSettings
from tests.dashboard_lab import TOKEN, Site
from tests.lab import Lab

TOKENS = {"DASHBOARD_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab(tmp_path_factory.mktemp("access") / "state")


@pytest.fixture(scope="module")
def open_site(lab):
    site = Site.over(lab, access=access_from(DashboardSettings(), {}))
    yield site
    site.server.stop()


@pytest.fixture(scope="module")
def closed(lab):
    site = Site.over(lab, access=access_from(DashboardSettings(), TOKENS))
    yield site
    site.server.stop()


def test_another_host_than_loopback_needs_a_token_and_the_message_names_its_variable():
    with pytest.raises(ConfigurationError, match=r"dashboard\.host is 192\.0\.2\.1.*export METRICS_KEY"):
        access_from(DashboardSettings.model_validate({"host": "192.0.2.1", "token_env": "METRICS_KEY"}), TOKENS)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_needs_none(host):
    assert access_from(DashboardSettings(host=host), {}).token is None


def test_a_short_token_is_refused_and_not_shown():
    with pytest.raises(ConfigurationError, match="shorter than 16 characters") as raised:
        access_from(DashboardSettings(), {"DASHBOARD_TOKEN": "short"})
    assert "'short'" not in str(raised.value)
    assert TOKEN not in repr(access_from(DashboardSettings(), TOKENS))


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1:8321", True),
        ("localhost", True),
        ("LOCALHOST.:99", True),
        ("[::1]:8321", True),
        ("rebound.example.com", False),
        ("localhost.example.com:8321", False),
        ("10.1.2.3", False),
        ("", False),
    ],
)
def test_on_loopback_only_its_own_names_are_answered(host, is_ours):
    assert access_from(DashboardSettings(), {}).is_our_name(host) is is_ours


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [("10.1.2.3:8321", True), ("metrics.example.com", True), ("evil.example.com", False)],
)
def test_elsewhere_addresses_and_named_hosts_are_answered(host, is_ours):
    settings = DashboardSettings(host="192.0.2.1", host_names=("metrics.example.com",))
    assert access_from(settings, TOKENS).is_our_name(host) is is_ours


def test_a_foreign_name_is_refused_before_anything_is_read(open_site):
    answer = httpx.get(open_site.url, headers={"Host": "rebound.example.com"})

    assert answer.status_code == 421
    assert "dashboard.host_names" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/v1/llm/stats", "/openapi.json", "/nowhere"])
def test_where_a_token_is_set_everybody_needs_it(closed, path):
    answer = httpx.get(f"{closed.url}{path}")

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "sign in at /sign-in" in answer.json()["detail"]


def test_the_bearer_token_opens_and_a_wrong_one_does_not(closed):
    def status(token):
        headers = {"Authorization": f"Bearer {token}".encode()}
        return httpx.get(f"{closed.url}/openapi.json", headers=headers).status_code

    assert [status(TOKEN), status(TOKEN[:-1]), status("é")] == [200, 401, 401]


def test_a_person_signs_in_once_and_the_cookie_holds_no_token(closed):
    with httpx.Client(base_url=closed.url, follow_redirects=True) as browser:
        form = browser.get("/")
        wrong = browser.post("/sign-in", data={"token": "guessed, and long enough"})
        page = browser.post("/sign-in", data={"token": TOKEN})
        cookie = page.history[0].headers["set-cookie"]

    assert form.url.path == "/sign-in"
    assert (wrong.status_code, "That is not the token" in wrong.text) == (401, True)
    assert (page.status_code, page.url.path) == (200, "/")
    assert TOKEN not in cookie
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))


def test_a_forged_cookie_opens_nothing(closed):
    answer = httpx.get(f"{closed.url}/openapi.json", headers={"Cookie": "sophia_metrics_session=" + "0" * 64})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"X-Sophia-Metrics": "1"}, 404),
        ({"X-Sophia-Metrics": "1", "Origin": "http://evil.example.com"}, 403),
        ({"X-Sophia-Metrics": "1", "Origin": "null"}, 403),
    ],
)
def test_a_change_comes_from_our_own_page_or_not_at_all(open_site, headers, status):
    answer = httpx.post(f"{open_site.url}/nowhere", headers=headers)  # 404: it passed the gate

    assert answer.status_code == status


def test_the_cookie_alone_changes_nothing_and_the_bearer_token_does(closed):
    session = access_from(DashboardSettings(), TOKENS).session
    cookie = httpx.post(f"{closed.url}/nowhere", headers={"Cookie": f"sophia_metrics_session={session}"})
    bearer = httpx.post(f"{closed.url}/nowhere", headers={"Authorization": f"Bearer {TOKEN}"})

    assert (cookie.status_code, bearer.status_code) == (403, 404)


@pytest.mark.parametrize("path", ["/", "/health", "/static/page.css", "/nowhere"])
def test_every_answer_keeps_the_page_to_itself(open_site, path):
    headers = httpx.get(f"{open_site.url}{path}").headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


@pytest.mark.parametrize("name", ["page.css", "page.js"])
def test_the_assets_name_no_other_host(open_site, name):
    text = httpx.get(f"{open_site.url}/static/{name}").text

    assert set(re.findall(r"https?://[^\"'/ ]+", text)) <= {"http://www.w3.org"}  # the name of SVG, never asked for
    assert "@import" not in text
