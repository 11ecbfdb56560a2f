"""The merge: which staged rows change core. The newer version of an event wins, never the later arrival.

Versions of an event are ordered by (source_updated_at, version_rank, total tokens, reported cost, hash of
the row), so that any order of files gives the same core. The event keeps the smallest started_at of its
versions, and only the ids that occur more than once are compared at all.
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
CONTENT_HASH = "sha256({})".format(
    " || ".join(
        f"coalesce('{name}=' || CAST({name} AS VARCHAR) || chr(31), '')" for name in NAMES if name not in NOT_CONTENT
    )
)
VERSION_ORDER = (
    f"source_updated_at DESC NULLS LAST, version_rank DESC, {TOTAL_TOKENS} DESC, cost_reported DESC NULLS LAST, "
    f"{CONTENT_HASH} DESC, is_new, row_ordinal"
)


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
    columns = ", ".join(NAMES)
    connection.execute(
        f"CREATE OR REPLACE VIEW events AS SELECT {columns} FROM staged ANTI JOIN contested USING (event_id) "
        f"UNION ALL SELECT {columns} FROM winners WHERE is_change"
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
    """Create `contenders`, every version of a contested event, and `winners`, the newest of each."""
    columns = ", ".join(NAMES)
    connection.execute(
        "CREATE OR REPLACE TABLE contenders AS "
        f"SELECT {columns}, true AS is_new, row_ordinal, file_name FROM staged SEMI JOIN contested USING (event_id) "
        f"UNION ALL SELECT {columns}, false, NULL, NULL FROM core_events SEMI JOIN contested USING (event_id)"
    )
    moved = {
        "started_at": "first_started_at",
        "usage_on": "CAST(first_started_at AS DATE)",
    }
    connection.execute(
        "CREATE OR REPLACE TABLE winners AS "
        "WITH ranked AS ("
        f"SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY {VERSION_ORDER}) AS place, "
        "min(started_at) OVER (PARTITION BY event_id) AS first_started_at, "
        "min(CASE WHEN NOT is_new THEN started_at END) OVER (PARTITION BY event_id) AS known_started_at "
        "FROM contenders) "
        f"SELECT {', '.join(f'{moved.get(name, name)} AS {name}' for name in NAMES)}, is_new, row_ordinal, file_name, "
        "is_new OR first_started_at < known_started_at AS is_change "
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
