"""OpenRouter's generations: what single calls were billed, asked for by their ids, one request a call.

OpenRouter lists no calls: the ids come from a file that the application writes. A response tells more than this in its
own `usage`, what was written to a cache too: log responses and read them as the format `openrouter` where you can.

Source: https://openrouter.ai/docs/api/api-reference/generations/get-generation.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.sources.format import LandedColumn
from sophia_metrics.sources.live.api import Api
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat, Row
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.openrouter import FORMAT as FILES
from sophia_metrics.windows import Window

__all__ = ["LIVE"]

KEY = "OPENROUTER_API_KEY"
HOUR = timedelta(hours=1)
DATED = re.compile(r"gen-(?P<seconds>\d{10})-[\w-]+")
"""An id as OpenRouter makes them: it tells when the call began."""
STRUCT = next(column.duckdb_type for column in FILES.columns if column.name == "generation")
FIELDS = tuple(re.findall(r"(\w+) [A-Z]", STRUCT.removeprefix("STRUCT(")))


class Named(TypedDict, total=False):
    """A line of the file: an id, and when the call began where the id does not say; seconds of the epoch."""

    id: str
    created: float


class Answer(TypedDict):
    """One call."""

    data: dict[str, Any]


NAMED, ANSWER = TypeAdapter(Named), TypeAdapter(Answer)


class GenerationReader:
    """Reads the calls whose ids a file holds."""

    def __init__(self, terms: LiveTerms, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            ConfigurationError: the key is not set, or the file of ids is not there.
        """
        self._path = Path(terms.ids_path).expanduser()
        if not terms.ids_path or not self._path.is_file():
            raise ConfigurationError(
                f"source {terms.source}: there is no file of ids: let the application write the id of each response "
                'into a file, one a line, and name it by ids_path in [sources.api], such as "/var/log/app/ids.txt"'
            )
        self._api = Api.of_terms(terms, clock, {"Authorization": f"Bearer {terms.key(KEY)}"})

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of OpenRouter's."""
        return self._api.lead

    def read(self, window: Window) -> Iterator[Row]:
        """Yield the calls that began in the window; one that OpenRouter does not know is left out."""
        for ident in self._ids(window):
            answer = self._api.find("/generation", [("id", ident)], ANSWER)
            if answer is None:
                # Not known yet, or never: or is it the endpoint that is not there?
                self.check()
                continue
            told = answer["data"]
            yield {
                "generation": {name: told.get(name) for name in FIELDS},
                "external_user": told.get("external_user"),
            }

    def check(self) -> str:
        """Ask what the key is."""
        self._api.get("/key", (), ANSWER)
        return f"{self._api.host} tells generations by their ids"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _ids(self, window: Window) -> dict[str, None]:
        found: dict[str, None] = {}
        with self._path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                ident, began_at = _named(line.strip())
                if ident and began_at is not None and window.start_at <= began_at < window.end_at:
                    found[ident] = None
        return found


def _named(line: str) -> tuple[str, datetime | None]:
    """Return the id of a line and when its call began. None: it does not say, and nothing is asked."""
    ident, seconds = line, None
    if line.startswith("{"):
        try:
            named = NAMED.validate_json(line)
        except ValidationError:
            return "", None
        ident, seconds = named.get("id", ""), named.get("created")
    dated = DATED.fullmatch(ident)
    if dated is not None:
        seconds = float(dated["seconds"])
    return ident, None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


FORMAT = replace(
    FILES,
    name="openrouter_generations",
    doc="Single calls through OpenRouter, asked for by their ids.",
    settling_hours=24,
    columns=(
        *(column for column in FILES.columns if column.key != "data"),
        LandedColumn("generation", STRUCT),
        LandedColumn("external_user", "VARCHAR", is_identity=True),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    signature=("generation",),
    required=("generation", "read_at"),
    usage_fields=("generation",),
)

LIVE = LiveFormat(
    format=FORMAT,
    connect=GenerationReader,
    base_url="https://openrouter.ai/api/v1",
    key_variables=(KEY,),
    window=HOUR,
    span=HOUR,
    instant=None,
    settling_minutes=60,
    reread_hours=1,
)
