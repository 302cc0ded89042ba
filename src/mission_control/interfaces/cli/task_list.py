"""`missionctl task list` and `task ready`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mission_control.domain.task import Status
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.choices import STATUS
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.looks import agents_cell, instant_cell, priority_cell, status_cell, waiting_text
from mission_control.interfaces.cli.output import Cell, Column, Row, print_json, print_table, tell
from mission_control.interfaces.cli.parameters import AGENT, MOST_ROWS, ROWS
from mission_control.store.tasks import Filter
from mission_control.views import TaskView

ROWS_ON_TERMINAL = 50

_COLUMNS = (
    Column("id"),
    Column("status"),
    Column("title", grows=True),
    Column("priority"),
    Column("agents"),
    Column("waiting_for", on_terminal=False),
    Column("updated_at", "updated"),
)


@command(
    "list",
    examples=(
        "missionctl task list",
        "missionctl ls --status blocked",
        "missionctl ls --agent dexter --search report --all --json",
    ),
    exits={3: "no such agent"},
    inside=True,
)
@click.option("--status", type=STATUS, help="Only those in this status, newest first.")
@click.option("--agent", type=AGENT, help="Only those this agent may do.")
@click.option("--search", metavar="TEXT", help="Only those with this in title or description; case does not matter.")
@click.option("--limit", type=ROWS, metavar="N", help=f"At most so many. Default: {ROWS_ON_TERMINAL} on a terminal.")
@click.option("--all", "everything", is_flag=True, help="Also done and cancelled ones, newest first.")
@click.option("--attempts", "with_attempts", is_flag=True, help="With --json: each with its attempts.")
def list_tasks(
    session: Session,
    *,
    status: str | None,
    agent: str | None,
    search: str | None,
    limit: int | None,
    everything: bool,
    with_attempts: bool,
) -> None:
    """Show tasks: the unfinished ones, in the order of the queue.

    Pipes and --json get all of them unless --limit says otherwise.
    """
    views = session.mission.views
    wanted = Filter(
        status=None if status is None else Status(status),
        agent=None if agent is None else views.resolve_agent(agent),
        search=search,
    )
    most = _most(session, limit)
    # One more than shown tells whether there are more.
    found = views.tasks(wanted, limit=most + 1, everything=everything, with_attempts=with_attempts)
    _print(session, found[:most], with_attempts=with_attempts, when_empty=_nothing(wanted, everything=everything))
    if session.is_terminal and len(found) > most:
        tell("\nThere are more. See them with --limit N.")


@command(
    "ready",
    examples=("missionctl ready", "missionctl task ready --agent dexter --json"),
    exits={3: "no such agent"},
)
@click.option("--agent", type=AGENT, help="Only what this agent would take.")
@click.option("--limit", type=ROWS, metavar="N", help=f"At most so many. Default: {ROWS_ON_TERMINAL} on a terminal.")
def ready(session: Session, agent: str | None, limit: int | None) -> None:
    """Show what could start now, in the order in which the next heartbeats take it."""
    views = session.mission.views
    name = None if agent is None else views.resolve_agent(agent)
    found = views.ready(name, limit=_most(session, limit))
    _print(session, found, with_attempts=False, when_empty="Nothing could start now. See: missionctl task list")


def _most(session: Session, limit: int | None) -> int:
    if limit is not None:
        return limit
    return ROWS_ON_TERMINAL if session.is_terminal else MOST_ROWS


def _nothing(wanted: Filter, *, everything: bool) -> str:
    if wanted != Filter():
        return "No task is like that."
    if everything:
        return "There are no tasks yet. Add one: missionctl task add 'Say hello' --to AGENT --command 'echo hello'"
    return "Everything is done. See also: missionctl task list --all"


def _print(session: Session, found: Sequence[TaskView], *, with_attempts: bool, when_empty: str) -> None:
    if session.as_json:
        print_json([shapes.task_json(view, with_attempts=with_attempts) for view in found])
    else:
        print_table(session, _COLUMNS, [_row(session, view) for view in found], when_empty=when_empty)


def _row(session: Session, view: TaskView) -> Row:
    task = view.task
    waiting = "; ".join(shapes.waiting_for(view))
    return (
        task.name,
        status_cell(task.status),
        Cell(task.title, below=waiting_text(view, session.now) or None),
        priority_cell(task.priority),
        agents_cell(task.agents),
        waiting,
        instant_cell(task.updated_at, session.now),
    )
