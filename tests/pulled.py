"""A source of complete windows for tests: buckets of a made-up vendor, one Parquet file a reading of a window."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from sophia_metrics.sources.format import Completeness, Format, LandedColumn, TokenConvention
from sophia_metrics.sources.spool_source import PulledWindow
from tests.lab import Lab

FORMAT = Format(
    name="buckets",
    doc="Buckets of a vendor, in complete windows.",
    convention=TokenConvention.EXCLUSIVE,
    completeness=Completeness.COMPLETE,
    columns=(
        LandedColumn("id", "VARCHAR"),
        LandedColumn("start_at", "TIMESTAMPTZ"),
        LandedColumn("tokens", "BIGINT"),
        LandedColumn("searches", "BIGINT"),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=(
        "SELECT row_ordinal, file_name, defect, coalesce(tokens = 0, false) AS is_ignored, id AS native_id, "
        "'bucket' AS record_kind, make_timestamp(epoch_us(start_at)) AS started_at, "
        "make_timestamp(epoch_us(read_at)) AS source_updated_at, 'openai' AS provider, 'gpt-4o' AS model, "
        "tokens AS total_input_tokens, tokens AS input_tokens, CAST(0 AS BIGINT) AS output_tokens FROM landed"
    ),
    units="SELECT row_ordinal, 'web_searches' AS unit, searches AS quantity FROM landed WHERE searches <> 0",
    signature=("id", "start_at"),
    required=("id", "start_at", "tokens", "read_at"),
)
SCHEMA = {
    "id": pl.String,
    "start_at": pl.Datetime("us"),
    "tokens": pl.Int64,
    "searches": pl.Int64,
    "read_at": pl.Datetime("us"),
}


@dataclass(frozen=True)
class Bucket:
    """What a vendor says of one id."""

    ident: str
    start_at: datetime
    tokens: int
    searches: int = 0


@dataclass(frozen=True)
class PulledLab:
    """A lab with one source, which is read window by window."""

    lab: Lab
    source_name: str = "vendor"

    @property
    def spool(self) -> Path:
        return self.lab.home.parent / "spool" / self.source_name

    def place(
        self, start_at: datetime, end_at: datetime, read_at: datetime, buckets: Iterable[Bucket] = ()
    ) -> PulledWindow:
        """Write a reading of a window into the spool."""
        rows = [(each.ident, each.start_at, each.tokens, each.searches, read_at) for each in buckets]
        frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
        digest = hashlib.sha256(frame.drop("read_at").write_csv().encode()).hexdigest()[:32]
        window = PulledWindow(start_at, end_at, read_at, digest, is_open=False)
        self.spool.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(self.spool / window.file_name)
        return window

    @property
    def source(self):
        return self.lab.source(self.spool, name=self.source_name, file_format=FORMAT)

    def commit(self, start_at: datetime, end_at: datetime, read_at: datetime, buckets: Iterable[Bucket] = ()):
        """Place a reading, and collect what is new; return the one receipt."""
        self.place(start_at, end_at, read_at, buckets)
        (receipt,) = self.lab.collect_new(self.source).receipts
        return receipt

    def rows(self) -> list[tuple[datetime, int]]:
        """Return start and tokens of what core has of the source, in order."""
        return self.lab.rows(
            f"SELECT started_at, input_tokens FROM core_usage_events WHERE source = '{self.source_name}' "
            "ORDER BY started_at, input_tokens"
        )


HOUR = timedelta(hours=1)
