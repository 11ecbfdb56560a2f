"""LiteLLM's spend logs from the proxy's own PostgreSQL: one row a call, exact, and without load on the proxy.

Source: the table "LiteLLM_SpendLogs" of the proxy's schema.prisma. A window is read in one snapshot, by pages that go
on after the last key; of the metadata only named keys leave the server.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.quoting import identifier
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.litellm_rows import SpendRow, flat_row, live_copy
from sophia_metrics.sources.live.live_format import LiveFormat, Row
from sophia_metrics.sources.live.postgres import Address, Postgres, Session
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.windows import Window

__all__ = ["LIVE"]

KEY = "LITELLM_DATABASE_URL"
TABLE = "LiteLLM_SpendLogs"
HOUR = timedelta(hours=1)
ROWS_A_PAGE = 5_000
INSTANTS = ("startTime", "endTime", "completionStartTime")
PLAIN = (
    *("request_id", "call_type", "api_key", "spend", "prompt_tokens", "completion_tokens", "request_duration_ms"),
    *("model", "model_group", "custom_llm_provider", "cache_hit", "user", "end_user", "team_id", "organization_id"),
    *("session_id", "status"),
)
NEEDED = frozenset({"request_id", "startTime", "model", "spend", "prompt_tokens", "completion_tokens"})
"""Other columns came with later versions of the proxy, and are read where they are."""
METADATA = (
    "CASE jsonb_typeof(metadata) WHEN 'string' THEN metadata #>> '{}' WHEN 'object' THEN jsonb_build_object("
    "'status', metadata -> 'status', 'usage_object', metadata -> 'usage_object', "
    "'user_api_key_team_alias', metadata -> 'user_api_key_team_alias', "
    "'attempted_retries', metadata -> 'attempted_retries', "
    "'error_information', CASE WHEN jsonb_typeof(metadata -> 'error_information') = 'object' THEN "
    "jsonb_build_object('error_class', metadata -> 'error_information' -> 'error_class') END)::text END AS metadata"
)
EXPRESSIONS: Mapping[str, str] = {
    **{name: f"logs.{identifier(name)}" for name in PLAIN},
    **{name: f"logs.{identifier(name)}::timestamp AS {identifier(name)}" for name in INSTANTS},
    "request_tags": "logs.request_tags::text AS request_tags",
    "metadata": METADATA,
}
"""What is read of the table, as SQL of PostgreSQL."""
COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped"
ROWS = TypeAdapter(list[SpendRow])


class DatabaseReader:
    """Reads the calls of a proxy from its database."""

    def __init__(self, terms: LiveTerms, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            ConfigurationError: the address is not set, or is none.
        """
        self._source = terms.source
        self._address = Address.parse(terms.source, terms.variables[KEY], terms.key(KEY))
        self._postgres = Postgres(terms.source, self._address, terms.deadline_seconds, clock)
        self._clock = clock

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of the database's."""
        return self._postgres.lead

    @property
    def table(self) -> str:
        """The table, quoted."""
        return f"{identifier(self._address.schema)}.{identifier(TABLE)}"

    def read(self, window: Window) -> Iterator[Row]:
        """Yield the calls that started in the window, as they were at one moment."""
        for rows in self._postgres.read(self.table, partial(self._pages, window, ROWS_A_PAGE, None)):
            for row in self._shaped(rows):
                yield flat_row(row)

    def check(self) -> str:
        """Read one call of the hour before this one."""
        end_at = self._clock.now().replace(minute=0, second=0, microsecond=0)
        self._postgres.read(self.table, partial(self._pages, Window(end_at - HOUR, end_at), 1, 1))
        return f"the database at {self._address.host} shows the proxy's spend logs"

    def close(self) -> None:
        """Give the connection back."""
        self._postgres.close()

    async def _pages(
        self, window: Window, size: int, most: int | None, session: Session
    ) -> Sequence[Sequence[Mapping[str, Any]]]:
        """Return the rows of a window, page by page; at most so many pages."""
        found = {record["attname"] for record in await session.fetch(COLUMNS, self.table)}
        if missing := sorted(NEEDED - found):
            raise ConfigurationError(
                f"source {self._source}: the database at {self._address.host} has no {self.table} with a column "
                f"{missing[0]}: correct the database, or the schema, in {self._address.variable}"
            )
        statement = self._statement([name for name in EXPRESSIONS if name in found], size)
        pages: list[Sequence[Mapping[str, Any]]] = []
        last_at, last_id = window.start_at, ""
        while most is None or len(pages) < most:
            pages.append(await session.fetch(statement, window.start_at, window.end_at, last_at, last_id))
            if len(pages[-1]) < size:
                break
            last_at, last_id = pages[-1][-1]["startTime"], pages[-1][-1]["request_id"]
        return pages

    def _statement(self, names: Sequence[str], size: int) -> str:
        return (
            f"SELECT {', '.join(EXPRESSIONS[name] for name in names)} FROM {self.table} AS logs "
            'WHERE logs."startTime" >= $1::timestamp AND logs."startTime" < $2::timestamp '
            'AND (logs."startTime", logs.request_id) > ($3::timestamp, $4::text) '
            f'ORDER BY logs."startTime", logs.request_id LIMIT {size}'
        )

    def _shaped(self, rows: Sequence[Mapping[str, Any]]) -> list[SpendRow]:
        try:
            return ROWS.validate_python([dict(row) for row in rows])
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise ProcessingError(
                f"source {self._source}: the rows of {TABLE} have another shape: {where}: {first['msg']} "
                f"({error.error_count()} in all). Nothing of it was taken; upgrade sophia-metrics, or report the change"
            ) from None  # the rest of that error quotes rows


LIVE = LiveFormat(
    format=live_copy("litellm_database", "Spend logs of a LiteLLM proxy, read from its PostgreSQL."),
    connect=DatabaseReader,
    base_url="",
    takes_address=False,
    key_variables=(KEY,),
    window=HOUR,
    span=HOUR,
    instant="startTime",
    settling_minutes=5,
    reread_hours=24,
)
