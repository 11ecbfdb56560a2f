"""What there is in a state folder, and what of it is wrong beside the oracle and the notes."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sophia_metrics.schema import core
from sophia_metrics.warehouse.protocol import Query
from tests.chaos.notes import Notes
from tests.chaos.oracle import Acknowledged, Expected, Fact, Oracle
from tests.chaos.run import LIMITS_USD, SHARES, Place

Message = Mapping[str, str]
"""A message that came: its delivery_id, dedup_key, kind, rule and subject."""

EVENTS = "SELECT trace_id, started_at, output_tokens, source_updated_at FROM core_usage_events"
TORN = (
    "SELECT count(*) AS n FROM core_ingest_ledger "
    "WHERE row_count <> accepted_count + quarantined_count + duplicate_count + ignored_count"
)


@dataclass(slots=True)
class Wrong:
    """What breaks a promise, in sentences."""

    lost: list[str] = field(default_factory=list[str])
    duplicated: list[str] = field(default_factory=list[str])
    torn: list[str] = field(default_factory=list[str])

    def add(self, other: "Wrong") -> None:
        """Put more beside it."""
        self.lost += other.lost
        self.duplicated += other.duplicated
        self.torn += other.torn


@dataclass(frozen=True, slots=True)
class State:
    """What a state folder holds.

    Attributes:
        events: id, start, output tokens and time of the version, of each row of core.
        quarantined: ids of the rows of quarantine.
        observed: instants of the probe results.
        torn: what is not whole: rows of the ledger, files of the manifest.
        recovery_count: how often the state file was made again.
        spend: of core, of the marts, of the published core, of the published marts.
    """

    events: list[tuple[str, str, int, str | None]]
    quarantined: list[str]
    observed: list[str]
    torn: list[str]
    recovery_count: int
    spend: tuple[str, str, str, str]

    @classmethod
    def load(cls, path: Path) -> "State":
        """Read what `write_state` left."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    @property
    def facts(self) -> Counter[Fact]:
        """The events, as the oracle tells them."""
        return Counter((ident, started_at, tokens) for ident, started_at, tokens, _ in self.events)


def write_state(place: Place, now: datetime, target: Path) -> None:
    """Read what the state folder holds, in a process of its own: opening DuckDB starts threads."""
    warehouse = place.warehouse(now)

    def rows(sql: str) -> list[tuple[Any, ...]]:
        return warehouse.read(Query(sql)).rows()

    torn = [f"{count} rows of the ledger do not add up" for (count,) in rows(TORN) if count]
    manifest = rows("SELECT path, row_count, size_bytes FROM manifest")
    torn += [text for path, count, size in manifest if (text := _torn(place.home / path, count, size))]
    published = place.lab(now).serving
    spend = (
        *(rows(f"SELECT sum(cost_usd) AS n FROM {table}")[0][0] for table in ("core_usage_events", "mart_cost_daily")),
        *(
            published.query(f"SELECT sum(cost_usd) AS n FROM {table}").item()
            for table in ("core_usage_events", "mart_cost_daily")
        ),
    )
    state = State(
        events=[(ident, at.isoformat(), tokens, made and made.isoformat()) for ident, at, tokens, made in rows(EVENTS)],
        quarantined=[ident for (ident,) in rows(f"SELECT quarantine_id FROM {core.QUARANTINE.name}")],
        observed=[at.isoformat() for (at,) in rows(f"SELECT probed_at FROM {core.PROBE_RESULTS.name}")],
        torn=torn,
        recovery_count=rows("SELECT count(*) AS n FROM core_recoveries")[0][0],
        spend=tuple(map(str, spend)),  # type: ignore[arg-type]
    )
    target.write_text(json.dumps(asdict(state)), encoding="utf-8")


def _torn(path: Path, row_count: int, size_bytes: int) -> str | None:
    if not path.exists():
        return f"{path.name} is listed and gone"
    if path.stat().st_size != size_bytes:
        return f"{path.name} has {path.stat().st_size} bytes, and {size_bytes} are listed"
    rows = pq.ParquetFile(path).metadata.num_rows
    return None if rows == row_count else f"{path.name} has {rows} rows, and {row_count} are listed"


def judge_acknowledged(state: State, oracle: Oracle, notes: Notes) -> Wrong:
    """Say what is missing of what was acknowledged, whatever was killed since; nothing has healed yet."""
    spans = [
        Acknowledged(Path(note["path"]), note["byte_start"], note["byte_end"])
        for note in notes.read()
        if note["note"] == "acknowledged"
    ]
    expected = Expected.of(oracle.acknowledged(spans))
    known = {ident: made for ident, _, _, made in state.events}
    wrong = Wrong(torn=list(state.torn))
    for ident, *_ in expected.facts:
        if ident not in known:
            wrong.lost.append(f"{ident} was acknowledged and is gone")
        elif (made := expected.updated_at.get(ident)) and str(known[ident]) < made.isoformat():
            wrong.lost.append(f"{ident}: the version of {made} was acknowledged, and that of {known[ident]} is there")
    if len(set(state.quarantined)) < expected.broken_count:
        wrong.lost.append(f"{expected.broken_count - len(set(state.quarantined))} quarantined rows are gone")
    wrong.add(_judge_observed(state, notes))
    return wrong


