"""`missionctl routine add`, `list`, `show`: tasks that come again by schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import click

from mission_control.domain.routine import CatchUp, Overlap
from mission_control.domain.task import Priority
from mission_control.interfaces import routine_shapes, shapes
from mission_control.interfaces.cli.choices import CATCH_UP, OVERLAP, PRIORITY
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.looks import (
    agents_cell,
    due_cell,
    instant_cell,
    priority_cell,
    relative,
    routine_status_cell,
    span,
    status_cell,
)
from mission_control.interfaces.cli.output import Cell, Column, Row, print_done, print_fields, print_json, print_table
from mission_control.interfaces.cli.parameters import AGENTS, DURATION, ROUTINE_ID, flatten, text_or_stdin
from mission_control.interfaces.cli.text import on_one_line
from mission_control.routine_views import RoutineView
from mission_control.routines import NewRoutine
from mission_control.store.routines import Made

NO_SUCH = {3: "no such routine"}
_MEANING = {
    CatchUp.SKIP: "skip: what passed while nobody was awake is left out",
    CatchUp.ONCE: "once: one task for all that passed while nobody was awake",
    CatchUp.ALL: "all: a task for each that passed while nobody was awake",
    Overlap.SKIP: "skip: no task while an earlier one waits or runs",
    Overlap.QUEUE: "queue: one more task, also while an earlier one waits or runs",
}


@command(
    "add",
    examples=(
        "missionctl routine add 'Run the nightly tests' --every '0 3 * * *' --to dexter --command 'make test'",
        "missionctl routine add 'Triage the inbox' --every '*/30 9-17 * * mon-fri' --to blossom --command ./triage",
        "missionctl routine add 'Rotate the logs' --every '0 * * * *' --to dexter --command ./rotate --catch-up skip",
    ),
    exits={3: "no such agent"},
)
@click.argument("title")
@click.option("--every", metavar="CRON", required=True, help="When, as cron writes it; in the mission's time zone.")
@click.option("--to", type=AGENTS, multiple=True, required=True, help="Who does it; several: who first has a slot.")
@click.option("--command", metavar="CMD", help="What the shell runner executes.")
@click.option("--description", metavar="TEXT", help="More about it; - reads standard input.")
@click.option("--priority", type=PRIORITY, help="Default: normal.")
@click.option("--max-attempts", type=int, metavar="N", help="Then a task is blocked. Default: as in mission.toml.")
@click.option("--timeout", type=DURATION, help="Time limit of an attempt, e.g. 30m. Default: as in mission.toml.")
@click.option("--review", is_flag=True, help="Success needs a person's approval.")
@click.option("--catch-up", type=CATCH_UP, help="What of slots that passed while nobody was awake. Default: once.")
@click.option("--overlap", type=OVERLAP, help="While an earlier task waits or runs. Default: skip; with all: queue.")
def add(
    session: Session,
    *,
    title: str,
    every: str,
    to: tuple[tuple[str, ...], ...],
    command: str | None,
    description: str | None,
    priority: str | None,
    max_attempts: int | None,
    timeout: timedelta | None,
    review: bool,
    catch_up: str | None,
    overlap: str | None,
) -> None:
    """Let a task be made again and again, by schedule.

    A slot of the schedule makes one task at most, whoever is awake: missionctl up, or the next heartbeat of anybody.
    """
    new = NewRoutine(
        title=title,
        every=every,
        agents=flatten(to),
        description=text_or_stdin(description, "description") if description is not None else "",
        command=command,
        priority=Priority(priority or Priority.NORMAL),
        max_attempts=max_attempts,
        timeout=timeout,
        review=review,
        catch_up=CatchUp(catch_up or CatchUp.ONCE),
        overlap=None if overlap is None else Overlap(overlap),
    )
    routine = session.mission.routines.add(new, actor=session.actor)
    session.mission.ring()
    if session.as_json:
        print_json(routine_shapes.routine_json(session.mission.routine_views.routine(routine.id)))
    elif session.is_terminal:
        print_done(session, f"{routine.name} added for {', '.join(routine.agents)}: {routine.title}")
        assert routine.next_at is not None
        first = relative(routine.next_at, session.now)
        click.echo(f"  Its first task comes {first}, or now with: missionctl routine run {routine.name}")
    else:
        click.echo(routine.name)


_COLUMNS = (
    Column("id"),
    Column("title", grows=True),
    Column("status"),
    Column("every"),
    Column("next_at", "next"),
    Column("agents"),
    Column("last_task"),
    Column("fault", grows=True),
)


@command("list", examples=("missionctl routine list", "missionctl routine list --json"))
def list_routines(session: Session) -> None:
    """Show the routines, and when each makes its next task."""
    views = session.mission.routine_views.routines()
    if session.as_json:
        print_json([routine_shapes.routine_json(view) for view in views])
        return
    rows = [_row(session, view) for view in views]
    add_one = "missionctl routine add 'Run the tests' --every '0 3 * * *' --to AGENT --command CMD"
    print_table(session, _COLUMNS, rows, when_empty=f"There are no routines. Add one: {add_one}")


@command("show", examples=("missionctl routine show R-1", "missionctl routine show 1 --json"), exits=NO_SUCH)
@click.argument("routine", type=ROUTINE_ID, metavar="ID")
def show(session: Session, routine: str) -> None:
    """Show one routine, its next slots and its newest tasks."""
    views = session.mission.routine_views
    view = views.routine(views.resolve(routine))
    if session.as_json:
        print_json(routine_shapes.routine_page_json(view))
    elif session.is_terminal:
        _print_page(session, view)
    else:
        print_fields(session, _facts(session, view))


def _print_page(session: Session, view: RoutineView) -> None:
    # Imported here: rich is for terminals only.
    from mission_control.interfaces.cli import terminal

    title = on_one_line(view.routine.title)
    terminal.print_title(session, view.routine.name, routine_status_cell(view.status), title)
    print_fields(session, _facts(session, view))
    if view.routine.description:
        terminal.print_section(session, "Description")
        terminal.print_block(session, view.routine.description)
    terminal.print_section(session, "Tasks")
    rows = [_made_row(session, made) for made in view.made]
    print_table(session, _MADE, rows, when_empty=f"None yet. Make one now: missionctl routine run {view.routine.name}")


def _facts(session: Session, view: RoutineView) -> Iterator[tuple[str, Cell | str]]:
    routine = view.routine
    if not session.is_terminal:  # there it stands in the title
        yield "id", routine.name
        yield "title", routine.title
        yield "status", view.status
    yield "fault", Cell(routine.fault or "", style="red")
    yield "every", routine.schedule
    yield "next_slots", _slots_cell(session, view)
    yield "agents", agents_cell(routine.agents)
    yield "command", routine.command or ""
    yield "priority", priority_cell(routine.priority)
    yield "limits", _limits(view)
    yield "review", "a person approves it" if routine.review else ""
    yield "catch_up", Cell(routine.catch_up, _MEANING[routine.catch_up])
    yield "overlap", Cell(routine.overlap, _MEANING[routine.overlap])
    yield "created_at", instant_cell(routine.created_at, session.now)


def _slots_cell(session: Session, view: RoutineView) -> Cell:
    """Exact for a pipe; for a person on the mission's own clock."""
    zone = session.mission.config.zone
    local = [f"{slot_at.astimezone(zone):%a %d %b %H:%M}" for slot_at in view.next_slots]
    return Cell(" ".join(shapes.instant_text(slot_at) or "" for slot_at in view.next_slots), " · ".join(local))


