"""A row of LiteLLM's spend logs, from the proxy's API or from its database: what may leave it, and nothing else.

Prompts, answers and the text of errors stand in the same rows: what is not named here is dropped when a row is read.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Required, cast

from pydantic import AfterValidator, BeforeValidator, PlainValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from sophia_metrics.sources.format import Format, LandedColumn
from sophia_metrics.sources.litellm import FORMAT
from sophia_metrics.sources.live.live_format import Row
from sophia_metrics.sources.live.money import dollars
from sophia_metrics.sources.live.numbers import is_number
from sophia_metrics.sources.tags import short_tags

__all__ = ["SpendRow", "flat_row", "live_copy"]

USAGE = "metadata.usage_object"
LONGEST_NAME = 64
REPEATED = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
"""Keys of the usage object that the row itself has too."""


class TimesToLive(TypedDict, total=False):
    """Tokens written to a cache, by how long they stay there."""

    ephemeral_5m_input_tokens: float | None
    ephemeral_1h_input_tokens: float | None


class PromptDetails(TypedDict, total=False):
    """OpenAI's names."""

    cached_tokens: float | None
    cache_creation_tokens: float | None
    cache_creation_token_details: TimesToLive | None
    audio_tokens: float | None
    web_search_requests: float | None


class CompletionDetails(TypedDict, total=False):
    """OpenAI's names."""

    reasoning_tokens: float | None
    audio_tokens: float | None


class ServerTools(TypedDict, total=False):
    """Anthropic's name."""

    web_search_requests: float | None


class Usage(TypedDict, total=False):
    """What a call used; both names of a count can stand side by side."""

    prompt_tokens_details: PromptDetails | None
    completion_tokens_details: CompletionDetails | None
    cache_read_input_tokens: float | None
    cache_creation_input_tokens: float | None
    cache_creation: TimesToLive | None
    server_tool_use: ServerTools | None
    service_tier: str | None
    speed: str | None


class Failure(TypedDict, total=False):
    """Why a call failed, without the words of it."""

    error_class: str | None


class Metadata(TypedDict, total=False):
    """What the format reads of a row's metadata."""

    status: str | None
    usage_object: Usage | None
    user_api_key_team_alias: str | None
    error_information: Failure | None
    attempted_retries: float | None


@dataclass(frozen=True, slots=True)
class Told:
    """The metadata of a row.

    Attributes:
        known: what the format reads of it.
        unread: the numbers of its usage object that the format does not read, by their dotted path.
    """

    known: Metadata
    unread: Mapping[str, float]


METADATA = TypeAdapter(Metadata)


def _from_json(value: object) -> object:
    """Return what a text of JSON holds; the proxy and its database tell objects as texts too."""
    return json.loads(value) if isinstance(value, str) and value else value


def _told(value: object) -> Told | None:
    found = _from_json(value)
    if not found:
        return None
    try:
        known = METADATA.validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None  # the rest quotes the row
    usage = cast("Mapping[str, Any]", found).get("usage_object")
    return Told(known, dict(_unread(USAGE, usage, known.get("usage_object"), REPEATED)))


def _unread(
    path: str, found: object, known: object, skipped: frozenset[str] = frozenset()
) -> Iterator[tuple[str, float]]:
    """Yield the numbers of an object that are not in its known part; what is no name could be what people wrote."""
    if not isinstance(found, dict):
        return
    read = cast("dict[str, Any]", known if isinstance(known, dict) else {})
    for key, value in cast("Mapping[str, Any]", found).items():
        if not (key.isidentifier() and len(key) <= LONGEST_NAME):
            continue
        if isinstance(value, dict):
            yield from _unread(f"{path}.{key}", cast("object", value), read.get(key))
        elif key not in read and key not in skipped and is_number(value):
            yield f"{path}.{key}", float(value)


def _tags(value: object) -> list[str]:
    found = _from_json(value)
    tags = cast("list[object]", found) if isinstance(found, list) else []
    return short_tags(tag for tag in tags if isinstance(tag, str))


def _instant(moment: datetime) -> datetime:
    """Return a moment as naive UTC; the proxy means UTC where it says nothing."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo is not None else moment


def _text(value: object) -> object:
    return str(value) if isinstance(value, bool) else value


Instant = Annotated[datetime, AfterValidator(_instant)]


class SpendRow(TypedDict, total=False):
    """One call, as the proxy logged it."""

    request_id: Required[str]
    startTime: Required[Instant]
    call_type: str | None
    api_key: str | None
    spend: Annotated[Decimal, AfterValidator(dollars)] | None
    prompt_tokens: float | None
    completion_tokens: float | None
    endTime: Instant | None
    completionStartTime: Instant | None
    request_duration_ms: float | None
    model: str | None
    model_group: str | None
    custom_llm_provider: str | None
    cache_hit: Annotated[str | None, BeforeValidator(_text)]
    request_tags: Annotated[list[str], PlainValidator(_tags)]
    user: str | None
    end_user: str | None
    team_id: str | None
    organization_id: str | None
    session_id: str | None
    metadata: Annotated[Told | None, PlainValidator(_told)]
    status: str | None


def flat_row(row: SpendRow) -> Row:
    """Return a call as a row of the format, with the numbers that the format does not read beside its columns."""
    told = row.get("metadata")
    if told is None:
        return {**row, "metadata": None}
    return {**row, "metadata": told.known, **told.unread}


def live_copy(name: str, doc: str) -> Format:
    """Return the format of LiteLLM's files under another name, for rows that are read live."""
    columns = (*FORMAT.columns, LandedColumn("read_at", "TIMESTAMPTZ"))
    return replace(FORMAT, name=name, doc=doc, columns=columns, required=(*FORMAT.required, "read_at"))
