"""What a format is: which columns may leave its files, and how they become usage events."""

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

__all__ = [
    "Billing",
    "Completeness",
    "Format",
    "LandedColumn",
    "ReportedBasis",
    "TokenConvention",
    "is_nested",
]

ReportedBasis = Literal["billed", "estimated"]
Billing = Literal["api", "subscription"]


class TokenConvention(StrEnum):
    """How a source counts input tokens that were read from, or written to, a prompt cache."""

    INCLUSIVE = "inclusive"
    """They are a part of its input tokens (OpenAI, Gemini, OpenRouter, LiteLLM)."""
    EXCLUSIVE = "exclusive"
    """They stand beside its input tokens (Anthropic, Claude Code logs)."""


class Completeness(StrEnum):
    """What it means that a row is absent from the newest attempt."""

    COMPLETE = "complete"
    """The row no longer exists: a window of a vendor's API. An id stays in its window, whatever else changes of it."""
    PARTIAL = "partial"
    """Nothing: files are merged by event_id, and no row is removed."""


@dataclass(frozen=True, slots=True)
class LandedColumn:
    """A column that may leave the file: the allow-list of a format is made of these.

    Attributes:
        name: its name in the landed relation.
        duckdb_type: its type there. A nested type names every field that is read; no other field is.
        is_identity: it holds a person's identifier in plain text, to be hashed before it is stored.
        source_key: the key or column in the file. None: the same as `name`.
        source_type: what the value in the file must be. None: the same as `duckdb_type`.
        expression: SQL over the key, as a quoted identifier, that yields the column. None: the value itself.
            A value for which it yields null is a defect.
        is_added: files that older programs landed lack it; it is null in them.
    """

    name: str
    duckdb_type: str
    is_identity: bool = False
    source_key: str | None = None
    source_type: str | None = None
    expression: str | None = None
    is_added: bool = field(default=False, repr=False)  # the hash of a format is over what lands, not since when

    @property
    def key(self) -> str:
        """The key or column in the file."""
        return self.source_key or self.name

    @property
    def type_in_file(self) -> str:
        """What the value in the file must be, as a DuckDB type."""
        return self.source_type or self.duckdb_type


@dataclass(frozen=True, slots=True)
class Format:
    """A shape of usage files.

    Attributes:
        name: what the configuration calls it.
        doc: what it is, in a sentence.
        convention: how the files count cached input; the mapping yields the exclusive partition.
        completeness: what an absent row means.
        billing: who pays for the calls, unless the configuration says otherwise. None: the files do not say.
        reported_basis: what the cost field holds. None: there is no such field, or the source decides.
        columns: the allow-list, in order.
        mapping: a SELECT that turns the relation `landed` into event columns, one row a landed row.
        units: a SELECT of (row_ordinal, unit, quantity) from `landed`. None: the format has no such units.
        signature: a file that has none of these keys is of another format.
        required: the keys that a CSV header or a Parquet schema must have.
        default_paths: globs where the files usually are; a leading ~ is the user's home.
        settling_hours: hours after the end of a day until its files are complete.
        reads_whole: a row means nothing without the rows before it: a file that changed is read again from its
            start, and never in pieces.
        resumes: what is appended to a file is read alone. False where rows have no id of their own: their number among
            equal rows of the file tells them apart.
        naming: landed texts that may name a person beside the identifiers: a project, a team. A text inside an object
            is a dotted path.
        tagging: landed tags: texts, lists and maps of texts.
        usage_fields: the objects that hold token counts, as dotted paths. A key below them that the format does not
            read may be usage that nobody counts: it is recorded in core_schema_changes.
    """

    name: str
    doc: str
    convention: TokenConvention
    columns: tuple[LandedColumn, ...]
    mapping: str
    signature: tuple[str, ...]
    required: tuple[str, ...] = ()
    units: str | None = None
    reported_basis: ReportedBasis | None = None
    billing: Billing | None = "api"
    completeness: Completeness = Completeness.PARTIAL
    default_paths: tuple[str, ...] = ()
    settling_hours: int = 1
    reads_whole: bool = False
    resumes: bool = True
    naming: tuple[str, ...] = ()
    tagging: tuple[str, ...] = ()
    usage_fields: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Hash over what lands and how it is read, in hex: another mapping needs another landing."""
        return hashlib.sha256(repr((self.columns, self.mapping, self.units)).encode()).hexdigest()

    @property
    def lands_whole(self) -> bool:
        """Whether a file is never parted among landed files."""
        return self.reads_whole or self.completeness is Completeness.COMPLETE

    @property
    def identity_columns(self) -> tuple[str, ...]:
        """The landed columns that hold a person's identifier."""
        return tuple(column.name for column in self.columns if column.is_identity)

    @property
    def file_types(self) -> dict[str, str]:
        """The keys that are read and what their values must be, in order."""
        return {column.key: column.type_in_file for column in self.columns}


def is_nested(duckdb_type: str) -> bool:
    """Whether the type is a struct, list or map: in CSV and in text columns of Parquet it is JSON."""
    return re.fullmatch(r"(STRUCT|MAP)\(.*\)|.*\[\]", duckdb_type, re.IGNORECASE | re.DOTALL) is not None
