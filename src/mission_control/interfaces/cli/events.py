"""`missionctl events`: the activity history, and what comes to it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import click

from mission_control.domain.attempt import attempt_name
from mission_control.domain.history import Activity
from mission_control.domain.task import task_name
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.looks import status_cell
from mission_control.interfaces.cli.output import print_json
from mission_control.interfaces.cli.parameters import AGENT, ROWS
from mission_control.interfaces.cli.text import on_one_line, tsv_cell

LINES = 50
NAP_SECONDS = 0.2  # between two looks at a history that says nothing new
_PAGE = 500
COLUMNS = ("id", "at", "task", "attempt", "kind", "from_status", "to_status", "actor", "agent", "message")


@command(
    "events",
    examples=("missionctl events", "missionctl events -f --agent ada", "missionctl events -f --json"),
    exits={3: "no such agent"},
)
@click.option("-f", "--follow", is_flag=True, help="Go on as things happen.")
@click.option("-n", "--lines", type=ROWS, default=LINES, show_default=True, metavar="N", help="The last N lines.")
@click.option("--agent", type=AGENT, help="What this agent did, or what was done with it.")
def events(session: Session, *, follow: bool, lines: int, agent: str | None) -> None:
    """Show what has happened: every move of every task, and what people did.

    With --json a list; with --follow one JSON object for each line.
    """
    views = session.mission.views
    name = None if agent is None else views.resolve_agent(agent)
    found = views.activities(agent=name, limit=lines)
    if session.as_json and not follow:
        print_json([shapes.activity_json(activity) for activity in found])
        return
    if not session.is_terminal and not session.as_json:
        click.echo("\t".join(COLUMNS))
    _print(session, found)
    if follow:
        _print_as_they_come(session, name, _last_id(found, 0) if found else _newest_id(session))


def _newest_id(session: Session) -> int:
    """Where the history ends for everybody, when nothing is known of the one agent."""
    return _last_id(session.mission.views.activities(limit=1), 0)


def _last_id(found: Sequence[Activity], otherwise: int) -> int:
    return (found[-1].id or otherwise) if found else otherwise


def _print_as_they_come(session: Session, agent: str | None, after: int) -> None:
    """Until somebody interrupts it."""
    while True:
        found = session.mission.views.activities(after, agent, limit=_PAGE)
        _print(session, found)
        after = _last_id(found, after)
        if len(found) < _PAGE:
            time.sleep(NAP_SECONDS)


def _print(session: Session, found: Iterable[Activity]) -> None:
    for activity in found:
        if session.as_json:
            print_json(shapes.activity_json(activity))
        elif session.is_terminal:
            click.echo(_sentence(session, activity))
        else:
            shape = shapes.activity_json(activity)
            click.echo("\t".join(tsv_cell("" if shape[name] is None else str(shape[name])) for name in COLUMNS))


def _sentence(session: Session, activity: Activity) -> str:
    """`10:00:00  T-12/1  claim  inbox → in progress  ada  …` on one line; the time is this machine's."""
    at = activity.at.astimezone()
    words = [
        _styled(session, f"{at:%m-%d %H:%M:%S}", "bright_black"),
        f"{subject(activity):<14}",
        f"{activity.kind.replace('_', ' '):<12}",
        f"{on_one_line(activity.actor):<14}",
        _move(session, activity),
        on_one_line(activity.message),
    ]
    return "  ".join(word for word in words if word).rstrip()


def subject(activity: Activity) -> str:
    """What a line of history is about: an attempt, a task or an agent."""
    if activity.task_id is None:
        return activity.agent or ""
    if activity.attempt is None:
        return task_name(activity.task_id)
    return attempt_name(activity.task_id, activity.attempt)


def _move(session: Session, activity: Activity) -> str:
    """Where a task went, in the colour of where it is now."""
    if activity.to_status is None:
        return ""
    look = status_cell(activity.to_status)
    if activity.from_status is None:
        return _styled(session, look.on_terminal, look.style)
    return _styled(session, f"{activity.from_status.replace('_', ' ')} → {look.on_terminal}", look.style)


def _styled(session: Session, text: str, style: str) -> str:
    """In the words of looks.py: a colour, perhaps after `bold`."""
    if session.no_color or not style:
        return text
    *weight, colour = style.split()
    return click.style(text, fg=colour, bold=bool(weight) or None)
