"""The facts: usage, quarantined rows, and what was observed of caches, services and bills. Names and types are public."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table
from sophia_metrics.schema.invoices import INVOICE_LINES

__all__ = [
    "CACHE_LOOKUPS",
    "CACHE_SNAPSHOTS",
    "INVOICE_LINES",
    "OBSERVED",
    "PROBE_RESULTS",
    "QUARANTINE",
    "USAGE_EVENTS",
    "USAGE_ROWS",
    "USAGE_UNITS",
]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
COUNT, MONEY, RATE, QUANTITY, REAL = Kind.COUNT, Kind.MONEY, Kind.RATE, Kind.QUANTITY, Kind.REAL

IDENTITY = (
    Column("event_id", TEXT, "The first 128 bits, in hex, of the SHA-256 over source name and native id.", True),
    Column("usage_on", DATE, "UTC day of started_at. Filter on it: other days are then not read.", True),
    Column("source", TEXT, "Name of the configured source.", True),
    Column("source_role", TEXT, "ledger: counts as usage; reconcile: is only compared.", True),
    Column("record_kind", TEXT, "call: one call; bucket: a provider's sum over an interval.", True),
    Column("started_at", INSTANT, "When the call started (UTC); the smallest of all versions of the event.", True),
    Column("ended_at", INSTANT, "When the call or the bucket ended (UTC). Null: unknown."),
    Column("source_updated_at", INSTANT, "The source's own last change of the row (UTC). Null: it keeps none."),
    Column(
        "version_rank",
        COUNT,
        "Precedence of a version beside others of its event: a replayed line has -1, others 0.",
        True,
    ),
    Column("ingested_at", INSTANT, "When the row was committed here (UTC).", True),
    Column("attempt_id", TEXT, "The attempt that committed the row; see core_ingest_ledger.", True),
)
WHO = (
    Column("account_id", TEXT, "The provider account or organisation."),
    Column("team", TEXT, "The team that called."),
    Column("project", TEXT, "The project that called."),
    Column("environment", TEXT, "production, staging, …, as the source names it."),
    Column("user_hash", TEXT, "Keyed hash of the user (plain text only where identity = plain)."),
    Column("api_key_id", TEXT, "Keyed hash of the API key's identifier."),
    Column("session_id", TEXT, "Keyed hash of the session or conversation."),
    Column("tags", TEXT, "A flat map of text to text, as JSON."),
)
TRACE = (
    Column("request_id", TEXT, "The provider's or gateway's id of the request."),
    Column("trace_id", TEXT, "The trace that the call belongs to."),
    Column("span_id", TEXT, "The span of the call in its trace."),
    Column("parent_id", TEXT, "The span or call that caused this one."),
    Column("retry_ordinal", COUNT, "0 for the first try. Null: unknown."),
)
WHAT = (
    Column("provider", TEXT, "Who runs the model: openai, anthropic, google, …", True),
    Column("route", TEXT, "Through whom it was called and billed: direct, openrouter, bedrock, azure, …"),
    Column("region", TEXT, "The provider's region."),
    Column("model", TEXT, "The model that answered, as the source names it.", True),
    Column("model_requested", TEXT, "The model or alias that was asked for."),
    Column("operation", TEXT, "chat, embedding, image, …"),
    Column(
        "service_tier",
        TEXT,
        "standard, batch, flex, priority, …, from the response. Null: the source does not say.",
    ),
    Column("is_stream", BOOLEAN, "The answer was streamed."),
    Column("finish_reason", TEXT, "Why the model stopped."),
    Column("status", TEXT, "ok, error or cancelled.", True),
    Column("error_class", TEXT, "Class of the error, never its message."),
    Column(
        "context_window",
        TEXT,
        "Size of the calls in a provider's bucket, in input tokens, as the source says: 0-200k, 200k-1M. Null: the row is "
        "a call, or the source does not say.",
    ),
)
TOKENS = (
    Column("input_tokens", COUNT, "Input tokens neither read from nor written to a prompt cache."),
    Column("cache_read_tokens", COUNT, "Input tokens read from the provider's prompt cache."),
    Column("cache_write_5m_tokens", COUNT, "Input tokens written to the prompt cache for five minutes."),
    Column("cache_write_1h_tokens", COUNT, "Input tokens written to the prompt cache for one hour."),
    Column("output_tokens", COUNT, "Output tokens, reasoning included."),
    Column("reasoning_tokens", COUNT, "The part of output_tokens that was reasoning."),
    Column("request_count", COUNT, "1 for a call; a bucket holds many.", True),
    Column("usage_quality", TEXT, "exact, estimated, ttl_assumed, tier_unknown, partial or missing.", True),
)
SPEED = (
    Column("latency_ms", REAL, "From the request to the end of the answer."),
    Column("ttft_ms", REAL, "From the request to the first token."),
    Column("is_cache_hit", BOOLEAN, "Answered by a response cache, not by the model."),
    Column("cache_tier", TEXT, "Which tier of the response cache answered."),
    Column("prompt_hash", TEXT, "Keyed hash of the prompt."),
    Column("prefix_hash", TEXT, "Keyed hash of the prompt's prefix."),
)
PRICED = (
    Column("fx_rate", RATE, "Dollars for one unit of cost_reported_currency. Null: no rate is known."),
    Column(
        "cost_reported_usd",
        MONEY,
        "cost_reported in dollars. Null: not reported, no rate is known, or a 0 that cannot be true.",
    ),
    Column("cost_input_usd", MONEY, "Cost of input_tokens."),
    Column("cost_cache_read_usd", MONEY, "Cost of cache_read_tokens."),
    Column("cost_cache_write_usd", MONEY, "Cost of both kinds of cache write."),
    Column("cost_output_usd", MONEY, "Cost of output_tokens."),
    Column("cost_units_usd", MONEY, "Cost of the event's rows in core_usage_units; 0 where it has none."),
    Column(
        "cost_computed_usd",
        MONEY,
        "The sum of the five parts, at the prices that hold for this installation. Null: a part is unknown.",
    ),
    Column(
        "list_cost_usd",
        MONEY,
        "The same tokens at public list prices. For subscriptions: the API-equivalent cost.",
    ),
    Column(
        "cost_usd",
        MONEY,
        "What the call cost: billed, else computed, else the gateway's estimate. Null: unknown.",
    ),
    Column("cost_basis", TEXT, "billed, computed or estimated. Null with cost_usd."),
    Column(
        "price_status",
        TEXT,
        "priced, partial, unpriced, free, subscription (paid otherwise, or the source does not say) or invalid.",
        True,
    ),
    Column("price_id", TEXT, "The price card that was used; see core_price_cards."),
)
REPORTED = (
    Column("cost_reported", MONEY, "The cost that the source reports, in its currency. Null: it reports none."),
    Column("cost_reported_currency", TEXT, "Currency of cost_reported, ISO 4217."),
)

USAGE_EVENTS = Table(
    name="core_usage_events",
    doc="One call, or one bucket of a provider's sums.",
    key=("event_id",),
    columns=(*IDENTITY, *WHO, *TRACE, *WHAT, *TOKENS, *SPEED, *REPORTED, *PRICED),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("started_at", "event_id"),
)

USAGE_UNITS = Table(
    name="core_usage_units",
    doc="One event × billing unit other than the five token columns.",
    key=("event_id", "unit"),
    columns=(
        Column("event_id", TEXT, "The event in core_usage_events.", True),
        Column("usage_on", DATE, "UTC day of started_at.", True),
        Column("started_at", INSTANT, "started_at of the event (UTC).", True),
        Column("unit", TEXT, "What is counted: web_searches, input_audio_tokens, requests, …", True),
        Column("quantity", QUANTITY, "How many.", True),
        Column("rate_usd", RATE, "Dollars for one. Null: no price is known."),
        Column(
            "cost_usd",
            MONEY,
            "quantity × rate_usd. Null: no price is known, or the call is not paid by itself.",
        ),
        Column("price_status", TEXT, "priced, free or unpriced.", True),
    ),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("started_at", "event_id", "unit"),
)

QUARANTINE = Table(
    name="core_quarantine",
    doc="One rejected row, without its content.",
    key=("quarantine_id",),
    columns=(
        Column("quarantine_id", TEXT, "The same for the same row of the same file and the same rule.", True),
        Column("found_on", DATE, "UTC day of found_at.", True),
        Column("source", TEXT, "Name of the configured source.", True),
        Column("attempt_id", TEXT, "The attempt that met the row.", True),
        Column("rule", TEXT, "The first rule that the row breaks.", True),
        Column("reason", TEXT, "The rule in a sentence.", True),
        Column("severity", TEXT, "error: the row is kept out.", True),
        Column("found_at", INSTANT, "When it was found (UTC).", True),
        Column("file_name", TEXT, "The file, as it was named when read."),
        Column("line_number", COUNT, "Line in the file, from 1; the row number for Parquet."),
        Column("byte_start", COUNT, "First byte of the row in the file, from 0. Null for Parquet."),
        Column("byte_end", COUNT, "The byte after the last one of the row. Null for Parquet."),
        Column("content_sha256", TEXT, "SHA-256 of the row's bytes (Parquet: of its allow-listed values).", True),
        Column("kept_values", TEXT, "Allow-listed values that help to understand the rule, as JSON."),
    ),
    storage=Storage.DAY_FILES,
    day="found_on",
    order=("found_at", "quarantine_id"),
    view_columns=(
        Column("verdict", TEXT, "open, retried or discarded: the newest row of core_quarantine_verdicts.", True),
        Column("verdict_at", INSTANT, "When it was decided (UTC). Null: it is open."),
    ),
)

CACHE_SNAPSHOTS = Table(
    name="core_cache_snapshots",
    doc="What one node of a cache server said of itself at one moment.",
    key=("cache", "node", "taken_at"),
    columns=(
        Column("cache", TEXT, "Name of the configured cache.", True),
        Column("node", TEXT, "Address and database of the server that answered.", True),
        Column("taken_on", DATE, "UTC day of taken_at.", True),
        Column("taken_at", INSTANT, "When it was asked (UTC), by the server's clock where that is right.", True),
        Column("run_id", TEXT, "The server's own id of its run: another one after a restart."),
        Column("uptime_seconds", COUNT, "How long the server has run."),
        Column("started_at", INSTANT, "When the server started (UTC)."),
        Column("hit_total", COUNT, "keyspace_hits as the server counts them: reads of any key by anybody."),
        Column("miss_total", COUNT, "keyspace_misses as the server counts them."),
        Column("evicted_total", COUNT, "Keys that were removed to keep within the memory, as the server counts them."),
        Column("expired_total", COUNT, "Keys that were removed after their time, as the server counts them."),
        Column("command_total", COUNT, "Commands that the server has processed: it falls when counters are reset."),
        Column(
            "info_call_total",
            COUNT,
            "How often the server was asked for INFO: it falls with them, and traffic does not raise it.",
        ),
        Column("own_hit_count", COUNT, "Hits since the snapshot before that our own reading of lookups caused.", True),
        Column("own_miss_count", COUNT, "Misses since the snapshot before that it caused.", True),
        Column(
            "hit_count", COUNT, "Hits since the snapshot before, without our own reads. Null: there is none before."
        ),
        Column("miss_count", COUNT, "Misses since the snapshot before, without our own reads. Null as hit_count."),
        Column("evicted_count", COUNT, "Keys evicted since the snapshot before. Null as hit_count."),
        Column("expired_count", COUNT, "Keys expired since the snapshot before. Null as hit_count."),
        Column("entry_count", COUNT, "Keys under the cache's key patterns; without patterns those of its database."),
        Column("used_bytes", COUNT, "Memory of those keys; without patterns that of the server. Null: it is not told."),
        Column("max_bytes", COUNT, "The server's limit of memory. Null: it has none, or does not tell."),
        Column("memory_bytes", COUNT, "Memory that the whole server uses."),
        Column("is_sampled", BOOLEAN, "entry_count and used_bytes are estimated from a sample of the keys.", True),
        Column("is_reset", BOOLEAN, "The counters began anew after the snapshot before.", True),
        Column("is_lower_bound", BOOLEAN, "The counts say at least: what came before a reset is not in them.", True),
    ),
    storage=Storage.DAY_FILES,
    day="taken_on",
    order=("taken_at", "cache", "node"),
)

CACHE_LOOKUPS = Table(
    name="core_cache_lookups",
    doc="Lookups in a response cache, as the application counted them: one scope, tier and outcome, within one UTC hour.",
    key=("cache", "scope_hash", "tier", "outcome", "interval_start_at"),
    columns=(
        Column("cache", TEXT, "Name of the configured cache.", True),
        Column("scope_hash", TEXT, "Who shares answers, hashed by the application.", True),
        Column("tier", TEXT, "The tier that decided: memory, redis, warehouse, …", True),
        Column(
            "outcome",
            TEXT,
            "exact, semantic (both are hits), shadow_hit, guard_reject, grey, miss, ineligible or bypass_error.",
            True,
        ),
        Column("interval_on", DATE, "UTC day of interval_start_at.", True),
        Column("interval_start_at", INSTANT, "When this counter began (UTC); it ends with its hour.", True),
        Column("interval_end_at", INSTANT, "End of the hour (UTC).", True),
        Column("read_at", INSTANT, "When they were read, the last time that there were more (UTC).", True),
        Column("lookup_count", COUNT, "Lookups, as far as they were read.", True),
        Column("saved_tokens", COUNT, "Tokens that were not bought. Null: the application does not tell."),
        Column("saved_gross_usd", MONEY, "What the calls would have cost. Null: the application does not tell."),
        Column("saved_net_usd", MONEY, "The same without what the cache itself cost. Null: it is not told."),
        Column("unpriced_count", COUNT, "Lookups that are hits of unknown saving: they are in no sum of money.", True),
        Column("lookup_ms_sum", REAL, "Milliseconds that the lookups took together. Null: it is not told."),
    ),
    storage=Storage.DAY_FILES,
    day="interval_on",
    order=("interval_start_at", "cache", "scope_hash", "tier", "outcome"),
)

PROBE_RESULTS = Table(
    name="core_probe_results",
    doc="What one probe of a service found.",
    key=("service", "probed_at"),
    columns=(
        Column(
            "service", TEXT, "Name of the service: as configured; warehouse, source:… and cache:… are our own.", True
        ),
        Column("probed_on", DATE, "UTC day of probed_at.", True),
        Column("probed_at", INSTANT, "When the probe began (UTC).", True),
        Column("kind", TEXT, "How it is asked: http, tcp, redis, or component for our own.", True),
        Column("outcome", TEXT, "What this probe found: ok, degraded, failed or skipped (nothing was learnt).", True),
        Column(
            "status",
            TEXT,
            "The service after it, by its thresholds: healthy, degraded, down, unknown or maintenance.",
            True,
        ),
        Column("latency_ms", REAL, "How long the answer took. Null: none came in time."),
        Column("message", TEXT, "What is wrong, in a sentence without secrets. Null: nothing is."),
        Column("attempt_count", COUNT, "How often it was asked.", True),
        Column(
            "is_vantage_ok", BOOLEAN, "The place that asks reached something else: a failure is the service's.", True
        ),
        Column(
            "interval_seconds", COUNT, "How often it was to be asked: the result holds for 2.5 times as long.", True
        ),
    ),
    storage=Storage.DAY_FILES,
    day="probed_on",
    order=("probed_at", "service"),
)

OBSERVED = (CACHE_SNAPSHOTS, CACHE_LOOKUPS, PROBE_RESULTS, INVOICE_LINES)
"""Facts that are no usage. The first column of `order` is the instant whose UTC day they stand in; the key tells it."""

USAGE_ROWS = (USAGE_EVENTS, USAGE_UNITS)
"""Usage, row by row. The mirror of a Snowflake warehouse has the newest days of it only."""
