"""Landing: what was read, as immutable Parquet files of allow-listed columns, before anything else sees it.

The footer says where the rows come from, so that a landed file can be judged, priced and committed at
any later time, by this program or a newer one, without the source.
"""

import json
import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import datetime
from pathlib import Path
from typing import Any, Self, cast

import polars as pl

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.sources.fields import Field
from sophia_metrics.sources.file_source import SourceFile

__all__ = ["FOOTER_KEY", "FOOTER_VERSION", "LandedFile", "Landing", "landings", "readable_landings"]

log = logging.getLogger(__name__)

FOOTER_KEY = "sophia_landing"
FOOTER_VERSION = 2


@dataclass(frozen=True, slots=True)
class LandedFile:
    """What one source file gave to a landing.

    Attributes:
        name: the source file, as the ledger calls it.
        path: its absolute path.
        member: the file inside an archive. None: the file itself.
        size_bytes: its length when it was found.
        modified_ns: its time of modification then, in nanoseconds of the epoch.
        reading_id: the reading that began at its first byte and that this goes on with.
        byte_start: first byte that was read, from 0. Packed files: of the unpacked text. Parquet: the first row.
        byte_end: the byte (or row) after the last one.
        line_start: number of the line there, from 1. Parquet: of the row.
        line_end: number of the line at byte_end.
        content_sha256: hash of the bytes that were read, in hex. Parquet: of the whole file.
        prefix_sha256: fingerprint of the file up to byte_end. None: it is read from its start when it changes.
        first_ordinal: the row_ordinal of its first row; 0 where it has none.
        row_count: how many rows it gave.
        is_last: what was found of the file ends with it; else the next landed file goes on with it.
    """

    name: str
    path: str
    member: str | None
    size_bytes: int
    modified_ns: int
    reading_id: str
    byte_start: int
    byte_end: int
    line_start: int
    line_end: int
    content_sha256: str
    prefix_sha256: str | None
    first_ordinal: int
    row_count: int
    is_last: bool = True

    @property
    def file(self) -> SourceFile:
        """The source file, as it was when it was found."""
        return SourceFile(self.path, self.size_bytes, self.modified_ns, self.member)

    @classmethod
    def of_footer(cls, facts: Mapping[str, Any], attempt_id: str) -> Self:
        """Read what a footer says; the first version of footers told of whole files only."""
        if "name" in facts:
            return cls(**facts)
        whole = {"byte_start": 0, "byte_end": facts["size_bytes"], "line_start": 1, "line_end": 1}
        return cls(name=facts["path"], member=None, reading_id=attempt_id, prefix_sha256=None, **whole, **facts)


@dataclass(frozen=True, slots=True)
class Landing:
    """One landed Parquet file and its footer.

    Attributes:
        path: the Parquet file.
        attempt_id: names the attempt in every row that it commits.
        source: name of the source.
        format: name of its format.
        completeness: partial or complete; what an absent row means.
        landed_at: when it was read (naive UTC).
        rules_version: version of the row rules at that time.
        format_sha256: hash of the format with which it was read.
        files: the source files in it, in order.
        fields: the fields that their rows have; of JSON those of a sample.
        ordinal: its place among those that were landed together: they are committed in this order.
    """

    path: Path
    attempt_id: str
    source: str
    format: str
    completeness: str
    landed_at: datetime
    rules_version: int
    format_sha256: str
    files: tuple[LandedFile, ...]
    fields: tuple[Field, ...] = ()
    ordinal: int = 0

    @property
    def row_count(self) -> int:
        """Rows in the landed file."""
        return sum(file.row_count for file in self.files)

    def footer(self) -> str:
        """Return what the Parquet footer carries, as JSON."""
        facts = {name: getattr(self, name) for name in _FOOTER_NAMES}
        ours = {"landed_at": self.landed_at.isoformat(), "footer_version": FOOTER_VERSION}
        return json.dumps({**facts, **ours}, default=_shallow)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the footer of a landed file.

        Raises:
            ConfigurationError: a newer program landed it.
            ProcessingError: the file is no landed file, is damaged or is gone.
        """
        try:
            footer = pl.read_parquet_metadata(path).get(FOOTER_KEY)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ProcessingError(
                f"{path} is gone, damaged or no Parquet file: move it away, and ingest its source again"
            ) from error
        if footer is None:
            raise ProcessingError(f"{path} carries no {FOOTER_KEY} footer: it was not landed here; move it away")
        facts = cast("dict[str, Any]", json.loads(footer))
        if facts.pop("footer_version") > FOOTER_VERSION:
            raise ConfigurationError(f"{path} was landed by a newer sophia-metrics: install that version again")
        files = tuple(LandedFile.of_footer(each, facts["attempt_id"]) for each in facts.pop("files"))
        fields = tuple(Field(**each) for each in facts.pop("fields", ()))
        landed_at = datetime.fromisoformat(facts.pop("landed_at"))
        return cls(path=path, files=files, fields=fields, landed_at=landed_at, **facts)


_FOOTER_NAMES = tuple(field.name for field in dataclass_fields(Landing) if field.name != "path")


def _shallow(value: LandedFile | Field) -> dict[str, Any]:
    """Return the attributes of a flat value; `asdict` would copy each of thousands deeply."""
    return {field.name: getattr(value, field.name) for field in dataclass_fields(value)}


def landings(folder: Path, *, but: Collection[str] = ()) -> Iterator[Landing]:
    """Yield the landed files of a source's landing folder, but not those of the attempts `but`.

    A landed file is named for its attempt, so that the footers of those that are left out are not read.
    """
    for path in sorted(folder.glob("*.parquet")):
        if path.stem not in but:
            yield Landing.read(path)


def readable_landings(folder: Path) -> Iterator[Landing]:
    """Yield the landed files of a source's landing folder that can be read: others are as good as gone.

    Raises:
        ConfigurationError: a newer program landed one of them.
    """
    for path in sorted(folder.glob("*.parquet")):
        try:
            yield Landing.read(path)
        except ProcessingError as error:
            log.warning("%s", error)
