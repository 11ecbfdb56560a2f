"""Amazon Bedrock's model invocation logs, as it delivers them to S3.

Prompts and answers are in the bodies of a record. Of the answer's body only numbers are read: how the written cache
tokens split by their time to live, which nothing else tells, and how long the answer took.
"""

from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.queries import source_query
from sophia_metrics.sources.tags import short_tag_map

__all__ = ["FORMAT"]

_OUTPUT_IN_FILE = "STRUCT(outputTokenCount DOUBLE, outputBodyJson VARCHAR)"
_BODY = """TRY_CAST("output".outputBodyJson AS JSON)"""


def _number(*paths: str) -> str:
    """Return the first number that is at one of these places of the body; a wildcard takes the first that it finds."""
    found = (f"json_extract({_BODY}, '{path}')" + ("[1]" if "*" in path else "") for path in paths)
    return f"coalesce({', '.join(f'TRY_CAST({value} AS DOUBLE)' for value in found)})"


def _written(time_to_live: str) -> str:
    """Return the tokens that were written to the cache for so long: Anthropic's shape, else Converse's."""
    key = f"usage.cache_creation.ephemeral_{time_to_live}_input_tokens"
    details = f"json_extract({_BODY}, '$.usage.cacheDetails[*]')"
    of_converse = (
        f"list_sum(list_transform(list_filter({details}, lambda each: each ->> '$.ttl' = '{time_to_live}'), "
        "lambda each: TRY_CAST(each -> '$.inputTokens' AS DOUBLE)))"
    )
    return f"coalesce({_number(f'$.{key}', f'$[*].message.{key}')}, {of_converse})"


# An answer is an object; one that InvokeModel streamed is the list of its events.
_METRICS = '$[*]."amazon-bedrock-invocationMetrics"'
_NUMBERS = {
    "cache_write_5m": _written("5m"),
    "cache_write_1h": _written("1h"),
    "latency_ms": _number("$.metrics.latencyMs", f"{_METRICS}.invocationLatency"),
    "ttft_ms": _number(f"{_METRICS}.firstByteLatency"),
}
_NUMBERS_TYPE = ", ".join(f"{name} DOUBLE" for name in _NUMBERS)
_NUMBERS_PACKED = ", ".join(f"{name} := {number}" for name, number in _NUMBERS.items())

FORMAT = Format(
    name="bedrock",
    doc="Model invocation logs of Amazon Bedrock, as JSONL.",
    convention=TokenConvention.EXCLUSIVE,
    columns=(
        LandedColumn("schemaType", "VARCHAR"),
        LandedColumn("timestamp", "TIMESTAMPTZ"),
        LandedColumn("accountId", "VARCHAR"),
        LandedColumn("region", "VARCHAR"),
        LandedColumn("requestId", "VARCHAR"),
        LandedColumn("operation", "VARCHAR"),
        LandedColumn("modelId", "VARCHAR"),
        LandedColumn("errorCode", "VARCHAR"),
        LandedColumn("performanceConfig", "STRUCT(latency VARCHAR)"),
        LandedColumn("requestMetadata", "MAP(VARCHAR, VARCHAR)", expression=short_tag_map("requestMetadata")),
        LandedColumn(
            "identity_arn",
            "VARCHAR",
            is_identity=True,
            source_key="identity",
            source_type="STRUCT(arn VARCHAR)",
            expression="""coalesce("identity".arn, '')""",
        ),
        LandedColumn(
            "input",
            "STRUCT(inputTokenCount DOUBLE, cacheReadInputTokenCount DOUBLE, cacheWriteInputTokenCount DOUBLE)",
        ),
        LandedColumn(
            "output",
            f"STRUCT(outputTokenCount DOUBLE, {_NUMBERS_TYPE})",
            source_type=_OUTPUT_IN_FILE,
            expression=f'struct_pack(outputTokenCount := "output".outputTokenCount, {_NUMBERS_PACKED})',
        ),
    ),
    mapping=source_query("bedrock"),
    tagging=("requestMetadata",),
    signature=("schemaType", "modelId"),
    # No usage_fields: beside the counts lie the bodies, and the names in them can be what people wrote.
)
