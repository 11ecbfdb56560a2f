"""Langfuse's observations: the rows of its API and of its exports to a bucket, in either spelling of their names.

A generation or an embedding is a call. What it used is a map whose keys vary with the integration that wrote it;
a key that the mapping does not know becomes a billing unit without a price, and so is never lost in silence.
"""

from collections.abc import Iterator

from sophia_metrics.quoting import identifier
from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.queries import source_query
from sophia_metrics.sources.tags import short_tag_list

__all__ = ["FORMAT"]


def _both(
    of_api: str,
    of_export: str,
    duckdb_type: str = "VARCHAR",
    *,
    is_identity: bool = False,
    expression: str | None = None,
) -> Iterator[LandedColumn]:
    """Yield the column under both of its names; the mapping takes the one that is there."""
    for name in (of_api, of_export):
        yield LandedColumn(
            name,
            duckdb_type,
            is_identity=is_identity,
            source_type="VARCHAR" if expression and duckdb_type == "VARCHAR" else None,
            expression=expression.replace("$key", identifier(name)) if expression else None,
        )


# A name is short and plain; anything else in its place could be text of a prompt, and only its hash leaves the file.
_NAME = "[A-Za-z0-9_.:/-]{1,64}"
_SHORT_KEYS = (
    f"CASE WHEN regexp_full_match(array_to_string(map_keys($key), chr(31)), '{_NAME}(\\x1F{_NAME})*') THEN $key "
    "ELSE map_from_entries(list_transform(map_entries($key), lambda entry: struct_pack("
    f"key := CASE WHEN regexp_full_match(entry.key, '{_NAME}') THEN entry.key "
    "ELSE substr(sha256(entry.key), 1, 16) END, value := entry.value))) END"
)
# The parameters of a model call can hold anything: one word of them is read.
_SERVICE_TIER = (
    "coalesce(regexp_extract(json_extract_string(TRY_CAST($key AS JSON), '$.service_tier'), '^[A-Za-z_-]{1,32}$'), '')"
)

_KEYS = source_query("langfuse_keys")

FORMAT = Format(
    name="langfuse",
    doc="Observations of Langfuse, as JSONL, CSV or Parquet.",
    convention=TokenConvention.EXCLUSIVE,
    reported_basis="estimated",
    columns=(
        LandedColumn("id", "VARCHAR"),
        LandedColumn("type", "VARCHAR"),
        LandedColumn("level", "VARCHAR"),
        LandedColumn("environment", "VARCHAR"),
        LandedColumn("model", "VARCHAR"),
        LandedColumn("latency", "DOUBLE"),
        LandedColumn("tags", "VARCHAR[]", expression=short_tag_list("tags")),
        *_both("traceId", "trace_id"),
        *_both("projectId", "project_id"),
        *_both("parentObservationId", "parent_observation_id"),
        *_both("startTime", "start_time", "TIMESTAMPTZ"),
        *_both("endTime", "end_time", "TIMESTAMPTZ"),
        *_both("completionStartTime", "completion_start_time", "TIMESTAMPTZ"),
        *_both("updatedAt", "updated_at", "TIMESTAMPTZ"),
        *_both("timeToFirstToken", "time_to_first_token", "DOUBLE"),
        *_both("providedModelName", "provided_model_name"),
        *_both("modelParameters", "model_parameters", expression=_SERVICE_TIER),
        *_both("usageDetails", "usage_details", "MAP(VARCHAR, DOUBLE)", expression=_SHORT_KEYS),
        *_both("totalCost", "total_cost", "DECIMAL(38,12)"),
        *_both("userId", "user_id", is_identity=True),
        *_both("sessionId", "session_id", is_identity=True),
    ),
    mapping=f"WITH usage_keys AS ({_KEYS}) SELECT * FROM ({source_query('langfuse')})",
    units=f"WITH usage_keys AS ({_KEYS}) SELECT * FROM ({source_query('langfuse_units')})",
    naming=("environment", "projectId", "project_id"),
    tagging=("tags",),
    signature=("traceId", "trace_id", "usageDetails", "usage_details"),
    required=("id", "type"),
    usage_fields=("usageDetails", "usage_details"),
)
