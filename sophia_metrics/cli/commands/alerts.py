"""Commands about alerts and who is told of them."""

from typing import Annotated

import typer

from sophia_metrics.cli.exit_codes import FAILED
from sophia_metrics.cli.options import Json

__all__ = ["alerts_app", "notifiers", "silence"]

alerts_app = typer.Typer(
    help="Which alerts are open, and which ended lately; say that somebody looks after one.",
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@alerts_app.callback()
def alerts(
    context: typer.Context,
    *,
    days: Annotated[int, typer.Option("--days", min=0, help="Show those that ended in the last days, too.")] = 7,
    history: Annotated[
        bool, typer.Option("--history", help="Show all that ended in the last year, with each message.")
    ] = False,
    json: Json = False,
) -> None:
    """List the alerts that are open, and those that ended lately, with what was said of them and to whom."""
    if context.invoked_subcommand is None:
        from sophia_metrics.cli.alerts import print_alerts

        print_alerts(days, is_history=history, is_json=json)


@alerts_app.command("ack")
def alerts_ack(
    episode: Annotated[str, typer.Argument(help="An open episode, by the beginning of its id.")],
    *,
    by: Annotated[str | None, typer.Option("--by", help="Who looks after it.")] = None,
    note: Annotated[str | None, typer.Option("--note", help="What others should know.")] = None,
) -> None:
    """Say that somebody looks after an alert: nobody is reminded of it any more, and PagerDuty is told."""
    from sophia_metrics.cli.acknowledge import acknowledge_alert

    acknowledge_alert(episode, by, note)


def silence(
    *,
    hours: Annotated[float | None, typer.Option("--hours", help="For how long.")] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="A rule, such as service-down or budget-*. Unset: every rule.")
    ] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="A budget or service. Unset: each of them.")] = None,
    scope: Annotated[
        str | None, typer.Option("--scope", help="What is watched: team/search, service, … Unset: anything.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--start", help="When it begins, with an offset from UTC. Unset: now.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who makes it.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for others.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the silences that hold or will.")] = False,
    end: Annotated[str | None, typer.Option("--end", help="End a silence, by the beginning of its id.")] = None,
) -> None:
    """Keep alerts from being sent for some hours; what was sent before still resolves."""
    from sophia_metrics.cli.silences import SilenceOrder, end_silence, print_silences, silence_alerts

    if list_:
        print_silences()
    elif end is not None:
        end_silence(end)
    else:
        silence_alerts(SilenceOrder(hours, rule, subject, scope, start, by, reason))


def notifiers(
    *,
    test: Annotated[str | None, typer.Option("--test", help="Send this notifier a test alert and its resolve.")] = None,
    json: Json = False,
) -> None:
    """Say whether each notifier can be used; nothing is sent but with --test."""
    from sophia_metrics.cli.alerts import print_notifiers, try_notifier

    if test is not None:
        try_notifier(test)
    elif not print_notifiers(is_json=json):
        raise typer.Exit(FAILED)
