"""`sophia-metrics change`, `suggestions`, `what-if`, `kpi`: why spend changed, and what to do about it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import UNKNOWN, money, plural
from sophia_metrics.connect import connect_warehouse, price_book
from sophia_metrics.costs.change import CostChange, Days, explain_change
from sophia_metrics.costs.kpi import Kpi, load_kpis, set_baseline
from sophia_metrics.costs.suggestion_report import PublishedSuggestion, load_suggestions
from sophia_metrics.costs.tagged_change import explain_tagged_change
from sophia_metrics.costs.what_if import CachePolicy, WhatIf, WhatIfOrder, parse_swaps, what_if
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.scopes import Scope
from sophia_metrics.serving import Serving
from sophia_metrics.settings import load_settings
from sophia_metrics.windows import naive_utc

__all__ = ["ask_what_if", "print_change", "print_kpis", "print_suggestions", "set_kpi_baseline"]

SHOWN = 12
LAST_DAYS = 28


def print_change(before: str, after: str, scope: str, *, is_json: bool) -> None:
    """Print why the spend of a scope changed from one period to another.

    Raises:
        ConfigurationError: nothing is published yet, or the periods or the scope cannot be compared.
    """
    settings, wanted, periods = load_settings(), _scope(scope), (Days.parse(before), Days.parse(after))
    if wanted.is_tag:
        warehouse = connect_warehouse(settings, naive_utc(datetime.now(UTC)))
        limit = settings.memory_limit
        change = explain_tagged_change(warehouse, *periods, wanted, folder=settings.home, memory_limit=limit)
    else:
        change = explain_change(Serving(settings.home), *periods, wanted)
    if is_json:
        print_facts({"change": change, "change_usd": change.change_usd})
        return
    _print(*_change_page(change))


def print_suggestions(*, is_json: bool) -> None:
    """Print what could be done to spend less, as the published version says.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    suggestions = load_suggestions(Serving(load_settings().home))
    if is_json:
        print_facts({"suggestions": suggestions})
        return
    _print(*_suggestion_page(suggestions))


def ask_what_if(
    models: Sequence[str],
    tiers: Sequence[str],
    cache_policy: CachePolicy | None,
    days: tuple[date | None, date | None],
    scope: str,
    *,
    is_json: bool,
) -> None:
    """Print what calls would have cost in another way; nothing is written. Without days: the last 28 before today.

    Raises:
        ConfigurationError: nothing is changed, or a part of it is not as it must be.
    """
    settings = load_settings()
    now = naive_utc(datetime.now(UTC))
    last_on = days[1] or now.date() - timedelta(days=1)
    order = WhatIfOrder(
        Days(days[0] or last_on - timedelta(days=LAST_DAYS - 1), last_on),
        _scope(scope),
        parse_swaps(tuple(models)),
        dict(map(_tier, tiers)),
        cache_policy,
    )
    answer = what_if(
        connect_warehouse(settings, now),
        price_book(settings),
        order,
        folder=settings.home,
        memory_limit=settings.memory_limit,
        now=now,
    )
    if is_json:
        sums = {"before_usd": answer.before_usd, "after_usd": answer.after_usd, "difference_usd": answer.difference_usd}
        print_facts({"first_on": order.days.first_on, "last_on": order.days.last_on, **sums, "models": answer.models})
        return
    _print(*_what_if_page(answer))


