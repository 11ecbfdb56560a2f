"""Marts of caches."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["CACHE_PERFORMANCE"]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
COUNT, MONEY, REAL = Kind.COUNT, Kind.MONEY, Kind.REAL

CACHE_PERFORMANCE = Table(
    name="mart_cache_performance",
    doc="How well each cache does its work, by hour.",
    key=("cache", "hour_at"),
    columns=(
        Column("cache", TEXT, "Name of the configured cache.", True),
        Column("hour_at", INSTANT, "Start of the hour (UTC).", True),
        Column("usage_on", DATE, "UTC day of hour_at. Filter on it: other days are then not read.", True),
        Column("lookup_count", COUNT, "Lookups that the cache could have answered. Null: the application counts none."),
        Column("hit_count", COUNT, "Those that it answered, exactly or by meaning. Null as lookup_count."),
        Column("hit_ratio", REAL, "hit_count / lookup_count. Null: there were no lookups."),
        Column("ineligible_count", COUNT, "Requests of a kind that is never cached. Null as lookup_count."),
        Column("bypass_error_count", COUNT, "Requests for which the cache could not be asked. Null as lookup_count."),
        Column("saved_tokens", COUNT, "Tokens that were not bought, as far as it is told."),
        Column("saved_gross_usd", MONEY, "What the calls would have cost, as far as it is told. Null: it is not."),
        Column("saved_net_usd", MONEY, "The same without what the cache itself cost. Null: it is not told."),
        Column("unpriced_hit_count", COUNT, "Hits of unknown saving: they are in neither sum. Null as lookup_count."),
        Column(
            "evicted_count", COUNT, "Keys that the server evicted, of any kind. Null: there is no earlier snapshot."
        ),
        Column("entry_count", COUNT, "Keys of the cache at the last snapshot of the hour."),
        Column("used_bytes", COUNT, "Their memory at that time."),
        Column(
            "keyspace_hit_ratio",
            REAL,
            "Hits of the whole server, reads of any key by anybody: not the cache's own. Null: nothing was read.",
        ),
        Column(
            "is_lower_bound",
            BOOLEAN,
            "The server's counters were reset in the hour: evictions are at least so many. Null: there is no snapshot.",
        ),
    ),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("hour_at", "cache"),
)
