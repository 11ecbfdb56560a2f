"""Every suite but that of staged rows: what must hold of core and of the marts before readers see them."""

from dataclasses import replace
from importlib import resources

from sophia_metrics import schema
from sophia_metrics.marts import mart
from sophia_metrics.quality.check import AtLeast, AtMost, Holds, NotAbove, NotAfterNow, NotEmpty, OneOf, Same, Unique
from sophia_metrics.quality.expectation import Dimension, Expectation, Severity
from sophia_metrics.quality.staged_usage import BILLED_UNITS, STAGED_USAGE
from sophia_metrics.quality.suite import Suite
from sophia_metrics.schema import Table

__all__ = ["DAILY", "PRESENT", "QUARANTINED_SHARE", "STAGED", "SUITES"]

COMPLETENESS, ACCURACY = Dimension.COMPLETENESS, Dimension.ACCURACY
TIMELINESS, CONSISTENCY, VALIDITY = Dimension.TIMELINESS, Dimension.CONSISTENCY, Dimension.VALIDITY

COST_COUNTS = {
    "request_count": "the number of calls",
    "error_count": "the number of failed calls",
    "cache_hit_count": "the number of calls that a response cache answered",
    "input_tokens": "the number of uncached input tokens",
    "cache_read_tokens": "the number of cached input tokens",
    "cache_write_tokens": "the number of tokens written to the prompt cache",
    "output_tokens": "the number of output tokens",
    "reasoning_tokens": "the number of reasoning tokens",
    "cost_usd": "the cost",
    "list_cost_usd": "the cost at list prices",
    "unpriced_count": "the number of calls without a cost",
    "unknown_usage_count": "the number of calls of unknown usage",
    "latency_count": "the number of timed calls",
}
LAYERS = (
    ("quarters", "core", "core"),
    ("hours", "quarters", "the quarters"),
    ("days", "hours", "the hours"),
    ("uses", "core", "core"),
)


def _at_least_zero(column: str, what: str) -> Expectation:
    return Expectation(f"negative_{column}", AtLeast(column, 0), f"{what} is below zero", VALIDITY)


def _unique(table: Table) -> Expectation:
    return Expectation("repeated_key", Unique(table.key), f"two rows have the same {', '.join(table.key)}", CONSISTENCY)


def _no_future(column: str) -> Expectation:
    return Expectation("day_in_future", NotAfterNow(column), "the day has not begun yet", TIMELINESS)


def _rows(table: Table, *expectations: Expectation) -> Suite:
    """Return the suite of a table whose rows are judged as they stand."""
    names = dict.fromkeys(name for each in expectations for name in each.check.columns)
    return Suite(
        table.name, table.doc, (table.name,), f"SELECT {', '.join(names)} FROM {table.name}", tuple(expectations)
    )


def _statement(name: str) -> str:
    return (resources.files("sophia_metrics") / "sql" / "quality" / f"{name}.sql").read_text(encoding="utf-8")


def _cost_mart(table: Table) -> Suite:
    return _rows(
        table,
        _unique(table),
        _no_future("usage_on"),
        Expectation("missing_provider", NotEmpty("provider"), "the provider is missing", COMPLETENESS),
        Expectation("missing_model", NotEmpty("model"), "the model is missing", COMPLETENESS),
        *(_at_least_zero(column, what) for column, what in COST_COUNTS.items()),
        Expectation(
            "errors_above_requests",
            NotAbove("error_count", "request_count"),
            "more calls failed than there are",
            CONSISTENCY,
        ),
        Expectation(
            "cache_hits_above_requests",
            NotAbove("cache_hit_count", "request_count"),
            "a response cache answered more calls than there are",
            CONSISTENCY,
        ),
        # A bucket that does not say how many calls it holds counts as one unknown, never as none.
        Expectation(
            "unpriced_above_requests",
            NotAbove("unpriced_count", "request_count"),
            "more calls lack a cost than there are: a provider's bucket does not say how many it holds",
            CONSISTENCY,
            Severity.WARNING,
        ),
    )


