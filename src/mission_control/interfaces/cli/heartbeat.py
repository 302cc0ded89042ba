"""`missionctl heartbeat`: one wake-up, as cron or a person gives it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from mission_control import log
from mission_control.clock import SystemClock
from mission_control.errors import InvalidInput
from mission_control.heartbeat import Report, Result
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import Cell, print_json, print_lines, tell
from mission_control.interfaces.cli.parameters import AGENT

if TYPE_CHECKING:
    from mission_control.domain.attempt import Attempt
    from mission_control.interfaces.mission import Mission

UNAVAILABLE = 5
_COLOURS = {Result.OK: "bright_black", Result.WORKED: "green", Result.PAUSED: "yellow", Result.ERROR: "red"}


def _print_time(_: click.Context, __: click.Parameter, value: bool) -> None:  # noqa: FBT001  click's signature
    """Before anything else, so that what goes wrong later stands below it; as the log's own lines do."""
    if value:
        click.echo(log.line("cron_heartbeat", SystemClock().now(), {}))


@command(
    "heartbeat",
    examples=(
        "missionctl heartbeat samurai_jack",
        "missionctl heartbeat samurai_jack --dry-run",
        "missionctl heartbeat --all --wait",
        "missionctl heartbeat samurai_jack --due",
    ),
    exits={0: "done, also when there was nothing to do", 3: "no such agent", 5: "something could not be started now"},
)
@click.argument("names", type=AGENT, nargs=-1, metavar="[AGENT]...")
@click.option("--all", "everybody", is_flag=True, help="All agents of the squad.")
@click.option("--due", "only_due", is_flag=True, help="Of these only who is due by their schedule, as without a name.")
@click.option("--dry-run", is_flag=True, help="Show exactly what would be claimed and run; change nothing.")
@click.option(
    "--stamp",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_time,
    help="Say the time first, as lines of a crontab ask for, so that `missionctl logs` can place what follows.",
)
@click.option("--wait", is_flag=True, help="Stay until what was started has ended, filling the slots that become free.")
def heartbeat(
    session: Session, names: tuple[str, ...], *, everybody: bool, only_due: bool, dry_run: bool, wait: bool
) -> int:
    """Wake agents up: recover what was lost, claim what is ready, start it, and report.

    Without a name: the agents whose heartbeat is due by their schedule. An agent that finds nothing says
    HEARTBEAT_OK. Safe to run at any time and several at once: no task is ever executed twice at the same time.
    """
    mission = session.mission
    wanted = _wanted(mission, names, everybody=everybody)
    if only_due:
        wanted = _due_of(mission, wanted)
    try:
        reports = mission.heartbeat(wanted, dry_run=dry_run, wait=wait and not dry_run)
    except KeyboardInterrupt:
        tell("Interrupted. What was started goes on by itself; see: missionctl status")
        raise
    widths = (12, max((len(name) for name in wanted), default=0))
    if session.as_json:
        from mission_control.interfaces.shapes import report_json  # the shapes of everything cost 15 ms

        print_json([report_json(report) for report in reports])
    elif session.is_terminal and not wanted:
        click.echo(_nobody(everybody=everybody and not only_due))
    else:
        print_lines(session, (line for report in reports for line in _lines(report)), widths=widths)
    return UNAVAILABLE if any(report.result is Result.ERROR for report in reports) else 0


def _wanted(mission: Mission, names: Sequence[str], *, everybody: bool) -> list[str]:
    if names and everybody:
        raise InvalidInput("Give names or --all, not both.")
    if everybody:
        return mission.everybody()
    return list(dict.fromkeys(names)) or mission.due()


def _due_of(mission: Mission, wanted: Sequence[str]) -> list[str]:
    """Who of these is due; who is not in the squad stays, to be told so."""
    not_due = set(mission.everybody()) - set(mission.due())
    return [name for name in wanted if name not in not_due]


def _nobody(*, everybody: bool) -> str:
    if everybody:
        return "Nobody is in the squad yet. Let somebody join with: missionctl agent add NAME"
    return "Nobody's heartbeat is due. See: missionctl status. All of them now: missionctl heartbeat --all"


def _lines(report: Report) -> Iterator[tuple[Cell, ...]]:
    """What one heartbeat found and did, a line for each thing."""
    agent = Cell(report.agent, style="bold")
    if report.result is Result.OK:
        yield Cell("HEARTBEAT_OK", style=_COLOURS[Result.OK]), agent, Cell(_waiting(report))
    if report.result is Result.PAUSED:
        yield Cell("PAUSED", style=_COLOURS[Result.PAUSED]), agent, Cell(_waiting(report))
    for attempt in report.reaped:
        yield Cell("RECOVERED", style="yellow"), agent, Cell(f"{attempt.name} {attempt.outcome}: {attempt.error or ''}")
    for attempt in report.started:
        word, style, text = _started(attempt)
        yield Cell(word, style=style), agent, Cell(f"{attempt.name} {text}")
    for task in report.would_start:
        yield Cell("WOULD START", style="cyan"), agent, Cell(f"{task.name} {task.title}"), Cell(task.command or "")
    if report.error:
        yield Cell("ERROR", style=_COLOURS[Result.ERROR]), agent, Cell(report.error)
    if report.waiting and report.result is Result.WORKED:
        yield Cell("WAITING", style="bright_black"), agent, Cell(_waiting(report))


def _started(attempt: Attempt) -> tuple[str, str, str]:
    """The word, its colour and the rest."""
    if attempt.outcome is None:
        return "STARTED", "cyan", f"pid {attempt.executor.pid}" if attempt.executor else "starting"
    took = "" if attempt.duration_seconds is None else f"after {attempt.duration_seconds:.1f} s"
    style = "green" if attempt.error is None else "red"
    return attempt.outcome.upper(), style, " ".join(filter(None, (took, attempt.error)))


def _waiting(report: Report) -> str:
    if report.waiting == 0:
        return "nothing to do" if report.result is Result.OK else ""
    tasks = "1 task waits" if report.waiting == 1 else f"{report.waiting} tasks wait"
    return f"{tasks}; why: missionctl ls --agent {report.agent}"