def print_kpis(*, is_json: bool) -> None:
    """Print how the KPI stand, as the published version says.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    kpis = load_kpis(Serving(load_settings().home))
    if is_json:
        print_facts({"kpis": kpis})
        return
    _print(*_kpi_page(kpis))


def set_kpi_baseline(kpi: str, value: float, days: str, *, is_json: bool) -> None:
    """Note a baseline that a person knows, publish it, and print how the KPI stand.

    Raises:
        ConfigurationError: there is no such KPI, or the value or the days are none.
    """
    settings = load_settings()
    now = naive_utc(datetime.now(UTC))
    warehouse = connect_warehouse(settings, now)
    set_baseline(warehouse, kpi, value, Days.parse(days), now)
    publish_judged(warehouse, now)
    print_kpis(is_json=is_json)


def _change_page(change: CostChange) -> Iterable[RenderableType]:
    yield Text(f"{change.scope}: {change.before} to {change.after}, UTC days, USD", style="bold")
    yield f"{money(change.before_usd)} before, {money(change.after_usd)} after: {_signed(change.change_usd)}"
    yield _table(("effect", "changed by"), [(effect, _signed(amount)) for effect, amount in change.by_effect])
    known = [each for each in change.effects if each.amount_usd is not None]
    rows = [
        (each.effect, each.subject, money(each.before_usd), money(each.after_usd), _signed(each.amount_usd))
        for each in known[:SHOWN]
    ]
    yield _table(("effect", "of", "before", "after", "changed by"), rows)
    if len(known) > SHOWN:
        yield Text(f"and {plural(len(known) - SHOWN, 'smaller effect')}: --json has all", style="dim")
    if unpriced := change.unpriced_before_count + change.unpriced_after_count:
        yield Text(f"{plural(unpriced, 'call')} of unknown cost left out", style="dim")


def _suggestion_page(suggestions: Sequence[PublishedSuggestion]) -> Iterable[RenderableType]:
    yield Text("Suggestions, USD in 30 days", style="bold")
    if not suggestions:
        yield "none: nothing to do was found"
        return
    rows = [(each.kind, each.subject, _range(each), f"{each.message} {each.action}") for each in suggestions]
    yield _table(("kind", "about", "saves", "what"), rows)


def _what_if_page(answer: WhatIf) -> Iterable[RenderableType]:
    yield Text(f"What if, {answer.order.days}, {answer.order.scope}, USD", style="bold")
    rows = [
        (
            f"{each.provider}/{each.model}",
            f"{each.other_provider}/{each.other_model}",
            f"{each.request_count:,}",
            money(each.before_usd),
            money(each.after_usd),
            _signed(each.difference_usd),
            f"{each.unknown_before_count + each.unpriced_after_count:,}",
        )
        for each in answer.models
    ]
    total = ("all", "", "", money(answer.before_usd), money(answer.after_usd), _signed(answer.difference_usd), "")
    yield _table(("was", "would be", "calls", "before", "after", "difference", "without a price"), [*rows, total])


def _kpi_page(kpis: Sequence[Kpi]) -> Iterable[RenderableType]:
    yield Text("KPI: the last 28 settled days against the baseline", style="bold")
    rows = [
        (
            each.kpi,
            _number(each.baseline_value),
            _number(each.current_value),
            UNKNOWN if each.change_ratio is None else f"{each.change_ratio:+.1%}",
            f"{each.target_ratio:+.0%}",
            {True: "reached", False: "not reached", None: each.kpi_state.replace("_", " ")}[each.is_met],
        )
        for each in kpis
    ]
    yield _table(("kpi", "baseline", "now", "change", "target", "state"), rows)


def _table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        grid.add_column(heading, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid


def _print(*parts: RenderableType) -> None:
    console = Console(highlight=False)
    for part in parts:
        console.print(part)


def _signed(amount: Decimal | None) -> str:
    return UNKNOWN if amount is None else ("+" if amount > 0 else "") + money(amount)


def _range(each: PublishedSuggestion) -> str:
    if each.saving_usd is None:
        return UNKNOWN
    if each.saving_low_usd is None or each.saving_low_usd == each.saving_high_usd:
        return money(each.saving_usd)
    return f"{money(each.saving_low_usd)} to {money(each.saving_high_usd)}"


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.4g}"


def _scope(text: str) -> Scope:
    try:
        return Scope.parse(text)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _tier(text: str) -> tuple[str, str]:
    before, equals, after = text.partition("=")
    if not equals or not before or not after:
        raise ConfigurationError(f"{text!r} names no two tiers: write one for another, as in standard=batch")
    return before, after
