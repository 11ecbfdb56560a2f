"""A small platform lives for some minutes, breaks and is mended: `python -m tests.story FOLDER`.

It starts a redis-server, five small services and an application that writes LiteLLM's log, and runs `sophia-metrics
serve` over them. Then a service breaks and a budget is overspent: the page, the tables, the Prefect UI and the webhook
must tell the same story. After repair the alerts must resolve. Pictures of the page and of the Prefect UI are left in
FOLDER. It needs Chromium.
"""

import sys
from contextlib import ExitStack
from pathlib import Path

from tests.redis_server import RedisServer
from tests.story.platform import Platform
from tests.story.services import five_services
from tests.story.traffic import Traffic
from tests.story.waiting import until
from tests.story.webhook import recording_webhook
from tests.story.witness import Witness

BROKEN = "gong"
BUDGET = "daily"
RULES = {"service-down", "budget-80", "budget-100"}


def tell(folder: Path) -> None:
    """Live through the story; an assertion says where the witnesses differ."""
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer.running())
        services = stack.enter_context(five_services())
        webhook = stack.enter_context(recording_webhook())
        traffic = stack.enter_context(Traffic(folder / "logs" / "spend.jsonl", redis.url))
        platform = stack.enter_context(Platform.serving(folder, redis.url, services, webhook))
        witness = stack.enter_context(Witness.of(platform, webhook))

        say("everything is well")
        platform.run_now("collect-usage", "probe-services", "check-budgets")
        until("the page shows five healthy services", lambda: witness.healthy_services() >= set(services))
        until("the page shows spend", lambda: witness.spend_today() > 0)

        say(f"{BROKEN} breaks, and the budget {BUDGET} is overspent")
        services[BROKEN].broken.set()
        traffic.is_spending.set()
        until(
            "the budget is over",
            lambda: platform.run_now("collect-usage", "check-budgets") or witness.budget_state(BUDGET) == "over",
            seconds=420,
        )
        traffic.is_spending.clear()
        until(f"{BROKEN} is down", lambda: witness.status_of(BROKEN) == "down")
        until("the webhook was told", lambda: witness.told("fire") == RULES)
        witness.compare(BROKEN, BUDGET, RULES)
        witness.take_pictures(folder)

        say("both are mended")
        services[BROKEN].broken.clear()
        platform.command("budgets", "set", BUDGET, "--limit", "100000", "--period", "day")
        until(f"{BROKEN} is healthy", lambda: witness.status_of(BROKEN) == "healthy")
        until("the webhook was told that all is well", lambda: witness.told("resolve") == RULES)
        until("no alert is open", lambda: not witness.open_rules())
        witness.compare_the_end(RULES)
    say("the end: every alert that was sent is resolved")


def say(what: str) -> None:
    print(f"— {what}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    place = Path(sys.argv[1]).resolve()
    place.mkdir(parents=True, exist_ok=True)
    tell(place)
