"""Who is charged what: the spend of a month by key, user, team, project or tag, with shared cost divided by a rule.

Amounts are whole numbers of 10^-12 dollars here, as many decimals as core has: every sum is exact.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal, cast

import polars as pl

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.exports.asking import Ask, export_query
from sophia_metrics.exports.shares import divide
from sophia_metrics.time_zones import is_time_zone
from sophia_metrics.windows import Window

__all__ = ["OTHER", "SHARED", "Chargeback", "ChargebackLine", "ChargebackOrder", "SplitRule", "charge_back"]

SplitRule = Literal["none", "even", "by-cost", "by-tokens"]
DIMENSIONS = ("key", "user", "team", "project")
TAG = "tag:"
SHARED, OTHER, TOTAL = "(shared)", "(other)", "(total)"
DECIMALS = 12
LINE_SCHEMA = {
    "scope": pl.String(),
    "direct_usd": pl.Decimal(38, DECIMALS),
    "shared_usd": pl.Decimal(38, DECIMALS),
    "total_usd": pl.Decimal(38, DECIMALS),
    "request_count": pl.Int64(),
    "tokens": pl.Int64(),
    "unpriced_count": pl.Int64(),
}


@dataclass(frozen=True, slots=True)
class ChargebackOrder:
    """What is asked.

    Attributes:
        month: a day of the month.
        by: key, user, team, project, or tag: and the name of a tag.
        split_rule: how shared cost is divided: none: not at all; even: the same for all; by-cost and by-tokens: by
            what each spent or used itself.
        top: name so many scopes, those that are charged most; the others are one line. None: name all.
        time_zone: IANA name of the zone that rules the month.
        shared_sources: sources whose cost is shared, whatever scope their calls name.

    Raises:
        ConfigurationError: `by` is none of these, there is no such time zone, or `top` is not above zero.
    """

    month: date
    by: str
    split_rule: SplitRule = "none"
    top: int | None = None
    time_zone: str = "UTC"
    shared_sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.by not in DIMENSIONS and not self.tag:
            raise ConfigurationError(f"{self.by!r} cannot be charged: write {', '.join(DIMENSIONS)} or tag:customer")
        if not is_time_zone(self.time_zone):
            raise ConfigurationError(f"{self.time_zone!r} is no time zone: write a name such as Europe/Paris")
        if self.top is not None and self.top < 1:
            raise ConfigurationError(f"--top {self.top} names nobody: write 1 or more")

    @property
    def tag(self) -> str | None:
        """The name of the tag. None: it is by another dimension."""
        return self.by.removeprefix(TAG) if self.by.startswith(TAG) else None


@dataclass(frozen=True, slots=True)
class ChargebackLine:
    """What one scope is charged.

    Attributes:
        scope: its name, hashed as in core where it is a person or a key; (shared): what has no scope; (other): all
            that are not named.
        direct_usd: what its own calls cost. None: no cost is known.
        shared_usd: its share of the shared cost; what is divided stands below zero in the line of (shared).
        total_usd: the two together. None: no cost is known.
        request_count: its calls.
        tokens: their tokens, of all classes. None: unknown.
        unpriced_count: those calls whose cost is not known, which are in no sum.
    """

    scope: str
    direct_usd: Decimal | None
    shared_usd: Decimal
    total_usd: Decimal | None
    request_count: int
    tokens: int | None
    unpriced_count: int


@dataclass(frozen=True, slots=True)
class Chargeback:
    """The lines of a month, those that are charged most first, then (other) and (shared); they add up to `total`."""

    order: ChargebackOrder
    lines: tuple[ChargebackLine, ...]
    total: ChargebackLine

    def rows(self) -> pl.DataFrame:
        """Return the lines as a frame, with the rule of the split in each."""
        names = [each.name for each in fields(ChargebackLine)]
        values = [[getattr(line, name) for name in names] for line in self.lines]
        frame = pl.DataFrame(values, schema=LINE_SCHEMA, orient="row")
        return frame.with_columns(pl.lit(self.order.split_rule).alias("split_rule"))


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums of some calls: cost in 10^-12 dollars, calls, tokens, calls of unknown cost. None: unknown."""

    cost: int | None = None
    request_count: int = 0
    tokens: int | None = None
    unpriced_count: int = 0

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(
            _known_sum(self.cost, other.cost),
            self.request_count + other.request_count,
            _known_sum(self.tokens, other.tokens),
            self.unpriced_count + other.unpriced_count,
        )

    def line(self, scope: str, share: int) -> ChargebackLine:
        total = self.cost if self.cost is None and not share else (self.cost or 0) + share
        return ChargebackLine(
            scope,
            None if self.cost is None else _dollars(self.cost),
            _dollars(share),
            None if total is None else _dollars(total),
            self.request_count,
            self.tokens,
            self.unpriced_count,
        )


