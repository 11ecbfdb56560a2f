"""The merge: which staged rows change core. The newer version of an event wins, never the later arrival.

Versions of an event are ordered by (source_updated_at, version_rank, total tokens, reported cost, hash of
the row, whether its tier is unknown), so that any order of files gives the same core. The event keeps the
smallest started_at of its versions, and only the ids that occur more than once are compared at all.
"""

import duckdb

from sophia_metrics.frames import fetch_row
from sophia_metrics.usage.staging import STAGED_COLUMNS

__all__ = ["NAMES", "VERSION_ORDER", "merge"]

NOT_CONTENT = frozenset({"event_id", "usage_on", "source", "source_role", "started_at", "ingested_at", "attempt_id"})
NAMES = tuple(column.name for column in STAGED_COLUMNS)

TOTAL_TOKENS = (
    "coalesce(input_tokens, 0) + coalesce(cache_read_tokens, 0) + coalesce(cache_write_5m_tokens, 0) "
    "+ coalesce(cache_write_1h_tokens, 0) + coalesce(output_tokens, 0)"
)
SAID = {
    "usage_quality": "CASE WHEN usage_quality = 'tier_unknown' AND record_kind = 'bucket' AND request_count <> 1 "
    "THEN 'exact' ELSE usage_quality END"
}
"""What a source said where pricing may have said more since."""
CONTENT = {name: SAID.get(name, name) for name in NAMES if name not in NOT_CONTENT}
CONTENT_HASH = "sha256({})".format(
    " || ".join(f"coalesce('{name}=' || CAST({said} AS VARCHAR) || chr(31), '')" for name, said in CONTENT.items())
)
NEWEST_FIRST = "source_updated_at DESC NULLS LAST, version_rank DESC, {} DESC, cost_reported DESC NULLS LAST"
IS_UNSURE = "(usage_quality = 'tier_unknown')"
VERSION_ORDER = f"{NEWEST_FIRST.format(TOTAL_TOKENS)}, {CONTENT_HASH} DESC, {IS_UNSURE} DESC, is_new, row_ordinal"


def merge(connection: duckdb.DuckDBPyConnection) -> None:
    """From `staged`, `staged_units`, `keys`, `core_events` and `core_units`, create what this slice changes.

    Creates these tables:

        events      the rows of core_usage_events, still without money, that are new or changed
        replaced    event_id and usage_on of the rows of core that they replace
        units       event_id, usage_on, started_at, unit, quantity of `events`
        duplicates  row_ordinal of the staged rows that change nothing
    """
    connection.execute(
        "CREATE OR REPLACE TABLE contested AS "
        "SELECT event_id FROM keys WHERE rule IS NULL AND NOT is_ignored GROUP BY event_id HAVING count(*) > 1 "
        "UNION SELECT core_events.event_id FROM core_events "
        "SEMI JOIN keys ON keys.event_id = core_events.event_id AND keys.rule IS NULL AND NOT keys.is_ignored"
    )
    if fetch_row(connection, "SELECT 1 FROM contested LIMIT 1"):
        _create_contested(connection)
    else:
        _create_uncontested(connection)


def _create_uncontested(connection: duckdb.DuckDBPyConnection) -> None:
    """Create what a slice changes where every event of it is there once, and core has none of them."""
    connection.execute(f"CREATE OR REPLACE VIEW events AS SELECT {', '.join(NAMES)} FROM staged")
    connection.execute("CREATE OR REPLACE TABLE replaced (event_id VARCHAR, usage_on DATE)")
    connection.execute("CREATE OR REPLACE TABLE duplicates (row_ordinal BIGINT, file_name VARCHAR)")
    connection.execute(
        "CREATE OR REPLACE TABLE units AS SELECT event_id, usage_on, started_at, unit, quantity FROM staged_units"
    )


def _create_contested(connection: duckdb.DuckDBPyConnection) -> None:
    """Create what a slice changes where versions of an event meet."""
    _create_contenders(connection)
    _create_winners(connection)
    columns = ", ".join(NAMES)
    changed = ", ".join(
        f"winners.{name} AS {name}" if name in {"started_at", "usage_on"} else f"version.{name}" for name in NAMES
    )
    connection.execute(
        "CREATE OR REPLACE TABLE changed AS "
        f"SELECT {changed} FROM staged AS version INNER JOIN winners ON winners.row_ordinal = version.row_ordinal "
        "WHERE winners.is_new "
        f"UNION ALL SELECT {changed} FROM core_events AS version INNER JOIN winners "
        "ON winners.event_id = version.event_id AND winners.stood_at = version.started_at "
        "WHERE winners.is_change AND NOT winners.is_new"
    )
    connection.execute(
        f"CREATE OR REPLACE VIEW events AS SELECT {columns} FROM staged ANTI JOIN contested USING (event_id) "
        f"UNION ALL SELECT {columns} FROM changed"
    )
    connection.execute(
        "CREATE OR REPLACE TABLE replaced AS "
        "SELECT contenders.event_id, contenders.usage_on FROM contenders "
        "INNER JOIN winners ON winners.event_id = contenders.event_id WHERE NOT contenders.is_new AND winners.is_change"
    )
    connection.execute(
        "CREATE OR REPLACE TABLE duplicates AS "
        "SELECT contenders.row_ordinal, contenders.file_name FROM contenders "
        "INNER JOIN winners ON winners.event_id = contenders.event_id "
        "WHERE contenders.is_new AND contenders.row_ordinal IS DISTINCT FROM winners.row_ordinal"
    )
    _create_units(connection)


