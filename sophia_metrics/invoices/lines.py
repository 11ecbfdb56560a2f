"""Lines of a bill, as every reader of one yields them, and as core_invoice_lines holds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from importlib import resources
from types import MappingProxyType

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_frame
from sophia_metrics.schema.invoices import INVOICE_LINES
from sophia_metrics.schema.polars_types import polars_schema

__all__ = ["LINE_SCHEMA", "USAGE_CATEGORIES", "InvoiceSource", "number_lines"]

TOLD = (
    "provider",
    "account_id",
    "billing_period_start",
    "charge_start_at",
    "charge_end_at",
    "model",
    "sku",
    "description",
    "quantity",
    "unit",
    "billed_cost",
    "currency",
    "charge_category",
    "is_usage",
    "cost_type",
    "service_tier",
    "dimensions",
)
LINE_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = MappingProxyType(
    {name: kind for name, kind in polars_schema(INVOICE_LINES).items() if name in TOLD}
)
"""A line, as a reader yields it: the columns of core_invoice_lines that a bill tells. Money is DECIMAL in the bill's
currency, in whole units (never cents); instants are naive UTC. Whatever the bill tells lines apart by, beside the
columns, stands in `dimensions`, a JSON object with its names in order. A column that is left out is null, but for
charge_category, which is Usage then, and is_usage, which says whether that is one of USAGE_CATEGORIES."""

USAGE_CATEGORIES = frozenset({"Usage", "Credit", "Adjustment"})
"""What counts as invoiced usage; Tax and Purchase are kept and stand apart."""


@dataclass(frozen=True, slots=True)
class InvoiceSource:
    """Where lines come from.

    Attributes:
        name: name of the source.
        settling_seconds: so long after the end of a line's last UTC day the provider may still change it.
        exchange_rates: dollars for one unit of another currency.
        account: the account of lines that name none. None: they have none.
    """

    name: str
    settling_seconds: int
    exchange_rates: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    account: str | None = None


def number_lines(
    source: InvoiceSource, lines: pl.DataFrame, now: datetime, *, file_name: str | None = None
) -> pl.DataFrame:
    """Return lines as rows of core_invoice_lines: each with its id, and its cost in dollars.

    The id is a hash over the source and all that tells the line apart; equal lines of one reading are numbered, in
    the order of their amounts. So an amount that is restated replaces the line that there was.

    Args:
        source: where they come from.
        lines: as in LINE_SCHEMA; a column may be missing where it may be null.
        now: when they were read (naive UTC).
        file_name: the file that holds them. None: they came from an API.

    Raises:
        ValueError: a column is not in LINE_SCHEMA.
    """
    if unknown := sorted(set(lines.columns) - LINE_SCHEMA.keys()):
        raise ValueError(f"a line of a bill has no {', '.join(unknown)}")
    given = lines.with_columns(
        pl.lit(None, dtype=kind).alias(name) for name, kind in LINE_SCHEMA.items() if name not in lines.columns
    ).select(pl.col(name).cast(kind) for name, kind in LINE_SCHEMA.items())
    given = given.with_columns(
        pl.col("charge_category").fill_null("Usage"),
        pl.col("account_id").fill_null(pl.lit(source.account, dtype=pl.String)),
    ).with_columns(pl.col("is_usage").fill_null(pl.col("charge_category").is_in(list(USAGE_CATEGORIES))))
    sql = resources.files("sophia_metrics").joinpath("sql", "invoices", "numbered_lines.sql").read_text("utf-8")
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE fx_rates (currency VARCHAR, rate DECIMAL(38,18))")
        for code, rate in source.exchange_rates.items():
            connection.execute("INSERT INTO fx_rates VALUES ($1, $2)", [code.upper(), rate])
        connection.register("given", given)
        return fetch_frame(
            connection,
            sql,
            {
                "source": source.name,
                "file_name": file_name,
                "settling_seconds": source.settling_seconds,
                "now": now,
            },
        )