def charge_back(ask: Ask, order: ChargebackOrder) -> Chargeback:
    """Return who is charged what.

    Raises:
        ConfigurationError: nothing is published yet.
        ServiceUnavailableError: what is published cannot be read.
    """
    window = Window.of_month(order.month, order.time_zone)
    parameters = {
        "dimension": "tag" if order.tag else order.by,
        "first_on": window.start_at.date(),
        "last_on": (window.end_at - timedelta(microseconds=1)).date(),
        "start_at": window.start_at,
        "end_at": window.end_at,
    }
    owned, shared = _sums(ask(export_query("chargeback"), parameters).iter_rows(), order)
    shares = _shares(owned, shared.cost or 0, order.split_rule)
    ranked = sorted(owned, key=lambda scope: (-(owned[scope].cost or 0) - shares[scope], scope))
    named = ranked[: order.top]
    lines = [owned[scope].line(scope, shares[scope]) for scope in named]
    if others := ranked[len(named) :]:
        together = sum((owned[scope] for scope in others), _Sums())
        lines.append(together.line(OTHER, sum(shares[scope] for scope in others)))
    if shared != _Sums():
        lines.append(shared.line(SHARED, -sum(shares.values())))
    return Chargeback(order, tuple(lines), sum(owned.values(), shared).line(TOTAL, 0))


def _sums(rows: Iterable[tuple[Any, ...]], order: ChargebackOrder) -> tuple[dict[str, _Sums], _Sums]:
    """Add up by scope, and apart what is shared."""
    owned: dict[str, _Sums] = {}
    shared = _Sums()
    for text, source, cost, request_count, tokens, unpriced_count in rows:
        scope = _tag_value(text, order.tag) if order.tag else text
        sums = _Sums(None if cost is None else _units(cost), request_count, tokens, unpriced_count)
        if not scope or source in order.shared_sources:
            shared += sums
        else:
            owned[scope] = owned.get(scope, _Sums()) + sums
    return owned, shared


def _shares(owned: Mapping[str, _Sums], amount: int, rule: SplitRule) -> dict[str, int]:
    """Divide the shared cost; where nobody spent or used anything, the same for all."""
    scopes = sorted(owned)
    if rule == "none" or not scopes:
        return dict.fromkeys(scopes, 0)
    weights = [max(_weight(owned[scope], rule), 0) for scope in scopes]
    return dict(zip(scopes, divide(amount, weights if any(weights) else [1] * len(scopes)), strict=True))


def _weight(sums: _Sums, rule: SplitRule) -> int:
    if rule == "by-cost":
        return sums.cost or 0
    return (sums.tokens or 0) if rule == "by-tokens" else 1


def _tag_value(text: str | None, tag: str) -> str | None:
    tags = cast("dict[str, str]", json.loads(text)) if text else {}
    return tags.get(tag)


def _known_sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def _units(dollars: Decimal) -> int:
    return int(dollars.scaleb(DECIMALS))


def _dollars(units: int) -> Decimal:
    return Decimal(f"{units}E-{DECIMALS}")
