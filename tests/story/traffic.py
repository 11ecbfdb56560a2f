"""A made-up application: it writes LiteLLM's log line by line, and counts the lookups of its response cache."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Self

import redis

from sophia_metrics.cache.lookups import Lookup, Outcome, record_lookup

__all__ = ["Traffic"]

CALLS_A_SECOND = 4
MODELS = (("gpt-4o", "openai"), ("gpt-4o-mini", "openai"), ("claude-sonnet-4-5", "anthropic"))
TEAMS = ("search", "support", "growth")


class Traffic:
    """Calls of three models by three teams; `is_spending` makes each of them forty times as long."""

    def __init__(self, log: Path, redis_url: str) -> None:
        self.log = log
        self._redis = redis.Redis.from_url(redis_url)
        self.is_spending = Event()
        self._stopped = Event()
        self._random = Random(7)  # noqa: S311 - the same calls every time
        self._number = 0
        self._thread = Thread(target=self._write_on, daemon=True)

    def __enter__(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.write_past(hours=30)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._redis.close()

    def write_past(self, hours: int) -> None:
        """Write the calls of the hours before now, one a minute."""
        now = datetime.now(UTC)
        with self.log.open("a", encoding="utf-8") as file:
            file.writelines(self._line(now - timedelta(minutes=minute)) for minute in range(hours * 60, 0, -1))

    def _write_on(self) -> None:
        while not self._stopped.wait(1 / CALLS_A_SECOND):
            now = datetime.now(UTC)
            with self.log.open("a", encoding="utf-8") as file:
                file.write(self._line(now))
            outcome = self._random.choices((Outcome.EXACT, Outcome.SEMANTIC, Outcome.MISS), (2, 1, 5))[0]
            lookup = Lookup("redis", outcome, lookup_ms=1.5, saved_tokens=None if outcome is Outcome.MISS else 700)
            record_lookup(self._redis, "story", lookup, now)
            self._redis.setex(f"cache:{self._number}", 3600, "an answer")

    def _line(self, at: datetime) -> str:
        self._number += 1
        model, provider = self._random.choice(MODELS)
        factor = 40 if self.is_spending.is_set() else 1
        prompt, answer = self._random.randint(200, 1200) * factor, self._random.randint(50, 400) * factor
        call = {
            "request_id": f"story-{at:%Y%m%d%H%M%S%f}-{self._number}",
            "call_type": "acompletion",
            "startTime": at.isoformat(),
            "endTime": (at + timedelta(milliseconds=self._random.randint(300, 2500))).isoformat(),
            "model": model,
            "custom_llm_provider": provider,
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "total_tokens": prompt + answer,
            "team_id": self._random.choice(TEAMS),
            "session_id": f"session-{self._number // 20}",
            "status": "success",
            "metadata": {"usage_object": {"prompt_tokens": prompt, "completion_tokens": answer}},
        }
        return json.dumps(call) + "\n"
