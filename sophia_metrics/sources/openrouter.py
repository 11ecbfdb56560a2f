"""OpenRouter's answers: response bodies with their usage block, and generations as `GET /generation` returns them.

Both tell what OpenRouter billed. A response and its generation have one id: where both are there the response
holds, because only it tells what was written to a cache.
"""

from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.queries import source_query

__all__ = ["FORMAT"]

_MONEY = "DECIMAL(38,12)"
_TOOL_USE = "STRUCT(web_search_requests DOUBLE, tool_calls_executed DOUBLE)"
_USAGE = f"""STRUCT(
    prompt_tokens DOUBLE,
    completion_tokens DOUBLE,
    prompt_tokens_details STRUCT(
        cached_tokens DOUBLE, cache_write_tokens DOUBLE, audio_tokens DOUBLE, video_tokens DOUBLE
    ),
    completion_tokens_details STRUCT(reasoning_tokens DOUBLE, audio_tokens DOUBLE, image_tokens DOUBLE),
    cache_creation STRUCT(ephemeral_5m_input_tokens DOUBLE, ephemeral_1h_input_tokens DOUBLE),
    cost {_MONEY},
    is_byok BOOLEAN,
    cost_details STRUCT(upstream_inference_cost {_MONEY}),
    server_tool_use {_TOOL_USE},
    server_tool_use_details {_TOOL_USE},
    service_tier VARCHAR
)"""

_GENERATION = {
    "id": "VARCHAR",
    "model": "VARCHAR",
    "provider_name": "VARCHAR",
    "created_at": "TIMESTAMPTZ",
    "total_cost": _MONEY,
    "upstream_inference_cost": _MONEY,
    "is_byok": "BOOLEAN",
    "native_tokens_prompt": "DOUBLE",
    "native_tokens_completion": "DOUBLE",
    "native_tokens_cached": "DOUBLE",
    "native_tokens_reasoning": "DOUBLE",
    "native_tokens_completion_images": "DOUBLE",
    "num_search_results": "DOUBLE",
    "latency": "DOUBLE",
    "streamed": "BOOLEAN",
    "cancelled": "BOOLEAN",
    "finish_reason": "VARCHAR",
    "service_tier": "VARCHAR",
}
_GENERATION_TYPE = ", ".join(f"{name} {kind}" for name, kind in _GENERATION.items())
_GENERATION_PACKED = ", ".join(f'{name} := "data".{name}' for name in _GENERATION)
_GENERATION_IN_FILE = f"STRUCT({_GENERATION_TYPE}, external_user VARCHAR)"

FORMAT = Format(
    name="openrouter",
    doc="Response bodies and generations of OpenRouter, as JSONL.",
    convention=TokenConvention.INCLUSIVE,
    reported_basis="billed",
    columns=(
        LandedColumn("id", "VARCHAR"),
        LandedColumn("object", "VARCHAR"),
        LandedColumn("provider", "VARCHAR"),
        LandedColumn("model", "VARCHAR"),
        LandedColumn("created", "DOUBLE"),
        LandedColumn("service_tier", "VARCHAR"),
        LandedColumn("error", "STRUCT(code VARCHAR)"),
        LandedColumn("usage", _USAGE),
        LandedColumn(
            "generation",
            f"STRUCT({_GENERATION_TYPE})",
            source_key="data",
            source_type=_GENERATION_IN_FILE,
            expression=f"struct_pack({_GENERATION_PACKED})",
        ),
        LandedColumn(
            "external_user",
            "VARCHAR",
            is_identity=True,
            source_key="data",
            source_type=_GENERATION_IN_FILE,
            expression="""coalesce("data".external_user, '')""",
        ),
    ),
    mapping=source_query("openrouter"),
    units=source_query("openrouter_units"),
    signature=("usage", "data"),
    usage_fields=("usage", "data"),
)
