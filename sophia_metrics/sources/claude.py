"""Claude Code's session logs: JSON lines, of which those that carry a usage block are calls.

The log repeats a call: a streamed answer writes one line for each part, with counts that grow, a resumed
session copies its past, and a subagent's log replays its parent's lines as sidechains. All of them have the
same message and request id; of such versions the non-sidechain wins, then the greatest sum of tokens, then
the highest cost.
"""

from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.queries import source_query

__all__ = ["FORMAT"]

_USAGE = """STRUCT(
    input_tokens DOUBLE,
    output_tokens DOUBLE,
    cache_creation_input_tokens DOUBLE,
    cache_read_input_tokens DOUBLE,
    cache_creation STRUCT(ephemeral_5m_input_tokens DOUBLE, ephemeral_1h_input_tokens DOUBLE),
    server_tool_use STRUCT(web_search_requests DOUBLE),
    service_tier VARCHAR,
    speed VARCHAR,
    inference_geo VARCHAR
)"""

FORMAT = Format(
    name="claude",
    doc="Session logs of Claude Code, as JSONL.",
    convention=TokenConvention.EXCLUSIVE,
    reported_basis="estimated",
    billing=None,
    columns=(
        LandedColumn("type", "VARCHAR"),
        LandedColumn("timestamp", "TIMESTAMPTZ"),
        LandedColumn("sessionId", "VARCHAR", is_identity=True),
        LandedColumn("requestId", "VARCHAR"),
        LandedColumn("isSidechain", "BOOLEAN"),
        LandedColumn("costUSD", "DECIMAL(38,12)"),
        # The path of a working folder holds the name of its owner: only its last part leaves the file.
        LandedColumn(
            "project_folder",
            "VARCHAR",
            source_key="cwd",
            expression=r"""regexp_extract(rtrim("cwd", '/\'), '[^/\\]*$')""",
        ),
        LandedColumn("message", f"STRUCT(id VARCHAR, model VARCHAR, stop_reason VARCHAR, usage {_USAGE})"),
    ),
    mapping=source_query("claude"),
    units=source_query("claude_units"),
    signature=("type", "sessionId", "message"),
    naming=("project_folder",),
    usage_fields=("message.usage",),
    default_paths=("~/.claude/projects/**/*.jsonl", "~/.config/claude/projects/**/*.jsonl"),
)
