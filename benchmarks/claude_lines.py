"""Lines of Claude Code's session logs, compact as Claude Code writes them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["PART_SECONDS", "Call", "Session", "answer_lines", "said_line"]

PART_SECONDS = 0.25
"""Between two parts of a streamed answer."""


@dataclass(frozen=True, slots=True)
class Session:
    """What stands on every line of a session.

    Attributes:
        session_id: of the session.
        folder: where it works.
        is_sidechain: the lines are those of a subagent.
    """

    session_id: str
    folder: str
    is_sidechain: bool = False

    @property
    def opening(self) -> str:
        """The first keys of every line."""
        return (
            f'{{"parentUuid":null,"isSidechain":{"true" if self.is_sidechain else "false"},"userType":"external",'
            f'"cwd":"{self.folder}","sessionId":"{self.session_id}","version":"2.0.1","gitBranch":"main",'
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One answer of the model.

    Attributes:
        message_id: of the answer.
        request_id: of the request. None: the line has none.
        at: when its first part came (naive UTC).
        model: that answered.
        input_tokens: neither read from the cache nor written to it.
        read_tokens: read from the cache.
        written_tokens: written to the cache for five minutes.
        output_tokens: as each of the streamed parts counts them; the last is true.
    """

    message_id: str
    request_id: str | None
    at: datetime
    model: str
    input_tokens: int
    read_tokens: int
    written_tokens: int
    output_tokens: tuple[int, ...]


def said_line(session: Session, at: datetime, text: str, *, of_tool: str | None = None) -> str:
    """Return what a person said, or what a tool answered."""
    content = f'[{{"tool_use_id":"{of_tool}","type":"tool_result","content":"{text}"}}]' if of_tool else f'"{text}"'
    message = f'{{"role":"user","content":{content}}}'
    return f'{session.opening}"type":"user","message":{message},{_closing(at)}'


def answer_lines(session: Session, call: Call, texts: Sequence[str]) -> list[str]:
    """Return a line for each streamed part of an answer; texts hold no character that JSON escapes."""
    request = f'"requestId":{json.dumps(call.request_id)},' if call.request_id is not None else ""
    lines: list[str] = []
    for place, output_tokens in enumerate(call.output_tokens):
        text = texts[place % len(texts)]
        usage = (
            f'{{"input_tokens":{call.input_tokens},"cache_creation_input_tokens":{call.written_tokens},'
            f'"cache_read_input_tokens":{call.read_tokens},"cache_creation":{{"ephemeral_5m_input_tokens":'
            f'{call.written_tokens},"ephemeral_1h_input_tokens":0}},"output_tokens":{output_tokens},'
            f'"service_tier":"standard"}}'
        )
        message = (
            f'{{"id":"{call.message_id}","type":"message","role":"assistant","model":"{call.model}",'
            f'"content":[{{"type":"text","text":"{text}"}}],"stop_reason":null,"stop_sequence":null,"usage":{usage}}}'
        )
        at = call.at + timedelta(seconds=PART_SECONDS * place)
        lines.append(f'{session.opening}"message":{message},{request}"type":"assistant",{_closing(at)}')
    return lines


def _closing(at: datetime) -> str:
    return f'"timestamp":"{at.isoformat(timespec="milliseconds")}Z"}}'
