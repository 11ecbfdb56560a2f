"""Codex's session logs (rollouts): JSON lines, of which those that report token counts are calls.

The log tells a call several times. A `token_count` line is written again whenever the limits of the account
are, with the same totals, so a call is what the running totals grew by. Newer versions write a
`token_usage_record` for every response beside it, which then holds. A fork and a subagent begin with a copy of their
parent's log, under new times: a copied line keeps its turn and its totals, and so has the id of the original.
"""

from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.queries import source_query

__all__ = ["FORMAT"]

_USAGE = """STRUCT(
    input_tokens DOUBLE,
    cached_input_tokens DOUBLE,
    cache_write_input_tokens DOUBLE,
    output_tokens DOUBLE,
    reasoning_output_tokens DOUBLE,
    total_tokens DOUBLE
)"""
_PAYLOAD = {
    "type": "VARCHAR",
    "model": "VARCHAR",
    "model_provider": "VARCHAR",
    "service_tier": "VARCHAR",
    "turn_id": "VARCHAR",
    "response_id": "VARCHAR",
    "info": f"STRUCT(total_token_usage {_USAGE}, last_token_usage {_USAGE})",
    "usage": _USAGE,
}
_PAYLOAD_TYPE = ", ".join(f"{name} {kind}" for name, kind in _PAYLOAD.items())
_PAYLOAD_PACKED = ", ".join(f'{name} := "payload".{name}' for name in _PAYLOAD)
_PAYLOAD_IN_FILE = f"STRUCT({_PAYLOAD_TYPE}, id VARCHAR, forked_from_id VARCHAR, cwd VARCHAR)"


def _payload(name: str, expression: str, duckdb_type: str = "VARCHAR", *, is_identity: bool = False) -> LandedColumn:
    return LandedColumn(
        name,
        duckdb_type,
        is_identity=is_identity,
        source_key="payload",
        source_type=_PAYLOAD_IN_FILE,
        expression=expression,
    )


FORMAT = Format(
    name="codex",
    doc="Session logs of Codex, as JSONL.",
    convention=TokenConvention.INCLUSIVE,
    billing=None,
    columns=(
        LandedColumn("timestamp", "TIMESTAMPTZ"),
        LandedColumn("type", "VARCHAR"),
        _payload("payload", f"struct_pack({_PAYLOAD_PACKED})", f"STRUCT({_PAYLOAD_TYPE})"),
        _payload("thread_id", """coalesce("payload".id, '')""", is_identity=True),
        # The id of an event must not depend on the secret with which people's identifiers are hashed.
        _payload("thread_key", """coalesce(substr(sha256("payload".id), 1, 32), '')"""),
        _payload("parent_key", """coalesce(substr(sha256(nullif("payload".forked_from_id, '')), 1, 32), '')"""),
        # A UUIDv7 begins with the time of its making: a turn that is older than its file is a copy.
        _payload("thread_time", """coalesce(regexp_extract("payload".id, '^[0-9a-f]{8}-[0-9a-f]{4}-7'), '')"""),
        # The path of a working folder holds the name of its owner: only its last part leaves the file.
        _payload("project_folder", r"""coalesce(regexp_extract(rtrim("payload".cwd, '/\'), '[^/\\]*$'), '')"""),
    ),
    mapping=source_query("codex"),
    signature=("payload",),
    default_paths=("~/.codex/sessions/**/*.jsonl", "~/.codex/archived_sessions/**/*.jsonl"),
    naming=("project_folder",),
    reads_whole=True,
    usage_fields=("payload.info.total_token_usage", "payload.info.last_token_usage", "payload.usage"),
)
