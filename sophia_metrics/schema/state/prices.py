"""State of prices: which hold, since when we know them, and with which books was looked."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["PRICE_BOOKS", "PRICE_CARDS", "PRICE_CARD_UNITS"]

TEXT, BOOLEAN, DATE, INSTANT, COUNT, RATE = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT, Kind.COUNT, Kind.RATE

PRICE_CARDS = Table(
    name="core_price_cards",
    doc="A price of a model: valid for a time, a tier and a range of total input tokens, and known for a time.",
    key=("price_id", "known_from_at"),
    columns=(
        Column("price_id", TEXT, "Hash of everything but the known times.", True),
        Column("provider", TEXT, "As in core_usage_events.", True),
        Column("route", TEXT, "As in core_usage_events. Null: for calls whose source does not tell the route."),
        Column("model", TEXT, "As in core_usage_events.", True),
        Column("service_tier", TEXT, "standard, batch, flex, priority, …", True),
        Column("price_book", TEXT, "list: a public list price; contract: one of our own overrides.", True),
        Column("valid_from_at", INSTANT, "First instant at which the price holds (UTC). Null: since ever."),
        Column(
            "valid_to_at",
            INSTANT,
            "First instant at which it no longer holds (UTC). Null: until further notice.",
        ),
        Column("known_from_at", INSTANT, "When we came to know it (UTC).", True),
        Column("known_to_at", INSTANT, "When we learnt better (UTC). Null: current knowledge."),
        Column(
            "daily_from_seconds",
            COUNT,
            "Start of a daily band, in seconds after 00:00 UTC. Null: the whole day.",
        ),
        Column(
            "daily_to_seconds",
            COUNT,
            "End of the daily band, exclusive; smaller than its start where it passes midnight.",
        ),
        Column("tier_low_tokens", COUNT, "The card holds above this many input tokens, caches included.", True),
        Column("tier_high_tokens", COUNT, "… up to and including this many. Null: no upper bound."),
        Column("is_low_inclusive", BOOLEAN, "tier_low_tokens itself belongs to the card.", True),
        Column("rate_input_usd", RATE, "Dollars for an uncached input token. Null: no such price."),
        Column("rate_cache_read_usd", RATE, "Dollars for a token read from the prompt cache."),
        Column("rate_cache_write_5m_usd", RATE, "Dollars for a token written for five minutes."),
        Column("rate_cache_write_1h_usd", RATE, "Dollars for a token written for one hour."),
        Column("rate_output_usd", RATE, "Dollars for an output token."),
        Column(
            "origin",
            TEXT,
            "Where the price comes from, and what was assumed (open_start, backdated, inherited rates, correction, doubt).",
            True,
        ),
        Column("checked_on", DATE, "Day on which the origin last checked the price. Null: it does not say."),
    ),
    storage=Storage.STATE,
)

PRICE_CARD_UNITS = Table(
    name="core_price_card_units",
    doc="The prices of a card for billing units other than the five token columns.",
    key=("price_id", "unit"),
    columns=(
        Column("price_id", TEXT, "The card in core_price_cards.", True),
        Column("unit", TEXT, "As in core_usage_units.", True),
        Column("rate_usd", RATE, "Dollars for one.", True),
    ),
    storage=Storage.STATE,
)

PRICE_BOOKS = Table(
    name="price_books",
    doc="The price books with which unpriced events were last looked up.",
    key=("fingerprint",),
    columns=(
        Column("fingerprint", TEXT, "Hash over the list's version and the overrides.", True),
        Column("used_from_at", INSTANT, "When it came into use (UTC).", True),
    ),
    storage=Storage.INTERNAL,
)
