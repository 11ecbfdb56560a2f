"""FOCUS files (FinOps Open Cost and Usage Specification, 1.0 to 1.2) as lines of a bill.

Every row is kept, with its ChargeCategory. As invoiced usage counts the BilledCost of Usage, Credit and Adjustment,
where the row tells of a model, of tokens or of a tool, or its ServiceCategory is "AI and Machine Learning" or is not
told. Tax and Purchase, and the other services of a cloud's bill, stand apart: their is_usage is false. EffectiveCost is
not read: it spreads what was bought before over usage, and nobody is billed it.

The model is what the file tells, in this order: a column x_Model, x_ModelName or x_ModelId; the same in SkuPriceDetails
and Tags (keys Model, ModelName, ModelId, x_Model); a name of a known family in SkuMeter, SkuId, SkuPriceId, ResourceId,
ResourceName or ChargeDescription. The account is SubAccountId, else BillingAccountId.
"""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import MappingProxyType

import duckdb
import polars as pl

from sophia_metrics.errors import ProcessingError
from sophia_metrics.frames import fetch_frame, fetch_row
from sophia_metrics.invoices.lines import LINE_SCHEMA
from sophia_metrics.quoting import file_pattern, identifier, literal
from sophia_metrics.sources.file_kind import Compression, FileKind, compression, file_kind

__all__ = ["read_focus"]

NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "provider_name": ("ProviderName", "ServiceProviderName"),
        "charge_period_start": ("ChargePeriodStart",),
        "charge_period_end": ("ChargePeriodEnd",),
        "billed_cost": ("BilledCost",),
        "billing_currency": ("BillingCurrency",),
        "charge_category": ("ChargeCategory",),
    }
)
"""What every line needs, under its names in the versions of FOCUS."""
READ = (
    "BillingAccountId",
    "SubAccountId",
    "BillingPeriodStart",
    "SkuMeter",
    "SkuId",
    "SkuPriceId",
    "ResourceId",
    "ResourceName",
    "ChargeDescription",
    "ConsumedQuantity",
    "ConsumedUnit",
    "PricingQuantity",
    "PricingUnit",
    "ServiceCategory",
)
DIMENSIONS = (
    "ChargeClass",
    "ChargeFrequency",
    "CommitmentDiscountId",
    "InvoiceId",
    "InvoiceIssuerName",
    "PricingCategory",
    "PublisherName",
    "RegionId",
    "ResourceId",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
)
"""What tells lines apart beside the columns of core_invoice_lines, and is kept."""
HASHED = ("SkuPriceDetails", "Tags")
"""The same, but it may hold anything: only its hash is kept."""
MODEL_COLUMNS = ("x_Model", "x_ModelName", "x_ModelId")
MODEL_KEYS = ("Model", "ModelName", "ModelId", "x_Model", "model", "model_name", "model_id")


def read_focus(path: Path) -> pl.DataFrame:
    """Return the lines of a file, as in LINE_SCHEMA.

    Raises:
        ProcessingError: it is no FOCUS file, or a row of it is no line: a bill with a part missing is none.
        ConfigurationError: its name does not say how the file is written.
    """
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            connection.execute(f"CREATE VIEW file_rows AS {_relation(path)}")
            names = [str(name) for name, *_ in connection.execute("DESCRIBE file_rows").fetchall()]
            connection.execute(f"CREATE TABLE focus_rows AS {_columns(path, names)}")
        except duckdb.Error as error:
            raise ProcessingError(f"{path} cannot be read as a FOCUS file: {str(error).splitlines()[0]}") from error
        query = resources.files("sophia_metrics").joinpath("sql", "invoices", "focus_lines.sql").read_text("utf-8")
        connection.execute(f"CREATE TABLE focus_lines AS {query}")
        _refuse_bad_rows(connection, path)
        return fetch_frame(connection, f"SELECT {', '.join(LINE_SCHEMA)} FROM focus_lines ORDER BY row_number")


def _relation(path: Path) -> str:
    if file_kind(path.name) is FileKind.PARQUET:
        return f"SELECT * FROM read_parquet({file_pattern(str(path))}, file_row_number = true)"
    if file_kind(path.name) is not FileKind.CSV:
        raise ProcessingError(f"{path}: FOCUS files are CSV or Parquet: export the bill as one of them")
    packed = {Compression.NONE: "none", Compression.GZIP: "gzip", Compression.ZSTD: "zstd"}[compression(path.name)]
    return (
        f"SELECT *, row_number() OVER () - 1 AS file_row_number FROM read_csv({file_pattern(str(path))}, "
        f"all_varchar = true, header = true, strict_mode = true, compression = '{packed}')"
    )


def _columns(path: Path, names: Sequence[str]) -> str:
    """Return a SELECT of what is read, as text, whatever the case of the file's columns."""
    there = {name.lower(): name for name in names}

    def text(*candidates: str) -> str:
        found = [identifier(there[each.lower()]) for each in candidates if each.lower() in there]
        return f"CAST({found[0]} AS VARCHAR)" if found else "CAST(NULL AS VARCHAR)"

    missing = [names[0] for names in NEEDED.values() if not any(name.lower() in there for name in names)]
    if missing:
        raise ProcessingError(f"{path} is no FOCUS file: it has no column {', '.join(missing)}")
    columns = [f"{text(*names)} AS {name}" for name, names in NEEDED.items()]
    columns += [f"{text(name)} AS {_snake(name)}" for name in READ]
    models = [text(name) for name in MODEL_COLUMNS]
    models += [f"{_json(text(name))} ->> {literal(f'$.{key}')}" for name in HASHED for key in MODEL_KEYS]
    told = ", ".join(f"nullif(trim({model}), '')" for model in models)
    kept = [f"{literal(name)}: nullif(trim({text(name)}), '')" for name in DIMENSIONS]
    kept += [f"{literal(name)}: sha256(nullif(trim({text(name)}), ''))" for name in HASHED]
    return (
        f"SELECT file_row_number + 1 AS row_number, {', '.join(columns)}, coalesce({told}) AS told_model, "
        f"CAST(json_merge_patch('{{}}', to_json({{{', '.join(kept)}}})) AS VARCHAR) AS dimensions FROM file_rows"
    )


def _json(text: str) -> str:
    return f"(CASE WHEN json_valid({text}) THEN CAST({text} AS JSON) END)"


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")


def _refuse_bad_rows(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    bad = fetch_row(
        connection,
        "SELECT count(*), min(row_number), arg_min(finding, row_number) FROM focus_lines WHERE finding IS NOT NULL",
    )
    if bad is not None and bad[0]:
        raise ProcessingError(
            f"{path}: row {bad[1]:,}: {bad[2]}; {bad[0]:,} rows are no lines of a bill, so that none of it is taken: "
            "export it again"
        )