def judge_healed(state: State, oracle: Oracle, notes: Notes) -> Wrong:
    """Say what differs from what the source files come to, after a run that healed."""
    expected = Expected.of(oracle.rows)
    wrong = Wrong(torn=list(state.torn))
    more, less = state.facts - expected.facts, expected.facts - state.facts
    idents = {ident for ident, *_ in expected.facts}
    there = Counter(ident for ident, *_ in state.facts.elements())
    wanted = Counter(ident for ident, *_ in expected.facts.elements())
    wrong.duplicated += [f"{ident} is there {there[ident]} times" for ident in there if there[ident] > wanted[ident]]
    wrong.lost += [f"{ident} is gone" for ident in idents if there[ident] < wanted[ident]]
    if (more or less) and not wrong.duplicated and not wrong.lost:
        wrong.torn.append(f"versions differ: {sorted(more)[:3]} instead of {sorted(less)[:3]}")
    if len(state.quarantined) > expected.broken_count:
        wrong.duplicated.append(f"{len(state.quarantined)} rows in quarantine for {expected.broken_count} broken ones")
    if len(state.quarantined) < expected.broken_count:
        wrong.lost.append(f"{len(state.quarantined)} rows in quarantine for {expected.broken_count} broken ones")
    if {Decimal(each) for each in state.spend} != {expected.spend_usd}:
        wrong.torn.append(f"the spend is {expected.spend_usd}, and core, marts and what is published say {state.spend}")
    wrong.add(_judge_observed(state, notes))
    return wrong


def _judge_observed(state: State, notes: Notes) -> Wrong:
    noted = {note["probed_at"] for note in notes.read() if note["note"] == "observed"}
    there = Counter(state.observed)
    return Wrong(
        lost=[f"the probe of {each} was acknowledged and is gone" for each in noted - there.keys()],
        duplicated=[f"the probe of {each} is there {count} times" for each, count in there.items() if count > 1],
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the messages.

    Attributes:
        message_count: different messages that came.
        inside: messages that came again because a run was ended between the post and the mark, or the state was lost.
        outside: what came again for no such reason, or under another key, in sentences.
    """

    message_count: int
    inside: int
    outside: tuple[str, ...]


def judge_messages(messages: Sequence[Message], notes: Notes, ended: Iterable[int]) -> Told:
    """Say which messages came more than once, and whether each repeat is one that is promised for a crash.

    `ended` are the numbers of the runs that were killed, or failed as they were made to.
    """
    excused, outside = _repeats(notes, frozenset(ended))
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for message in messages:
        keys[message["delivery_id"]].append(message["dedup_key"])
    inside = 0
    for delivery, told in keys.items():
        if len(set(told)) > 1:
            outside.append(f"{delivery} came under several keys")
        if len(told) - 1 > excused[delivery]:
            outside.append(f"{delivery} came {len(told)} times, and {excused[delivery]} repeats are explained")
        else:
            inside += len(told) - 1
    return Told(len(keys), inside, (*outside, *_fired_twice(messages)))


def _repeats(notes: Notes, ended: Collection[int]) -> tuple[Counter[str], list[str]]:
    """Return how often each message may have come again, and what was sent again although it was marked."""
    excused, outside = Counter[str](), list[str]()
    last_run, marked, lost = dict[str, int](), set[str](), set[str]()
    for note in notes.read():
        delivery = note.get("delivery", "")
        if note["note"] == "recovered":
            lost.update(last_run)
            marked.clear()
        elif note["note"] == "marked":
            marked.add(delivery)
        elif note["note"] == "sending":
            if delivery in marked:
                outside.append(f"{delivery} was sent again by run {note['run']} after it was marked")
            if last_run.get(delivery) in ended or delivery in lost:
                excused[delivery] += 1
            lost.discard(delivery)
            last_run[delivery] = note["run"]
    return excused, outside


def untold(messages: Sequence[Message], spend_usd: Decimal) -> list[str]:
    """Say which thresholds the spend has reached without a word to the receiver."""
    fired = {(message["subject"], message["rule"]) for message in messages if message["kind"] == "fire"}
    reached = {
        (name, f"budget-{(share * 100).normalize():f}")
        for name, limit in LIMITS_USD.items()
        for share in SHARES
        if spend_usd >= limit * share
    }
    return [f"nobody was told of {rule} of {name}" for name, rule in sorted(reached - fired)]


def _fired_twice(messages: Sequence[Message]) -> list[str]:
    """Return what fired under two ids without a word in between that it was over."""
    open_by, twice = dict[str, str](), list[str]()
    for message in messages:
        alert = f"{message['rule']} of {message['subject']}"
        if message["kind"] == "fire":
            if open_by.setdefault(alert, message["delivery_id"]) != message["delivery_id"]:
                twice.append(f"{alert} fired again while it was open")
        elif message["kind"] == "resolve":
            open_by.pop(alert, None)
    return twice
