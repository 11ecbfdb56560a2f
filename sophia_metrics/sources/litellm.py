"""LiteLLM's spend logs: one row a call through the proxy, exported as JSONL, CSV or Parquet."""

from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.queries import source_query
from sophia_metrics.sources.tags import short_tag_list

__all__ = ["FORMAT"]

_TIMES_TO_LIVE = "STRUCT(ephemeral_5m_input_tokens DOUBLE, ephemeral_1h_input_tokens DOUBLE)"
# Both names of a count can arrive side by side: OpenAI's nested one and Anthropic's flat one.
_USAGE = f"""STRUCT(
    prompt_tokens_details STRUCT(
        cached_tokens DOUBLE, cache_creation_tokens DOUBLE, cache_creation_token_details {_TIMES_TO_LIVE},
        audio_tokens DOUBLE, web_search_requests DOUBLE
    ),
    completion_tokens_details STRUCT(reasoning_tokens DOUBLE, audio_tokens DOUBLE),
    cache_read_input_tokens DOUBLE,
    cache_creation_input_tokens DOUBLE,
    cache_creation {_TIMES_TO_LIVE},
    server_tool_use STRUCT(web_search_requests DOUBLE),
    service_tier VARCHAR,
    speed VARCHAR
)"""
_METADATA = f"""STRUCT(
    status VARCHAR, usage_object {_USAGE}, user_api_key_team_alias VARCHAR,
    error_information STRUCT(error_class VARCHAR), attempted_retries DOUBLE
)"""

FORMAT = Format(
    name="litellm",
    doc="Spend logs of a LiteLLM proxy, as JSONL, CSV or Parquet.",
    convention=TokenConvention.INCLUSIVE,
    reported_basis="estimated",
    columns=(
        LandedColumn("request_id", "VARCHAR"),
        LandedColumn("call_type", "VARCHAR"),
        LandedColumn("api_key", "VARCHAR", is_identity=True),
        LandedColumn("spend", "DECIMAL(38,12)"),
        LandedColumn("prompt_tokens", "DOUBLE"),
        LandedColumn("completion_tokens", "DOUBLE"),
        LandedColumn("startTime", "TIMESTAMPTZ"),
        LandedColumn("endTime", "TIMESTAMPTZ"),
        LandedColumn("completionStartTime", "TIMESTAMPTZ"),
        LandedColumn("request_duration_ms", "DOUBLE"),
        LandedColumn("model", "VARCHAR"),
        LandedColumn("model_group", "VARCHAR"),
        LandedColumn("custom_llm_provider", "VARCHAR"),
        LandedColumn("cache_hit", "VARCHAR"),
        LandedColumn("request_tags", "VARCHAR[]", expression=short_tag_list("request_tags")),
        LandedColumn("user", "VARCHAR", is_identity=True),
        LandedColumn("end_user", "VARCHAR", is_identity=True),
        LandedColumn("team_id", "VARCHAR"),
        LandedColumn("organization_id", "VARCHAR"),
        LandedColumn("session_id", "VARCHAR", is_identity=True),
        LandedColumn("metadata", _METADATA),
        LandedColumn("status", "VARCHAR"),
    ),
    mapping=source_query("litellm"),
    units=source_query("litellm_units"),
    naming=("team_id", "organization_id", "metadata.user_api_key_team_alias"),
    tagging=("request_tags",),
    usage_fields=("metadata.usage_object",),
    signature=("request_id", "startTime", "prompt_tokens"),
    required=("startTime", "model"),
)