def _limits(view: RoutineView) -> str:
    """Only what differs from the mission's own."""
    routine = view.routine
    attempts = None if routine.max_attempts is None else f"{routine.max_attempts} attempts"
    time = None if routine.timeout_seconds is None else f"up to {span(timedelta(seconds=routine.timeout_seconds))} each"
    return ", ".join(filter(None, (attempts, time)))


def _row(session: Session, view: RoutineView) -> Row:
    routine = view.routine
    return (
        routine.name,
        routine.title,
        routine_status_cell(view.status),
        routine.schedule,
        due_cell(routine.next_at, session.now),
        agents_cell(routine.agents),
        _last_cell(view),
        Cell(routine.fault or "", style="red"),
    )


def _last_cell(view: RoutineView) -> Cell:
    if not view.made:
        return Cell("")
    last = view.made[0]
    look = status_cell(last.status)
    return Cell(last.name, f"{last.name} {look.on_terminal}", look.style)


_MADE = (Column("task"), Column("status"), Column("slot_at", "for"), Column("made_at", "made"))


def _made_row(session: Session, made: Made) -> Row:
    zone = session.mission.config.zone
    slot = "by hand" if made.slot_at is None else f"{made.slot_at.astimezone(zone):%a %d %b %H:%M}"
    return (
        made.name,
        status_cell(made.status),
        Cell(shapes.instant_text(made.slot_at) or "", slot),
        instant_cell(made.made_at, session.now),
    )
