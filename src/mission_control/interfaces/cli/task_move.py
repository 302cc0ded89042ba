"""`missionctl task retry`, `approve`, `move`: a person moves tasks."""

from __future__ import annotations

from datetime import timedelta

import click

from mission_control.domain.task import TRANSITIONS, Event, Status, Task
from mission_control.errors import IllegalMove, InvalidInput
from mission_control.interfaces.cli.choices import STATUS
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.parameters import DURATION, TASK_ID
from mission_control.interfaces.cli.tasks import change_all, print_changed, tell_executors, where

EXITS = {3: "no such task", 4: "not allowed from here"}
# What `move` may do in a person's name, in the order in which it is preferred.
_BY_HAND = (Event.APPROVE, Event.RETRY, Event.REJECT, Event.CANCEL)


@command(
    "retry",
    examples=("missionctl task retry T-12", "missionctl retry T-12 T-13 --after 10m"),
    exits=EXITS,
)
@click.argument("ids", type=TASK_ID, nargs=-1, required=True, metavar="ID...")
@click.option("--after", type=DURATION, help="Not sooner than this, e.g. 10m. Default: at once.")
def retry(session: Session, ids: tuple[str, ...], after: timedelta | None) -> None:
    """Put blocked, cancelled or done tasks back into the inbox.

    Their history stays; attempts count from zero. Several ids: all or none.
    """
    mission, actor = session.mission, session.actor
    wait = after or timedelta(0)
    changed = change_all(session, ids, lambda task: mission.board.retry(task, actor=actor, after=wait))
    mission.ring()
    print_changed(session, changed, lambda task: f"{task.name} is back in the inbox: {task.title}")


@command("approve", examples=("missionctl task approve T-12",), exits=EXITS)
@click.argument("ids", type=TASK_ID, nargs=-1, required=True, metavar="ID...")
def approve(session: Session, ids: tuple[str, ...]) -> None:
    """Accept work that waits for review: it is done, and what waits for it may start. Several ids: all or none."""
    mission, actor = session.mission, session.actor
    changed = change_all(session, ids, lambda task: mission.board.approve(task, actor=actor))
    mission.ring()
    print_changed(session, changed, lambda task: f"{task.name} is approved and done: {task.title}")


@command(
    "move",
    examples=("missionctl task move T-12 done", "missionctl task move T-12 inbox --comment 'Tests are missing'"),
    exits=EXITS,
)
@click.argument("ids", type=TASK_ID, nargs=-1, required=True, metavar="ID...")
@click.argument("status", type=STATUS)
@click.option("--comment", metavar="TEXT", help="Needed to send work in review back to the inbox.")
def move(session: Session, ids: tuple[str, ...], status: str, comment: str | None) -> None:
    """Move tasks to another status, where a person may: what approve, retry, reject and cancel do.

    Several ids: all or none.
    """
    target = Status(status)
    changed = change_all(session, ids, lambda task: _move(session, task, target, comment))
    if target is Status.CANCELLED:
        tell_executors(session, changed)
    session.mission.ring()
    print_changed(session, changed, lambda task: f"{task.name} is {where(task)}: {task.title}")


def _move(session: Session, task_id: int, target: Status, comment: str | None) -> Task:
    board, actor = session.mission.board, session.actor
    task = session.mission.views.task(task_id).task
    match _event(task, target):
        case Event.APPROVE:
            return board.approve(task_id, actor=actor)
        case Event.RETRY:
            return board.retry(task_id, actor=actor)
        case Event.CANCEL:
            return board.cancel(task_id, actor=actor)
        case _ if comment:
            return board.reject(task_id, comment, actor=actor)
    raise InvalidInput(f"To send {task.name} back, say why: missionctl task move {task.name} inbox --comment TEXT")


def _event(task: Task, target: Status) -> Event:
    """What leads from here to `target` by hand. Raises IllegalMove."""
    moves = {event: TRANSITIONS[task.status].get(event) for event in _BY_HAND}
    for event, leads_to in moves.items():
        if leads_to is target:
            return event
    possible = ", ".join(dict.fromkeys(filter(None, moves.values()))) or "none"
    raise IllegalMove(
        f"{task.name} is {task.status}; nobody can move it to {target} by hand. Possible now: {possible}."
    )
