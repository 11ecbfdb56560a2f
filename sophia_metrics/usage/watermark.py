"""The watermark of a source: when it was last collected, and how far."""

from datetime import datetime, timedelta

import polars as pl

from sophia_metrics.calendars import settled_through
from sophia_metrics.schema import state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.sources.terms import SourceTerms

__all__ = ["watermark_frame"]


def watermark_frame(terms: SourceTerms, collected_at: datetime, newest_at: datetime | None) -> pl.DataFrame:
    """Return the row of core_watermarks for a source that was collected at that instant (naive UTC).

    `newest_at` is the greatest started_at that it has yielded; None: it has yielded nothing.
    """
    row = {
        "source": terms.name,
        "format": terms.format,
        "source_role": terms.widest_role,
        "billing": terms.billing,
        "reported_basis": terms.reported_basis,
        "collected_at": collected_at,
        "newest_at": newest_at,
        "expected_within_seconds": terms.expected_within_seconds,
        "settled_through_at": settled_through(collected_at, timedelta(seconds=terms.settling_seconds)),
    }
    return pl.DataFrame([row], schema=polars_schema(state.WATERMARKS))
