"""A small installation that lives for many runs in one process: growing usage, a cache, services, alerts, the page."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from flows.run_pipeline import run_pipeline
from sophia_metrics.dashboard.reading import load_overview
from sophia_metrics.serving import Serving
from sophia_metrics.settings import load_settings
from tasks.clock import utc_now
from tests.flows.place import SETTINGS, Place, call
from tests.misbehaving import free_port, http, serving
from tests.receiver import Receiver
from tests.redis_server import RedisServer
from tests.soak.holdings import Holdings

PARTS = """
[[budgets]]
name = "daily"
limit_usd = 1
period = "day"

[[caches]]
name = "answers"
url = "{redis}"

[[services]]
name = "chat"
kind = "http"
url = "http://127.0.0.1:{chat}/health"
interval_seconds = 10

[[services]]
name = "mail"
kind = "http"
url = "http://127.0.0.1:{mail}/health"
interval_seconds = 10

[[notifiers]]
name = "ops"
kind = "webhook"
url_env = "OPS_WEBHOOK_URL"
secret_env = "OPS_WEBHOOK_SECRET"
"""


def live(folder: Path, runs: int, every: int) -> Iterator[Holdings]:
    """Run the whole pipeline so often, each time with new usage; yield what the process holds every so many runs."""
    with ExitStack() as stack:
        temporary = folder / "temporary"
        temporary.mkdir()
        before = tempfile.tempdir, dict(os.environ)
        stack.callback(_put_back, *before)
        tempfile.tempdir = str(temporary)
        receiver = stack.enter_context(Receiver())
        redis = stack.enter_context(RedisServer.running())
        chat = stack.enter_context(serving(http(200, {"status": "ok"})))
        os.environ |= {"OPS_WEBHOOK_URL": receiver.url, "OPS_WEBHOOK_SECRET": "a key of the tests, not a secret"}
        place = Place.at(folder)
        parts = PARTS.format(redis=redis.url, chat=chat, mail=free_port())
        (folder / "sophia.toml").write_text(SETTINGS + parts)
        settings = load_settings(folder)
        for number in range(1, runs + 1):
            day = datetime.now(UTC).date().isoformat()
            place.write(f"usage-{number}.jsonl", *(call(f"r{number}-{each}", day) for each in range(20)))
            run_pipeline.fn(config=place.config)
            load_overview(Serving(settings.home), utc_now(), settings.time_zone)
            if number % every == 0:
                yield Holdings.after(number, settings.home, temporary)


def _put_back(tempdir: str | None, environment: dict[str, str]) -> None:
    tempfile.tempdir = tempdir
    os.environ.clear()
    os.environ.update(environment)
