"""The pipeline of the story: a sophia.toml over its parts, and `sophia-metrics serve` as a process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from tests.redis_server import free_port
from tests.story.services import SmallService
from tests.story.waiting import until
from tests.story.webhook import SECRET, Webhook

__all__ = ["Platform"]

PROGRAM = str(Path(sys.executable).with_name("sophia-metrics"))

SETTINGS = """
[dashboard]
port = {page_port}

[[sources]]
name = "gateway"
format = "litellm"
paths = ["logs"]

[[caches]]
name = "answers"
url = "{redis_url}"
key_patterns = ["cache:*"]

[[budgets]]
name = "daily"
period = "day"
limit_usd = 20

[[budgets]]
name = "monthly"
period = "month"
limit_usd = 3000

[[notifiers]]
name = "ops"
kind = "webhook"
url_env = "STORY_WEBHOOK_URL"
secret_env = "STORY_WEBHOOK_SECRET"

[alerts]
resolve_after_seconds = 0
is_inhibiting = false

[[services]]
name = "redis"
kind = "redis"
url = "{redis_url}"
"""
SERVICE = """
[[services]]
name = "{name}"
kind = "http"
url = "{url}"
interval_seconds = 30
failure_threshold = 2
success_threshold = 1
required_by = ["assistant"]
"""


@dataclass(frozen=True)
class Platform:
    """`sophia-metrics serve` in a folder.

    `page_url` and `prefect_url` are where its page and its Prefect server listen.
    """

    folder: Path
    environment: Mapping[str, str]
    page_url: str
    prefect_url: str

    @classmethod
    @contextmanager
    def serving(
        cls, folder: Path, redis_url: str, services: Mapping[str, SmallService], webhook: Webhook
    ) -> Generator[Self]:
        """Write sophia.toml, start the process, and stop it as an operator does."""
        page_port, prefect_port = free_port(), free_port()
        parts = [SERVICE.format(name=each.name, url=each.url) for each in services.values()]
        text = SETTINGS.format(page_port=page_port, redis_url=redis_url) + "".join(parts)
        (folder / "sophia.toml").write_text(text, encoding="utf-8")
        prefect_url = f"http://127.0.0.1:{prefect_port}"
        environment = {
            **os.environ,
            "SOPHIA_HOME": str(folder / ".sophia"),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"{prefect_url}/api",
            "PREFECT_UI_API_URL": f"{prefect_url}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "STORY_WEBHOOK_URL": webhook.url,
            "STORY_WEBHOOK_SECRET": SECRET,
        }
        server = [str(Path(PROGRAM).with_name("prefect")), "server", "start", "--port", str(prefect_port)]
        with _running(server, folder, environment, "prefect.log"):
            until("Prefect answers", lambda: _answers(f"{prefect_url}/api/health"), seconds=120)
            with _running([PROGRAM, "serve"], folder, environment, "serve.log"):
                platform = cls(folder, environment, f"http://127.0.0.1:{page_port}", prefect_url)
                until("the schedules are there", lambda: "check-alerts" in platform.deployments(), seconds=180)
                yield platform

    def deployments(self) -> dict[str, str]:
        """Return the ids of the deployments that Prefect knows, by name."""
        found = httpx.post(f"{self.prefect_url}/api/deployments/filter", json={}, timeout=30).json()
        return {each["name"]: each["id"] for each in found}

    def run_now(self, *names: str) -> None:
        """Let deployments run between two ticks of their schedules, one after the other."""
        for name in names:
            url = f"{self.prefect_url}/api/deployments/{self.deployments()[name]}/create_flow_run"
            run = httpx.post(url, json={}, timeout=30).json()["id"]
            until(f"{name} has run", lambda run=run: self.run_state(run) in {"COMPLETED", "CANCELLED"}, seconds=180)

    def run_state(self, run: str) -> str:
        """Return the state of a flow run."""
        return str(httpx.get(f"{self.prefect_url}/api/flow_runs/{run}", timeout=30).json()["state_type"])

    def failed_runs(self) -> list[str]:
        """Return the names of flow runs that failed or crashed."""
        wanted = {"flow_runs": {"state": {"type": {"any_": ["FAILED", "CRASHED"]}}}}
        found = httpx.post(f"{self.prefect_url}/api/flow_runs/filter", json=wanted, timeout=30).json()
        return [each["name"] for each in found]

    def command(self, *arguments: str) -> str:
        """Run a command of ours beside the server, and return what it prints."""
        done = subprocess.run(
            [PROGRAM, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Query the published version."""
        return json.loads(self.command("sql", sql, "--json"))


@contextmanager
def _running(command: list[str], folder: Path, environment: Mapping[str, str], log: str) -> Generator[None]:
    with (folder / log).open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False
