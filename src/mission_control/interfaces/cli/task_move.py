"""`missionctl task retry`, `approve`, `move`: a person moves tasks."""

from __future__ import annotations

from datetime import timedelta

import click

from mission_control.domain.task import Status
from mission_control.interfaces.by_hand import move_by_hand
from mission_control.interfaces.cli.choices import STATUS
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.parameters import DURATION, TASK_ID
from mission_control.interfaces.cli.tasks import change_all, print_changed, tell_executors, where

EXITS = {3: "no such task", 4: "not allowed from here"}


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
    mission, actor = session.mission, session.actor
    target = Status(status)
    changed = change_all(session, ids, lambda task: move_by_hand(mission, task, target, comment, actor=actor))
    if target is Status.CANCELLED:
        tell_executors(session, changed)
    mission.ring()
    print_changed(session, changed, lambda task: f"{task.name} is {where(task)}: {task.title}")
