"""The platform's table AI_USAGE_ANALYTICS, one row a call, as the files say that were pulled from it.

Of an error only its class leaves the table, of METADATA only the tags that the settings name, and prompts never do.
"""

from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.queries import source_query
from sophia_metrics.sources.tags import short_tag_map

__all__ = ["FORMAT"]

FORMAT = Format(
    name="snowflake_analytics",
    doc="Rows of the table AI_USAGE_ANALYTICS in Snowflake.",
    convention=TokenConvention.EXCLUSIVE,
    reported_basis="estimated",
    columns=(
        LandedColumn("request_id", "VARCHAR"),
        LandedColumn("called_at", "TIMESTAMPTZ"),
        LandedColumn("provider", "VARCHAR"),
        LandedColumn("model", "VARCHAR"),
        LandedColumn("task_type", "VARCHAR"),
        LandedColumn("user_id", "VARCHAR", is_identity=True),
        LandedColumn("session_id", "VARCHAR", is_identity=True),
        LandedColumn("cost_usd", "DECIMAL(38,12)"),
        LandedColumn("latency_ms", "DOUBLE"),
        LandedColumn("tokens_used", "DOUBLE"),
        LandedColumn("cache_hit", "BOOLEAN"),
        LandedColumn("has_error", "BOOLEAN"),
        LandedColumn("error_class", "VARCHAR"),
        LandedColumn("tags", "MAP(VARCHAR, VARCHAR)", expression=short_tag_map("tags")),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("snowflake_analytics"),
    units=source_query("snowflake_analytics_units"),
    tagging=("tags",),
    signature=("request_id", "called_at"),
    required=("request_id", "called_at", "read_at"),
)
