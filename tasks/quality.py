"""The quality verdict of a collection, in Markdown: what became of every row, what was kept out, and why."""

from collections.abc import Iterator, Sequence

from sophia_metrics.quality.report import QualityReport
from sophia_metrics.usage.outcome import Collected

__all__ = ["SAMPLE_BANNER", "quality_report"]

SAMPLE_BANNER = "**Sample data:** these figures are made up, for a first look."


def quality_report(collected: Sequence[Collected], quality: QualityReport | None = None) -> str:
    """Return the verdict on what a run collected and judged: rows by source, what is held and why, refused files."""
    sections = (
        _banner(collected),
        _verdict(collected) if collected else (),
        _rows(collected) if collected else (),
        _held(collected),
        _refused(collected),
        _expectations(quality) if quality is not None else (),
    )
    return "\n\n".join("\n".join(section) for section in map(list, sections) if section) + "\n"


def _banner(collected: Sequence[Collected]) -> Iterator[str]:
    if any(each.is_sample for each in collected):
        yield SAMPLE_BANNER


def _verdict(collected: Sequence[Collected]) -> Iterator[str]:
    held = sum(len(each.held) for each in collected)
    refused = sum(len(each.refused) for each in collected)
    quarantined = sum(each.counts.quarantined for each in collected)
    if held:
        yield f"# {held} held: not in the figures until the cause is gone"
    elif refused or quarantined:
        yield f"# Committed, with {quarantined:,} rows in quarantine and {refused:,} files refused"
    else:
        yield "# Every row was accepted, known already, or not usage"


def _rows(collected: Sequence[Collected]) -> Iterator[str]:
    yield "| source | files | new files | read | accepted | quarantined | duplicate | ignored |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for each in collected:
        found, rows = each.findings, each.counts
        counts = (
            *(found.file_count, found.new_file_count),
            *(rows.read, rows.accepted, rows.quarantined, rows.duplicate, rows.ignored),
        )
        yield f"| {each.source} | " + " | ".join(f"{count:,}" for count in counts) + " |"


def _held(collected: Sequence[Collected]) -> Iterator[str]:
    slices = [receipt for each in collected for receipt in each.held]
    if slices:
        yield "## Held by the gate"
    for receipt in slices:
        yield f"- {receipt.source}, attempt {receipt.attempt_id}: {receipt.held_because}"


def _refused(collected: Sequence[Collected]) -> Iterator[str]:
    refusals = [refusal for each in collected for refusal in each.refused]
    if refusals:
        yield "## Refused files"
    for refusal in refusals:
        yield f"- `{refusal.path}`: {refusal.reason}"


def _expectations(quality: QualityReport) -> Iterator[str]:
    reason = quality.held_because
    yield "## Expectations"
    yield f"{len(quality.verdicts):,} judged, {len(quality.failed):,} failed"
    if reason is not None:
        yield f"- **nothing is published until this is repaired:** {reason}"
    yield from (f"- {each.severity}: {each.sentence}" for each in quality.failed)
    if quality.data_docs is not None:
        yield f"- Data Docs: `{quality.data_docs}`"
