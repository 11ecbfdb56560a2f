"""What each of the four sees: the page and its API, the tables, the webhook, Prefect."""

import hmac
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import httpx
from playwright.sync_api import Browser, sync_playwright

from tests.story.platform import Platform
from tests.story.webhook import SECRET, Webhook

__all__ = ["Witness"]


@dataclass(frozen=True)
class Witness:
    """Asks the page's API, the tables, the webhook and Prefect."""

    platform: Platform
    webhook: Webhook
    browser: Browser

    @classmethod
    @contextmanager
    def of(cls, platform: Platform, webhook: Webhook) -> Generator[Self]:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            yield cls(platform, webhook, browser)
            browser.close()

    def _api(self, path: str) -> Any:
        return httpx.get(f"{self.platform.page_url}{path}", timeout=30).json()

    def statuses(self) -> dict[str, str]:
        """Return how each service is, as the page's API says."""
        components = self._api("/api/v1/health")["components"]
        return {name: each["status"] for name, each in components.items()}

    def status_of(self, service: str) -> str | None:
        return self.statuses().get(service)

    def healthy_services(self) -> set[str]:
        return {name for name, status in self.statuses().items() if status == "healthy"}

    def spend_today(self) -> float:
        return float(self._api("/api/v1/llm/stats")["daily_cost"])

    def budget_state(self, budget: str) -> str | None:
        rows = self.platform.rows(
            f"SELECT budget_state FROM mart_budget_status WHERE budget = '{budget}' AND is_current"
        )
        return rows[0]["budget_state"] if rows else None

    def told(self, kind: str) -> set[str]:
        """Return the rules of which the webhook was told so, and took it."""
        return {each["rule"] for each in self.webhook.accepted if each["kind"] == kind}

    def open_rules(self) -> set[str]:
        """Return the rules of which an episode is open, in the tables."""
        rows = self.platform.rows("SELECT rule FROM core_alert_episodes WHERE state <> 'resolved'")
        return {row["rule"] for row in rows}

    def compare(self, broken: str, budget: str, rules: set[str]) -> None:
        """Hold the four against each other while it is broken."""
        health = self.platform.rows(f"SELECT status FROM mart_service_health WHERE service = '{broken}'")
        assert health == [{"status": "down"}]
        assert self.open_rules() == rules
        assert self.webhook.received[0][0] == 500, "the first message was answered 500"
        for _, headers, body in self.webhook.received:
            signed = hmac.new(SECRET.encode(), headers["X-Sophia-Timestamp"].encode() + b"." + body, sha256).hexdigest()
            assert headers["X-Sophia-Signature"] == f"sha256={signed}"
        (row,) = self.platform.rows(
            f"SELECT spent_usd, limit_usd FROM mart_budget_status WHERE budget = '{budget}' AND is_current"
        )
        assert Decimal(row["spent_usd"]) >= Decimal(row["limit_usd"])
        assert abs(Decimal(str(self.spend_today())) - Decimal(row["spent_usd"])) < Decimal("0.01")
        text = self._page_text()
        assert broken in text
        assert budget in text
        assert self.platform.failed_runs() == []

    def compare_the_end(self, rules: set[str]) -> None:
        """Hold them against each other after repair."""
        fired = [each["episode_id"] for each in self.webhook.accepted if each["kind"] == "fire"]
        resolved = [each["episode_id"] for each in self.webhook.accepted if each["kind"] == "resolve"]
        assert sorted(fired) == sorted(resolved)
        assert len(fired) == len(rules), "each alert was sent once"
        deliveries = self.platform.rows("SELECT DISTINCT status FROM core_alert_deliveries")
        assert deliveries == [{"status": "sent"}]
        assert self.platform.failed_runs() == []

    def take_pictures(self, folder: Path) -> None:
        """Photograph the page and the runs in the Prefect UI."""
        for name, url, size in (
            ("dashboard.png", self.platform.page_url, (1280, 900)),
            ("prefect.png", f"{self.platform.prefect_url}/runs", (1280, 900)),
        ):
            page = self.browser.new_page(viewport={"width": size[0], "height": size[1]})
            page.goto(url, wait_until="networkidle")
            page.screenshot(path=folder / name, full_page=name == "dashboard.png")
            page.close()

    def _page_text(self) -> str:
        page = self.browser.new_page()
        page.goto(self.platform.page_url)
        text = page.inner_text("body")
        page.close()
        return text
