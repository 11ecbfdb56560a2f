"""Amounts and names in the sentences and the evidence of alerts. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from sophia_metrics.alerts.observation import BudgetObservation

__all__ = ["contributor_evidence", "contributor_sentence", "plain", "plain_or_none", "usd"]


def usd(value: Decimal) -> str:
    """Return dollars with two digits behind the point."""
    return f"{value:,.2f}"


def plain(value: Decimal) -> str:
    """Return a number without an exponent and without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain_or_none(value: Decimal | None) -> str | None:
    """Return the same. None: there is none."""
    return None if value is None else plain(value)


def contributor_evidence(each: BudgetObservation) -> dict[str, list[dict[str, str]]]:
    """Return who spent the most and what the others did, which together is all; nothing where it was not looked up."""
    return {} if each.contributors is None else {"contributors": list(_rows(each))}


def contributor_sentence(each: BudgetObservation) -> str:
    """Return who spent the most, to be put behind a sentence; empty where nobody was looked up."""
    if not each.contributors:
        return ""
    parts = [f"{one.team}/{one.model} {usd(one.amount_usd)}" for one in each.contributors]
    if each.other_usd:
        parts.append(f"others {usd(each.other_usd)}")
    return "; most by " + ", ".join(parts)


def _rows(each: BudgetObservation) -> Iterator[dict[str, str]]:
    for one in each.contributors or ():
        yield {"team": one.team, "model": one.model, "amount_usd": plain(one.amount_usd)}
    if each.other_usd is not None:
        yield {"other": "all others", "amount_usd": plain(each.other_usd)}
