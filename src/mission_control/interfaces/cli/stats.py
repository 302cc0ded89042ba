"""`missionctl stats`: what the squad has achieved, how long it took, what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import click

from mission_control.domain import limits
from mission_control.domain.attempt import Outcome
from mission_control.domain.statistics import Figures, Percentiles
from mission_control.domain.task import Status
from mission_control.errors import InvalidInput
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.errors import NOT_FOUND
from mission_control.interfaces.cli.looks import outcome_cell, span, status_cell
from mission_control.interfaces.cli.output import Cell, Column, Row, print_json, print_table
from mission_control.interfaces.cli.parameters import AGENT
from mission_control.views import Stats

TOTAL = "total"
EVER = "ever"
_UNKNOWN = Cell("", "·", "bright_black")
_JUDGED = (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST)


@command(
    "stats",
    examples=("missionctl stats", "missionctl stats --since 24h --agent ada", "missionctl stats --by status --json"),
    exits={NOT_FOUND: "no such agent"},
)
@click.option(
    "--since", default="7d", show_default=True, metavar="TIME|DURATION", help=f"From when, e.g. 24h; or {EVER}."
)
@click.option("--agent", type=AGENT, help="Of this agent alone.")
@click.option("--by", type=click.Choice(("agent", "status")), default="agent", help="What the table's rows are.")
def stats(session: Session, since: str, agent: str | None, by: str) -> None:
    """Show executions, success, waits, durations, tokens and cost, in total and per agent.

    An execution is an attempt that ended in the period. The success rate is that of attempts that succeeded, failed,
    timed out or were lost; released and cancelled ones count on neither side. Running attempts and the tasks in each
    status are those of this moment. Percentiles are nearest-rank. What no attempt tells (tokens, cost) is unknown,
    not zero.
    """
    views = session.mission.views
    name = None if agent is None else views.resolve_agent(agent)
    found = views.stats(_read_since(since, session.now), name)
    if session.as_json:
        print_json(shapes.stats_json(found))
    elif by == "status":
        _print_by_status(session, found)
    elif session.is_terminal:
        _show_by_agent(session, found)
    else:
        _print_by_agent(session, found)


def _read_since(text: str, now: datetime) -> datetime | None:
    """An instant in the past, also as a duration before now; null for ever."""
    if text.strip().lower() == EVER:
        return None
    try:
        return now - limits.duration(text)
    except InvalidInput:
        return limits.instant(text, now)


def _print_by_status(session: Session, found: Stats) -> None:
    """A row per status, a column for all tasks and one for each agent's."""
    of_all = {TOTAL: found.total, **found.agents}
    columns = [Column("status"), *(Column(name, right=True) for name in of_all)]
    rows: list[Row] = [[status_cell(status), *(str(of.tasks[status]) for of in of_all.values())] for status in Status]
    print_table(session, columns, rows, when_empty="")


def _print_by_agent(session: Session, found: Stats) -> None:
    """For pipes: a row per agent with every figure, the total last."""
    percentiles = [f"{what}_p{percent}" for what in ("queue_wait", "duration") for percent in (50, 90, 99)]
    names = [
        *("agent", "executions", *Outcome, "running", "blocked", "success_rate"),
        *percentiles,
        *("tokens_in", "tokens_out", "tokens", "cost_usd"),
    ]
    rows = [_plain_row(name, of) for name, of in _with_total(found).items()]
    print_table(session, [Column(name) for name in names], rows, when_empty="")


def _plain_row(name: str, of: Figures) -> Row:
    return [
        name,
        str(of.executions),
        *(str(of.outcomes[outcome]) for outcome in Outcome),
        str(of.running),
        str(of.tasks[Status.BLOCKED]),
        *(
            _plain(number)
            for number in (
                of.success_rate,
                *_shares(of.queue_wait_seconds),
                *_shares(of.duration_seconds),
                *(of.tokens_in, of.tokens_out, of.tokens, of.cost_usd),
            )
        ),
    ]


def _plain(number: float | None) -> str:
    """Empty where it is unknown."""
    return "" if number is None else f"{number:.6g}" if isinstance(number, float) else str(number)


def _show_by_agent(session: Session, found: Stats) -> None:
    """For a person: how it went, then how long it took and what it cost."""
    from mission_control.interfaces.cli import terminal

    period = "ever" if found.since is None else f"in the last {span(found.until - found.since)}"
    terminal.print_heading(session, f"Executions {period}")
    names = ("ended", *(outcome.value for outcome in _JUDGED), "running", "blocked", "success")
    columns = [Column("agent"), *(Column(name, right=True) for name in names)]
    of_all = _with_total(found)
    print_table(session, columns, [_outcome_row(name, of) for name, of in of_all.items()], when_empty="")
    terminal.print_section(session, "Half, 90 and 99 in 100 waited for a claim, and took, at most")
    names = (*(f"{what} {share}" for what in ("wait", "took") for share in (50, 90, 99)), "tokens", "cost")
    columns = [Column("agent"), *(Column(name, right=True) for name in names)]
    print_table(session, columns, [_effort_row(name, of) for name, of in of_all.items()], when_empty="")


def _with_total(found: Stats) -> Mapping[str, Figures]:
    return {**found.agents, TOTAL: found.total}


def _outcome_row(name: str, of: Figures) -> Row:
    return [
        _name_cell(name),
        str(of.executions),
        *(_count_cell(of.outcomes[outcome], outcome_cell(outcome).style) for outcome in _JUDGED),
        _count_cell(of.running, "cyan"),
        _count_cell(of.tasks[Status.BLOCKED], "bold red"),
        _UNKNOWN if of.success_rate is None else Cell("", f"{of.success_rate:.0%}"),
    ]


def _effort_row(name: str, of: Figures) -> Row:
    shares = [*_shares(of.queue_wait_seconds), *_shares(of.duration_seconds)]
    return [
        _name_cell(name),
        *(_UNKNOWN if seconds is None else Cell("", span(timedelta(seconds=seconds))) for seconds in shares),
        _UNKNOWN if of.tokens is None else Cell("", f"{of.tokens:,}"),
        _UNKNOWN if of.cost_usd is None else Cell("", f"${of.cost_usd:,.2f}"),
    ]


def _name_cell(name: str) -> Cell:
    return Cell(name, style="bold" if name == TOTAL else "")


def _count_cell(count: int, style: str) -> Cell:
    """Zero is said quietly."""
    return Cell(str(count), style=style if count else "bright_black")


def _shares(percentiles: Percentiles) -> tuple[float | None, ...]:
    return (percentiles.p50, percentiles.p90, percentiles.p99)
