"""Roles of parts of a source: which of its rows count as usage, and which are only compared."""

from sophia_metrics.pricing.routes import PASS_THROUGH, canonical, spellings
from sophia_metrics.sources.quoting import literal
from sophia_metrics.sources.terms import PartRole, Role, SourceTerms

__all__ = ["covers", "role_expression", "role_of"]

DIRECT = "direct"
"""The route of rows that tell none, and of those that were only passed on."""


def role_of(terms: SourceTerms, provider: str, account: str | None, route: str | None) -> Role:
    """Return what a row of the source counts as: what the first part says that fits it, else what the source does."""
    row = (canonical(provider), account, _seller(route or DIRECT))
    for part in terms.parts:
        if all(wanted in {None, given} for wanted, given in zip(_wanted(part), row, strict=True)):
            return part.role
    return terms.role


def role_expression(terms: SourceTerms) -> str:
    """Return the same as SQL, over rows with provider, account_id and route."""
    account = "account_id" if terms.account is None else f"coalesce(account_id, {literal(terms.account)})"
    cases = "".join(f" WHEN {_condition(part, account)} THEN {literal(part.role)}" for part in terms.parts)
    return f"CASE{cases} ELSE {literal(terms.role)} END" if cases else literal(terms.role)


def covers(first: PartRole, second: PartRole) -> bool:
    """Say whether the first part fits whatever the second one fits, so that the second has no effect behind it."""
    return all(mine in {None, other} for mine, other in zip(_wanted(first), _wanted(second), strict=True))


def _wanted(part: PartRole) -> tuple[str | None, str | None, str | None]:
    provider = None if part.provider is None else canonical(part.provider)
    return provider, part.account, None if part.route is None else _seller(part.route)


def _seller(route: str) -> str:
    seller = canonical(route)
    return DIRECT if seller in PASS_THROUGH else seller


def _condition(part: PartRole, account: str) -> str:
    provider, wanted_account, route = _wanted(part)
    conditions: list[str] = []
    if provider is not None:
        names = {name for name in spellings() if canonical(name) == provider} | {provider}
        conditions.append(_is_one_of("provider", names))
    if wanted_account is not None:
        conditions.append(f"{account} = {literal(wanted_account)}")
    if route is not None:
        names = {name for name in spellings() if _seller(name) == route} | {route}
        conditions.append(_is_one_of(f"coalesce(route, '{DIRECT}')", names))
    return " AND ".join(conditions)


def _is_one_of(value: str, names: set[str]) -> str:
    listed = ", ".join(map(literal, sorted(names)))
    return rf"regexp_replace(lower(trim({value})), '[._\s]+', '-', 'g') IN ({listed})"
