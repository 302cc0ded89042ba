"""`missionctl routine edit`, `pause`, `resume`, `remove`, `run`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from mission_control.domain.routine import CatchUp, Overlap, Routine
from mission_control.domain.task import Priority
from mission_control.errors import InvalidInput
from mission_control.interfaces import routine_shapes
from mission_control.interfaces.cli.choices import CATCH_UP, OVERLAP, PRIORITY
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.looks import relative
from mission_control.interfaces.cli.output import print_done, print_json
from mission_control.interfaces.cli.parameters import AGENTS, DURATION, ROUTINE_ID, flatten, text_or_stdin
from mission_control.interfaces.cli.routine import NO_SUCH
from mission_control.interfaces.cli.tasks import print_changed

_CHOICES: dict[str, Callable[[str], object]] = {"priority": Priority, "catch_up": CatchUp, "overlap": Overlap}


@command(
    "edit",
    examples=("missionctl routine edit R-1 --every '0 4 * * *'", "missionctl routine edit R-1 --to dexter,blossom"),
    exits={3: "no such routine or agent"},
)
@click.argument("routine", type=ROUTINE_ID, metavar="ID")
@click.option("--title")
@click.option("--every", metavar="CRON", help="When, as cron writes it; in the mission's time zone.")
@click.option("--to", type=AGENTS, multiple=True, help="Who does it, instead of those named before.")
@click.option("--command", metavar="CMD", help="What the shell runner executes.")
@click.option("--description", metavar="TEXT", help="More about it; - reads standard input.")
@click.option("--priority", type=PRIORITY)
@click.option("--max-attempts", type=int, metavar="N", help="Then a task is blocked.")
@click.option("--timeout", type=DURATION, help="Time limit of an attempt, e.g. 30m.")
@click.option("--review/--no-review", default=None, help="Whether success needs a person's approval.")
@click.option("--catch-up", type=CATCH_UP, help="What of slots that passed while nobody was awake.")
@click.option("--overlap", type=OVERLAP, help="While an earlier task waits or runs.")
def edit(session: Session, routine: str, **given: Any) -> None:
    """Change a routine. Tasks that it has made stay as they are."""
    changes = _changes(**given)
    mission = session.mission
    known = mission.routine_views.resolve(routine)
    mission.routines.edit(known, changes, actor=session.actor)
    mission.ring()
    named = ", ".join(name.replace("_", " ") for name in changes)
    _print_changed(session, [known], lambda routine: f"{routine.name} changed ({named}): {routine.title}")


def _changes(*, to: tuple[tuple[str, ...], ...], **given: Any) -> dict[str, Any]:
    """What was asked for, as fields of NewRoutine."""
    changes = {name: value for name, value in given.items() if value is not None}
    if to:
        changes["agents"] = flatten(to)
    if "description" in changes:
        changes["description"] = text_or_stdin(changes["description"], "description")
    for name in changes.keys() & _CHOICES.keys():
        changes[name] = _CHOICES[name](changes[name])
    if not changes:
        raise InvalidInput(
            "There is nothing to change. Say what, e.g. --every '0 4 * * *'. See: missionctl routine edit --help"
        )
    return changes


@command("pause", examples=("missionctl routine pause R-1",), exits=NO_SUCH)
@click.argument("ids", type=ROUTINE_ID, nargs=-1, required=True, metavar="ID...")
def pause(session: Session, ids: tuple[str, ...]) -> None:
    """Let routines make nothing until they are resumed; slots until then are not made up for. Several: all or none."""
    changed = _change_all(session, ids, session.mission.routines.pause)
    _print_changed(
        session, changed, lambda routine: f"{routine.name} is paused. Go on: missionctl routine resume {routine.name}"
    )


@command("resume", examples=("missionctl routine resume R-1",), exits=NO_SUCH)
@click.argument("ids", type=ROUTINE_ID, nargs=-1, required=True, metavar="ID...")
def resume(session: Session, ids: tuple[str, ...]) -> None:
    """Let paused routines make tasks again, from the next slot on. Several: all or none."""
    changed = _change_all(session, ids, session.mission.routines.resume)
    session.mission.ring()
    _print_changed(session, changed, lambda routine: f"{routine.name} goes on{_next_time(session, routine)}.")


@command("remove", examples=("missionctl routine remove R-1",), exits=NO_SUCH)
@click.argument("ids", type=ROUTINE_ID, nargs=-1, required=True, metavar="ID...")
def remove(session: Session, ids: tuple[str, ...]) -> None:
    """End routines; the tasks that they have made stay. Several: all or none."""
    views = session.mission.routine_views
    removed = [views.routine(known).routine for known in _resolve(session, ids)]
    _change_all(session, ids, session.mission.routines.remove)
    if session.as_json:
        print_json({"removed": [routine.name for routine in removed]})
        return
    for routine in removed:
        if session.is_terminal:
            print_done(session, f"{routine.name} is removed: {routine.title}")
        else:
            click.echo(routine.name)


@command(
    "run",
    examples=("missionctl routine run R-1", 'missionctl task wait "$(missionctl routine run R-1)"'),
    exits={3: "no such routine or agent"},
)
@click.argument("routine", type=ROUTINE_ID, metavar="ID")
def run(session: Session, routine: str) -> None:
    """Make the task of a routine now, besides its schedule, also while it is paused or an earlier task is unfinished.

    Prints the task; who is awake starts it. On a pipe only the new id is printed.
    """
    mission = session.mission
    task = mission.routines.run(mission.routine_views.resolve(routine), actor=session.actor)
    mission.ring()
    print_changed(session, [task.id], lambda task: f"{task.name} added for {', '.join(task.agents)}: {task.title}")


def _resolve(session: Session, texts: Sequence[str]) -> list[int]:
    return list(dict.fromkeys(session.mission.routine_views.resolve(text) for text in texts))


def _change_all(session: Session, texts: Sequence[str], change: Callable[..., Routine]) -> list[int]:
    """Change every routine named, all or none, and return their numbers."""
    known = _resolve(session, texts)
    with session.mission.board.together():
        for routine_id in known:
            change(routine_id, actor=session.actor)
    return known


def _next_time(session: Session, routine: Routine) -> str:
    return "" if routine.next_at is None else f"; its next task comes {relative(routine.next_at, session.now)}"


def _print_changed(session: Session, known: Sequence[int], sentence: Callable[[Routine], str]) -> None:
    """The routines as they stand now; JSON is one object for one, a list for several."""
    views = [session.mission.routine_views.routine(routine_id) for routine_id in known]
    if session.as_json:
        documents = [routine_shapes.routine_json(view) for view in views]
        print_json(documents[0] if len(documents) == 1 else documents)
        return
    for view in views:
        if session.is_terminal:
            print_done(session, sentence(view.routine))
        else:
            click.echo(view.routine.name)
