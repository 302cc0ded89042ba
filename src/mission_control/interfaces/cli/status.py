"""`missionctl status`: machines, agents, what runs, and whether somebody should look."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from mission_control.domain.task import Status
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.errors import UNHEALTHY
from mission_control.interfaces.cli.looks import hold_text, instant_cell, relative, span, status_cell
from mission_control.interfaces.cli.output import Cell, Column, Row, print_json, print_table, tell
from mission_control.interfaces.mission import Mission
from mission_control.store.settings import Pause
from mission_control.views import AgentView, LiveAttempt, StatusView

if TYPE_CHECKING:
    from mission_control.dispatcher.seat import Occupant

OVERDUE = timedelta(minutes=1)  # cron gives no heartbeat to the second
EXECUTING = "executing"  # the usual state of a live attempt
_MOST_DOTS = 10
AGENT_LOOKS = {"active": ("◐", "cyan"), "idle": ("○", "bright_black"), "paused": ("‖", "yellow")}


@command(
    "status",
    examples=("missionctl status", "missionctl status --json"),
    exits={UNHEALTHY: "a live attempt has no executor any more"},
)
def status(session: Session) -> int:
    """Show machines, agents with their next heartbeats, and what runs.

    Ends with 7 when the executor of a live attempt is gone. The next heartbeat of any agent recovers the attempt.
    """
    view, gone, there = look(session.mission)
    if session.as_json:
        print_json(shapes.status_json(view, gone, there))
    elif session.is_terminal:
        _show(session, view, gone, there)
    else:
        print_tables(session, view, gone, there)
    if gone and not session.as_json:
        tell(f"missionctl: {', '.join(sorted(gone))} must be recovered. Do it now with: missionctl heartbeat --all")
    return UNHEALTHY if gone else 0


def look(mission: Mission) -> tuple[StatusView, set[str], Occupant | None]:
    """The mission at this moment, the live attempts that nobody executes any more, and whose the dispatcher is."""
    there = mission.resident.occupant()
    view = mission.views.status(there.host if there else None)
    gone = {live.attempt.name for live in view.live if not mission.is_executing(live.attempt)}
    if gone:
        # The executor may have recorded its end and left between the two looks.
        view = mission.views.status(there.host if there else None)
        gone &= {live.attempt.name for live in view.live}
    return view, gone, there


def print_tables(session: Session, view: StatusView, gone: Collection[str], there: Occupant | None) -> None:
    """For pipes: tasks, machines, agents, live attempts, an empty line between them."""
    columns = [Column("status"), Column("tasks")]
    print_table(session, columns, [[status, str(view.tasks[status])] for status in Status], when_empty="")
    click.echo()
    _print_machines(session, view, there)
    click.echo()
    _print_agents(session, view)
    click.echo()
    _print_live(session, view, gone)


def _show(session: Session, view: StatusView, gone: Collection[str], there: Occupant | None) -> None:
    """For a person: the same, from the general to the particular."""
    # Imported here: rich costs 50 ms that only a person should pay.
    from rich.text import Text

    from mission_control.interfaces.cli import terminal

    health = Cell("", f"■ {len(gone)} without executor", "bold red") if gone else Cell("", "✓ healthy", "green")
    terminal.print_heading(session, session.mission.folder.home.name, health)
    counts = [terminal.render(count_cell(status, view.tasks[status])) for status in Status]
    terminal.console(session).print(Text("  ").join(counts))
    terminal.console(session).print(terminal.render(_resident_cell(view, there)))
    if view.paused is not None:
        terminal.console(session).print(terminal.render(_paused_cell(view.paused, view)))
    if len(view.machines) > 1 or any(machine.slots for machine in view.machines):
        terminal.print_section(session, "machines")
        _print_machines(session, view, there)
    terminal.print_section(session, "squad")
    _print_agents(session, view)
    terminal.print_section(session, "running")
    _print_live(session, view, gone)


def count_cell(status: Status, count: int) -> Cell:
    look = status_cell(status)
    return Cell(status, f"{look.on_terminal} {count}", look.style if count else "bright_black")


def _resident_cell(view: StatusView, there: Occupant | None) -> Cell:
    if there is None:
        return Cell("", "not up: heartbeats come from cron or by hand. Stay up with: missionctl up", "bright_black")
    pages = f", {there.url}" if there.url else ""
    return Cell("", f"up since {relative(there.since, view.at)}, pid {there.pid} on {there.host}{pages}", "green")


def _paused_cell(pause: Pause, view: StatusView) -> Cell:
    since = relative(pause.since, view.at)
    return Cell("", f"‖ paused {since} by {pause.by}: nothing is started. Go on: missionctl resume", "yellow")


def _print_machines(session: Session, view: StatusView, there: Occupant | None) -> None:
    columns = [
        Column("machine", grows=True),
        Column("live", right=True),
        Column("slots", right=True),
        Column("dispatcher", right=True, on_terminal=False),
    ]
    rows: list[Row] = [
        [
            machine.host,
            str(machine.live),
            Cell(str(machine.slots or ""), str(machine.slots or "unlimited")),
            str(there.pid) if there is not None and there.host == machine.host else "",
        ]
        for machine in view.machines
    ]
    print_table(session, columns, rows, when_empty="")


def _print_agents(session: Session, view: StatusView) -> None:
    columns = [
        Column("agent"),
        Column("status"),
        Column("live", on_terminal=False),
        Column("slots"),
        Column("next_heartbeat"),
        Column("last_heartbeat"),
        Column("role", grows=True),
        Column("why", grows=True),
    ]
    print_table(
        session,
        columns,
        [_agent_row(view, agent) for agent in view.agents],
        when_empty="Nobody is in the squad yet. Let somebody join with: missionctl agent add NAME",
    )


def _agent_row(view: StatusView, of: AgentView) -> Row:
    agent = of.agent
    icon, style = AGENT_LOOKS[of.status]
    return [
        agent.name,
        Cell(of.status, f"{icon} {of.status}", style),
        str(of.live),
        Cell(str(agent.slots), slots_text(of)),
        next_heartbeat_cell(view, of),
        Cell("", "never", "bright_black")
        if agent.last_heartbeat_at is None
        else instant_cell(agent.last_heartbeat_at, view.at),
        agent.role,
        Cell(shapes.agent_why(of), _why_text(of, view.at)),
    ]


def _why_text(of: AgentView, now: datetime) -> str:
    """As in JSON, but with durations for a person, and nothing where there is nothing to do."""
    holds = "; ".join(hold_text(hold, now) for hold in of.holds)
    if of.next_task is None:
        return holds
    return f"{of.next_task.name} {holds}" if holds else f"{of.next_task.name} is next"


def slots_text(of: AgentView) -> str:
    """`●●○` for two of three; numbers where dots would not be counted at a glance."""
    if of.agent.slots > _MOST_DOTS or of.live > of.agent.slots:
        return f"{of.live}/{of.agent.slots}"
    return "●" * of.live + "○" * (of.agent.slots - of.live)


def next_heartbeat_cell(view: StatusView, of: AgentView) -> Cell:
    due = of.agent.next_heartbeat_at
    exact = instant_cell(due, view.at)
    if due is None or due > view.at - OVERDUE:
        return exact
    return Cell(exact.plain, f"overdue {span(view.at - due)}", "yellow")


def _print_live(session: Session, view: StatusView, gone: Collection[str]) -> None:
    columns = [
        Column("attempt"),
        Column("title", grows=True),
        Column("agent"),
        Column("host", on_terminal=len(view.machines) > 1),
        Column("since"),
        Column("pid", right=True),
        Column("state"),
    ]
    rows = [_live_row(view, live, is_gone=live.attempt.name in gone) for live in view.live]
    print_table(session, columns, rows, when_empty="Nothing runs.")


def _live_row(view: StatusView, live: LiveAttempt, *, is_gone: bool) -> Row:
    attempt = live.attempt
    return [
        attempt.name,
        live.task.title,
        attempt.agent,
        attempt.host,
        instant_cell(attempt.started_at or attempt.claimed_at, view.at),
        str(attempt.executor.pid) if attempt.executor else "",
        state_cell(live, is_gone=is_gone),
    ]


def state_cell(live: LiveAttempt, *, is_gone: bool) -> Cell:
    if is_gone:
        return Cell(shapes.EXECUTOR_GONE, "■ executor gone", "bold red")
    if live.task.cancel_requested_at is not None:
        return Cell("being cancelled", style="yellow")
    if live.attempt.executor is None:
        return Cell("starting", style="bright_black")
    return Cell(EXECUTING, f"◐ {EXECUTING}", "cyan")
