"""Roles of parts of a source: which of its rows count as usage, and which are only compared."""

from typing import NamedTuple

from sophia_metrics.pricing.routes import PASS_THROUGH, canonical, spellings
from sophia_metrics.quoting import literal
from sophia_metrics.sources.terms import PartRole, Role, SourceTerms

__all__ = ["covers", "role_expression", "role_of"]

DIRECT = "direct"
"""The route of rows that tell none. A part of this route has those that a gateway only passed on, too."""
BLANKS = r"E' \t\r\n'"


def role_of(terms: SourceTerms, provider: str, account: str | None, route: str | None) -> Role:
    """Return what a row of the source counts as: what the first part says that fits it, else what the source does."""
    row = _Row(canonical(provider), terms.account if account is None else account, _route(route))
    for part in terms.parts:
        if _fits(_wanted(part), row):
            return part.role
    return terms.role


def role_expression(terms: SourceTerms) -> str:
    """Return the same as SQL, over rows with provider, account_id and route."""
    account = "account_id" if terms.account is None else f"coalesce(account_id, {literal(terms.account)})"
    cases = "".join(f" WHEN {_condition(part, account)} THEN {literal(part.role)}" for part in terms.parts)
    return f"CASE{cases} ELSE {literal(terms.role)} END" if cases else literal(terms.role)


def covers(first: PartRole, second: PartRole) -> bool:
    """Say whether the first part fits whatever the second one fits, so that the second has no effect behind it."""
    return _fits(_wanted(first), _wanted(second))


class _Row(NamedTuple):
    """What a row tells, or what a part wants: names are canonical. None: it tells, or wants, nothing."""

    provider: str | None
    account: str | None
    route: str | None


def _wanted(part: PartRole) -> _Row:
    provider = None if part.provider is None else canonical(part.provider)
    return _Row(provider, part.account, None if part.route is None else _route(part.route))


def _fits(wanted: _Row, given: _Row) -> bool:
    return (
        wanted.provider in {None, given.provider}
        and wanted.account in {None, given.account}
        and (wanted.route in {None, given.route} or (wanted.route == DIRECT and given.route in PASS_THROUGH))
    )


def _route(route: str | None) -> str:
    return canonical(route or "") or DIRECT


def _condition(part: PartRole, account: str) -> str:
    provider, wanted_account, route = _wanted(part)
    conditions: list[str] = []
    if provider is not None:
        names = {name for name in spellings() if canonical(name) == provider} | {provider}
        conditions.append(_is_one_of("provider", names))
    if wanted_account is not None:
        conditions.append(f"{account} = {literal(wanted_account)}")
    if route is not None:
        names = {name for name in spellings() if _fits(_Row(None, None, route), _Row(None, None, canonical(name)))}
        conditions.append(_is_one_of(f"coalesce(nullif(trim(route, {BLANKS}), ''), '{DIRECT}')", names | {route}))
    return " AND ".join(conditions)


def _is_one_of(value: str, names: set[str]) -> str:
    listed = ", ".join(map(literal, sorted(names)))
    return rf"regexp_replace(lower(trim({value}, {BLANKS})), '[._\s]+', '-', 'g') IN ({listed})"
