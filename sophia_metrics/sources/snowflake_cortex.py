"""What Snowflake's Cortex functions used, by hour and query, as the files say that were pulled from its view."""

from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.queries import source_query

__all__ = ["FORMAT"]

FORMAT = Format(
    name="snowflake_cortex",
    doc="Rows of the view CORTEX_AI_FUNCTIONS_USAGE_HISTORY of Snowflake.",
    convention=TokenConvention.INCLUSIVE,
    columns=(
        LandedColumn("start_at", "TIMESTAMPTZ"),
        LandedColumn("end_at", "TIMESTAMPTZ"),
        LandedColumn("function_name", "VARCHAR"),
        LandedColumn("model_name", "VARCHAR"),
        LandedColumn("query_id", "VARCHAR"),
        LandedColumn("warehouse_id", "VARCHAR"),
        LandedColumn("user_id", "VARCHAR", is_identity=True),
        LandedColumn("metrics", 'STRUCT("key" STRUCT(metric VARCHAR, unit VARCHAR), "value" DOUBLE)[]'),
        LandedColumn("credits", "DECIMAL(38,12)"),
        LandedColumn("is_completed", "BOOLEAN"),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("snowflake_cortex"),
    units=source_query("snowflake_cortex_units"),
    signature=("query_id", "start_at"),
    required=("query_id", "start_at", "credits", "read_at"),
)