def _create_contenders(connection: duckdb.DuckDBPyConnection) -> None:
    """Create `contenders`: of every version of a contested event what decides which one wins.

    The rows stay where they are: most versions lose, or are what core has already.
    """
    columns = (
        "event_id, usage_on, started_at, source_updated_at, version_rank, cost_reported, "
        f"{IS_UNSURE} AS is_unsure, {TOTAL_TOKENS} AS total_tokens, hash({', '.join(CONTENT.values())}) AS content"
    )
    connection.execute(
        "CREATE OR REPLACE TABLE contenders AS "
        f"SELECT {columns}, true AS is_new, row_ordinal, file_name FROM staged SEMI JOIN contested USING (event_id) "
        f"UNION ALL SELECT {columns}, false, NULL, NULL FROM core_events SEMI JOIN contested USING (event_id)"
    )


def _create_winners(connection: duckdb.DuckDBPyConnection) -> None:
    """Create `winners`: the newest version of each event, and the start time that the event has from now on.

    Only where versions differ and nothing else says which is newer the long hash of their content decides.
    """
    newest = NEWEST_FIRST.format("total_tokens")
    connection.execute(
        "CREATE OR REPLACE TABLE tied AS WITH ranked AS ("
        f"SELECT event_id, content, rank() OVER (PARTITION BY event_id ORDER BY {newest}) AS place FROM contenders) "
        "SELECT event_id FROM ranked WHERE place = 1 GROUP BY event_id HAVING count(DISTINCT content) > 1"
    )
    connection.execute(
        "CREATE OR REPLACE TABLE content_hashes AS "
        f"SELECT event_id, hash({', '.join(CONTENT.values())}) AS content, {CONTENT_HASH} AS sha256 "
        "FROM staged SEMI JOIN tied USING (event_id) "
        f"UNION SELECT event_id, hash({', '.join(CONTENT.values())}), {CONTENT_HASH} "
        "FROM core_events SEMI JOIN tied USING (event_id)"
    )
    connection.execute(
        "CREATE OR REPLACE TABLE winners AS WITH told AS ("
        "SELECT contenders.*, content_hashes.sha256 FROM contenders LEFT JOIN content_hashes "
        "ON content_hashes.event_id = contenders.event_id AND content_hashes.content = contenders.content), "
        "ranked AS ("
        "SELECT event_id, started_at, is_new, row_ordinal, "
        f"row_number() OVER (PARTITION BY event_id ORDER BY {newest}, sha256 DESC, is_unsure DESC, is_new, "
        "row_ordinal) AS place, "
        "min(started_at) OVER (PARTITION BY event_id) AS first_started_at, "
        "min(CASE WHEN NOT is_new THEN started_at END) OVER (PARTITION BY event_id) AS known_started_at FROM told) "
        "SELECT event_id, is_new, row_ordinal, started_at AS stood_at, first_started_at AS started_at, "
        "CAST(first_started_at AS DATE) AS usage_on, is_new OR first_started_at < known_started_at AS is_change "
        "FROM ranked WHERE place = 1"
    )


def _create_units(connection: duckdb.DuckDBPyConnection) -> None:
    """Create `units`: those of the winning version of each event, at its start time."""
    connection.execute(
        "CREATE OR REPLACE TABLE units AS "
        "SELECT event_id, usage_on, started_at, unit, quantity "
        "FROM staged_units ANTI JOIN contested USING (event_id) "
        "UNION ALL SELECT winners.event_id, winners.usage_on, winners.started_at, "
        "staged_units.unit, staged_units.quantity "
        "FROM winners INNER JOIN staged_units ON staged_units.row_ordinal = winners.row_ordinal WHERE winners.is_new "
        "UNION ALL SELECT winners.event_id, winners.usage_on, winners.started_at, core_units.unit, core_units.quantity "
        "FROM winners INNER JOIN core_units ON core_units.event_id = winners.event_id "
        "WHERE winners.is_change AND NOT winners.is_new"
    )