CORE_EVENTS = Suite(
    name=schema.core.USAGE_EVENTS.name,
    doc="Usage events, with the sum of the parts of each computed cost.",
    tables=(schema.core.USAGE_EVENTS.name,),
    rows=_statement("core_usage_events"),
    expectations=(
        Expectation(
            "repeated_event_id", Unique(("usage_on", "event_id")), "an event stands twice on its day", CONSISTENCY
        ),
        _no_future("usage_on"),
        Expectation(
            "day_is_not_that_of_start",
            Same("usage_on", "started_on"),
            "the day is not that on which the call started",
            CONSISTENCY,
        ),
        Expectation("missing_provider", NotEmpty("provider"), "the provider is missing", COMPLETENESS),
        Expectation("missing_model", NotEmpty("model"), "the model is missing", COMPLETENESS),
        Expectation(
            "unknown_record_kind", OneOf("record_kind", ("call", "bucket")), "a row is no call, no bucket", VALIDITY
        ),
        Expectation(
            "unknown_status", OneOf("status", ("ok", "error", "cancelled")), "the status is none of ours", VALIDITY
        ),
        Expectation(
            "unknown_price_status",
            OneOf("price_status", ("priced", "partial", "unpriced", "free", "subscription", "invalid")),
            "the status of the price is none of ours",
            VALIDITY,
        ),
        _at_least_zero("request_count", "the number of calls"),
        Expectation(
            "cached_above_total",
            AtLeast("input_tokens", 0),
            "more input tokens are cached than there are",
            CONSISTENCY,
        ),
        _at_least_zero("cache_read_tokens", "the number of cached input tokens"),
        _at_least_zero("cache_write_5m_tokens", "the number of tokens written to the cache for five minutes"),
        _at_least_zero("cache_write_1h_tokens", "the number of tokens written to the cache for one hour"),
        _at_least_zero("output_tokens", "the number of output tokens"),
        Expectation(
            "reasoning_above_output",
            NotAbove("reasoning_tokens", "output_tokens"),
            "more tokens are reasoning than there is output",
            CONSISTENCY,
        ),
        _at_least_zero("cost_usd", "the cost"),
        Expectation(
            "parts_do_not_add_up",
            Same("cost_computed_usd", "parts_usd"),
            "the computed cost is not the sum of its parts",
            ACCURACY,
        ),
        Expectation(
            "cost_without_basis",
            Same("has_cost", "has_basis"),
            "a cost does not say what it rests on, or there is a basis without a cost",
            COMPLETENESS,
        ),
    ),
)

COST_SUMS = Suite(
    name="mart_cost_sums",
    doc="The calls and the cost of a UTC day, as core and each cost mart add them up.",
    tables=(
        schema.core.USAGE_EVENTS.name,
        schema.marts.COST_15MIN.name,
        schema.marts.COST_HOURLY.name,
        schema.marts.COST_DAILY.name,
        schema.marts.USAGE_15MIN.name,
    ),
    rows=_statement("mart_cost_sums"),
    expectations=tuple(
        Expectation(
            f"{upper}_differ_in_{measure}",
            Same(f"{upper}_{column}", f"{lower}_{column}"),
            f"the {what} of the {upper} of a day is not the sum of {named}",
            ACCURACY if lower == "core" else CONSISTENCY,
        )
        for upper, lower, named in LAYERS
        for measure, column, what in (("cost", "cost_usd", "cost"), ("calls", "request_count", "number of calls"))
    ),
)

EFFICIENCY = _rows(
    schema.marts.MODEL_EFFICIENCY,
    _unique(schema.marts.MODEL_EFFICIENCY),
    _no_future("usage_on"),
    _at_least_zero("request_count", "the number of calls"),
    *(
        Expectation(name, check, f"the share of {what} is not between 0 and 1", VALIDITY)
        for column, what in (("error_ratio", "failed calls"), ("cache_read_ratio", "cached input"))
        for name, check in ((f"negative_{column}", AtLeast(column, 0)), (f"{column}_above_1", AtMost(column, 1)))
    ),
)

HISTOGRAM = _rows(
    schema.marts.LATENCY_HISTOGRAM,
    _unique(schema.marts.LATENCY_HISTOGRAM),
    _no_future("usage_on"),
    _at_least_zero("request_count", "the number of calls"),
)

FRESHNESS = Suite(
    name=schema.marts.FRESHNESS.name,
    doc=schema.marts.FRESHNESS.doc,
    tables=mart(schema.marts.FRESHNESS.name).inputs,
    rows=mart(schema.marts.FRESHNESS.name).sql,
    expectations=(
        Expectation(
            "stale",
            OneOf("is_stale", (False,)),
            "the data are older than they should be",
            TIMELINESS,
            Severity.WARNING,
        ),
    ),
    is_daily=False,
)

_units = (replace(each, check=Holds(("rule",), f"rule = '{each.name}'")) for each in BILLED_UNITS)
STAGED_ROWS = tuple(replace(each, severity=Severity.WARNING) for each in (*STAGED_USAGE, *_units))
"""What is an error of a row is a warning for its slice: the row is kept out, and the slice is judged by its share."""

STAGED = Suite(
    name="staged_usage",
    doc="The usage rows of a landed file, as mapped. A row that breaks one goes to core_quarantine.",
    tables=(),
    rows="SELECT {columns} FROM mapped WHERE NOT is_ignored".format(
        columns=", ".join(dict.fromkeys(name for each in STAGED_ROWS for name in each.check.columns))
    ),
    expectations=STAGED_ROWS,
)

QUARANTINED_SHARE = Expectation(
    "quarantined_share",
    Holds(("rule",), "rule IS NOT NULL"),
    "too great a share of the rows breaks a row rule",
    VALIDITY,
)
"""The gate: a slice passes while the share of broken rows is at most [gate] max_quarantined_ratio."""

DAILY: tuple[Suite, ...] = (
    CORE_EVENTS,
    _cost_mart(schema.marts.COST_15MIN),
    _cost_mart(schema.marts.COST_HOURLY),
    _cost_mart(schema.marts.COST_DAILY),
    COST_SUMS,
    EFFICIENCY,
    HISTOGRAM,
)
"""Suites that are judged day by day, each day once for the files that it is made of."""

PRESENT: tuple[Suite, ...] = (FRESHNESS,)
"""Suites over what is computed for the present; judged every time."""

SUITES: tuple[Suite, ...] = (STAGED, *DAILY, *PRESENT)
