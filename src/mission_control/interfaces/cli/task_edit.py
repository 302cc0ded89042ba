"""`missionctl task edit`, `depend`, `delete`."""

from __future__ import annotations

from typing import Any

import click

from mission_control.domain import limits
from mission_control.domain.task import Priority, task_name
from mission_control.errors import InvalidInput
from mission_control.interfaces.cli.choices import PRIORITY
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_done, print_json
from mission_control.interfaces.cli.parameters import (
    AGENTS,
    DURATION,
    TASK_ID,
    flatten,
    text_or_stdin,
)
from mission_control.interfaces.cli.tasks import print_changed, resolve


@command(
    "edit",
    examples=(
        "missionctl task edit T-12 --to dexter --priority high",
        "missionctl task edit T-12 --not-before 0",
    ),
    exits={3: "no such task or agent", 4: "refused in this state"},
)
@click.argument("ids", type=TASK_ID, nargs=-1, required=True, metavar="ID...")
@click.option("--title")
@click.option("--to", type=AGENTS, multiple=True, help="Who does it, instead of those named before.")
@click.option("--unassign", is_flag=True, help="Nobody does it.")
@click.option("--command", metavar="CMD", help="What the shell runner executes.")
@click.option("--description", metavar="TEXT", help="More about it; - reads standard input.")
@click.option("--priority", type=PRIORITY)
@click.option("--max-attempts", type=int, metavar="N", help="Then it is blocked.")
@click.option("--timeout", type=DURATION, help="Time limit of an attempt, e.g. 30m.")
@click.option(
    "--not-before",
    metavar="TIME",
    help="Not sooner than this, e.g. 2026-02-06T10:00:00Z, 10m, or 0: now, backoff or not.",
)
@click.option("--review/--no-review", default=None, help="Whether success needs a person's approval.")
def edit(session: Session, ids: tuple[str, ...], **given: Any) -> None:
    """Change a task.

    A running attempt goes on with what it was given. Several ids: all or none.
    """
    changes = _changes(session, **given)
    mission, actor = session.mission, session.actor
    numbers = resolve(session, ids)
    with mission.board.together():
        for task_id in numbers:
            mission.board.edit(task_id, changes, actor=actor)
    mission.ring()
    print_changed(session, numbers, lambda task: f"{task.name} changed ({', '.join(changes)}): {task.title}")


def _changes(session: Session, *, to: tuple[tuple[str, ...], ...], unassign: bool, **given: Any) -> dict[str, Any]:
    """What was asked for, as fields of NewTask."""
    if to and unassign:
        raise InvalidInput("Either --to or --unassign, not both.")
    changes = {name: value for name, value in given.items() if value is not None}
    if to or unassign:
        changes["agents"] = flatten(to)
    if "description" in changes:
        changes["description"] = text_or_stdin(changes["description"], "description")
    if "priority" in changes:
        changes["priority"] = Priority(changes["priority"])
    if "not_before" in changes:
        changes["not_before"] = limits.instant(changes["not_before"], session.now)
    if "timeout" in changes:
        changes["timeout"] = limits.timeout(changes["timeout"])
    if not changes:
        raise InvalidInput(
            "There is nothing to change. Say what, e.g. --priority high. See: missionctl task edit --help"
        )
    return changes


@command(
    "depend",
    examples=("missionctl task depend T-13 --on T-12", "missionctl task depend T-13 --on T-12 --remove"),
    exits={3: "no such task or dependency", 4: "it would wait for itself, or it is too late"},
)
@click.argument("task", type=TASK_ID, metavar="ID")
@click.option("--on", type=TASK_ID, multiple=True, required=True, metavar="ID", help="The task to wait for.")
@click.option("--remove", is_flag=True, help="No longer wait for it.")
def depend(session: Session, task: str, on: tuple[str, ...], *, remove: bool) -> None:
    """Let a task wait for others, or no longer. Several --on: all or none."""
    mission, actor = session.mission, session.actor
    task_id = mission.views.resolve_task(task)
    others = resolve(session, on)
    change = mission.board.undepend if remove else mission.board.depend
    with mission.board.together():
        for other in others:
            change(task_id, other, actor=actor)
    if remove:
        mission.ring()
    waits = "no longer waits" if remove else "waits"
    names = ", ".join(map(task_name, others))
    print_changed(session, [task_id], lambda task: f"{task.name} {waits} for {names}.")


class _Rehearsed(Exception):
    """Ends a transaction that was only tried."""


@command(
    "delete",
    examples=("missionctl task delete T-12 --dry-run", "missionctl task delete T-12 --yes"),
    exits={1: "you said no", 3: "no such task", 4: "it runs, or others wait for it"},
)
@click.argument("ids", type=TASK_ID, nargs=-1, required=True, metavar="ID...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, change nothing.")
def delete(session: Session, ids: tuple[str, ...], *, yes: bool, dry_run: bool) -> int:
    """Remove tasks with their attempts and threads, for good. The history keeps a line. Several ids: all or none."""
    numbers = resolve(session, ids)
    tasks = [session.mission.views.task(number).task for number in numbers]
    names = ", ".join(task.name for task in tasks)
    if not (yes or dry_run) and not _confirmed(session, names):
        return 1
    try:
        with session.mission.board.together():
            for number in numbers:
                session.mission.board.delete(number, actor=session.actor)
            if dry_run:
                raise _Rehearsed
    except _Rehearsed:
        pass
    if session.as_json:
        print_json({"deleted": [task.name for task in tasks], "dry_run": dry_run})
    elif session.is_terminal:
        print_done(session, f"{names} would be removed; nothing was changed." if dry_run else f"{names} removed.")
    else:
        for task in tasks:
            click.echo(task.name)
    return 0


def _confirmed(session: Session, names: str) -> bool:
    """Ask the person at the terminal; without one, --yes is needed."""
    if not session.can_ask:
        raise InvalidInput(f"Removing {names} is for good. Say so with --yes, or look first with --dry-run.")
    return click.confirm(f"Remove {names} for good?", default=False, err=True)
