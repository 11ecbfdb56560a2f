"""What providers bill, line by line, and our sums held against it."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["INVOICE_LINES", "RECONCILIATION", "RECONCILIATION_DAYS", "TOOL_COST_TYPES"]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
COUNT, MONEY, QUANTITY = Kind.COUNT, Kind.MONEY, Kind.QUANTITY

TOOL_COST_TYPES = ("web_search", "code_execution", "file_search", "tool")
"""Values of cost_type that are no tokens, and that our usage may not meter."""

INVOICE_LINES = Table(
    name="core_invoice_lines",
    doc="One line of a provider's bill. It never enters spend: it is what our sums are held against. A line that its"
    " source no longer has keeps its key, and its amounts are null.",
    key=("line_id",),
    columns=(
        Column(
            "line_id", TEXT, "SHA-256, in hex, over source, what the line is of, and its number among equals.", True
        ),
        Column("source", TEXT, "Name of the configured source.", True),
        Column("provider", TEXT, "Who sells the model: openai, anthropic, aws, …", True),
        Column("account_id", TEXT, "The account that is billed, the smallest that is told. Null: it is not told."),
        Column("billing_period_start", DATE, "First day of the billing period. Null: it is not told."),
        Column("charge_on", DATE, "UTC day of charge_start_at.", True),
        Column("charge_start_at", INSTANT, "Start of what is charged (UTC).", True),
        Column("charge_end_at", INSTANT, "Its end, exclusive (UTC).", True),
        Column("model", TEXT, "The model, as the bill names it. Null: the bill does not tell."),
        Column("sku", TEXT, "What is sold, by the provider's own id or name."),
        Column("description", TEXT, "The line in the provider's words."),
        Column("quantity", QUANTITY, "How much was used. Null: it is not told."),
        Column("unit", TEXT, "Of quantity."),
        Column("billed_cost", MONEY, "What is billed, in the bill's currency; negative for a credit."),
        Column("currency", TEXT, "ISO 4217. Null: it is not told."),
        Column("billed_cost_usd", MONEY, "billed_cost in dollars. Null: no exchange rate is known for the currency."),
        Column("charge_category", TEXT, "Usage, Credit, Adjustment, Tax or Purchase, as FOCUS names them.", True),
        Column(
            "is_usage",
            BOOLEAN,
            "The line is usage of models, or a credit for it: what mart_reconciliation calls invoiced. Taxes,"
            " purchases and other services stand apart.",
            True,
        ),
        Column(
            "cost_type",
            TEXT,
            "tokens, web_search, code_execution, file_search, tool or other. Null: the bill does not tell.",
        ),
        Column("service_tier", TEXT, "standard, batch, flex, priority, … Null: the bill does not tell."),
        Column("dimensions", TEXT, "What else tells lines apart: a flat map of text to text, as JSON."),
        Column("file_name", TEXT, "The file that holds the line. Null: it came from an API."),
        Column("settles_at", INSTANT, "From then on the provider changes the line no more (UTC), as a rule.", True),
        Column("read_at", INSTANT, "When the line was first read as it is now (UTC).", True),
        Column("removed_at", INSTANT, "When its source no longer had the line (UTC). Null: it has it."),
    ),
    storage=Storage.DAY_FILES,
    day="charge_on",
    order=("charge_start_at", "line_id"),
)

COMPARED = (
    Column("usage_on", DATE, "UTC day.", True),
    Column(
        "provider",
        TEXT,
        "Who sells the calls and bills them, by the name that price lists have: openai, azure, aws, … The route of the"
        " calls, unless it only passes them on; else who runs the model.",
        True,
    ),
    Column("account_id", TEXT, "The account; '(none)': nobody tells; '(all)': not every call and line tells.", True),
    Column(
        "model",
        TEXT,
        "The model; '(all)': the bill of the account does not name the models of all its lines; '(other)': models that"
        " only the bill names, together with those that only the calls name.",
        True,
    ),
)
AMOUNTS = (
    Column("computed_usd", MONEY, "What we computed from price cards for the calls of ledger sources. Null: of none."),
    Column("reported_usd", MONEY, "What ledger sources reported. Null: they report nothing."),
    Column("invoiced_usd", MONEY, "What is billed. Null: there is no bill of the account for the day."),
)
EVIDENCE = (
    Column(
        "compared_usd",
        MONEY,
        "What a source whose role is reconcile tells of the same, reported or computed; of several the greatest. Null:"
        " none tells.",
    ),
    Column("request_count", COUNT, "Calls of ledger sources.", True),
    Column("unpriced_count", COUNT, "Calls that should have a computed cost and have none.", True),
    Column("subscription_count", COUNT, "Calls that a subscription pays, or of which nobody says who pays.", True),
    Column("tier_unknown_count", COUNT, "Calls or buckets whose price tier is not known.", True),
    Column(
        "ledger_source_count",
        COUNT,
        "Ledger sources that tell of the same account and maker of models at who sells them, on the day; who tells no"
        " account may tell of any. 1: each tells of accounts or makers of its own.",
        True,
    ),
    Column(
        "ledger_sources",
        TEXT,
        "Their names with commas between, or of all where each tells of accounts of its own; of more than two the first"
        " and the last. Null: there are none.",
    ),
    Column("tool_invoiced_usd", MONEY, "The part of invoiced_usd that is for tools. Null: none is."),
    Column("tool_unit_count", COUNT, "Our rows of units of tools.", True),
    Column("unconverted_count", COUNT, "Lines in a currency without an exchange rate: they are in no sum.", True),
)

RECONCILIATION_DAYS = Table(
    name="mart_reconciliation_days",
    doc="Our sums and the bill of who sells the calls side by side, by UTC day, with the evidence for what may part them.",
    key=("usage_on", "provider", "account_id", "model"),
    columns=(
        *COMPARED,
        *AMOUNTS,
        *EVIDENCE,
        Column("settles_at", INSTANT, "From then on the bill changes no more (UTC). Null: there is no bill."),
    ),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("usage_on", "provider", "account_id", "model"),
)

RECONCILIATION = Table(
    name="mart_reconciliation",
    doc="Where the bill and our sums part, and the likely reason. It is computed when it is read, since bills settle."
    " docs/reconciliation.md has the rules.",
    key=("provider", "account_id", "model", "usage_on"),
    columns=(
        *COMPARED[1:],
        COMPARED[0],
        *AMOUNTS,
        Column(
            "gap_usd", MONEY, "invoiced_usd - computed_usd. Null: there is no bill, or a line has no exchange rate."
        ),
        Column(
            "gap_reason",
            TEXT,
            "The first that holds: no_exchange_rate, not_settled, missing_price, unmetered_tools, subscription,"
            " double_source, tier_unknown, unexplained. Null: there is no gap, or it is less than a cent or than 0.5 %.",
        ),
        Column("is_settled", BOOLEAN, "Neither the bill nor the usage of the day is expected to change.", True),
        *EVIDENCE,
    ),
    storage=Storage.SERVING,
)
