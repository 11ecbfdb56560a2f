"""What a warehouse of Snowflake used, by hour, as the files say that were pulled from its view."""

from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.queries import source_query

__all__ = ["FORMAT"]

FORMAT = Format(
    name="snowflake_credits",
    doc="Credits of a warehouse of Snowflake, from WAREHOUSE_METERING_HISTORY or QUERY_ATTRIBUTION_HISTORY.",
    convention=TokenConvention.EXCLUSIVE,
    columns=(
        LandedColumn("start_at", "TIMESTAMPTZ"),
        LandedColumn("warehouse_name", "VARCHAR"),
        LandedColumn("credits", "DECIMAL(38,12)"),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("snowflake_credits"),
    units=source_query("snowflake_credits_units"),
    signature=("warehouse_name", "start_at"),
    required=("warehouse_name", "start_at", "credits", "read_at"),
)
