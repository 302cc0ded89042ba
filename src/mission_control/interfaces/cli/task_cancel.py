"""`missionctl task cancel`: cancel tasks and see that what runs for them ends."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from mission_control.domain.attempt import Attempt
from mission_control.domain.task import Status, Task
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import tell
from mission_control.interfaces.cli.parameters import TASK_ID
from mission_control.interfaces.cli.task_move import EXITS
from mission_control.interfaces.cli.tasks import change_all, print_changed, tell_executors, where

AFTER_GRACE_SECONDS = 2.0  # what the executor may need to record the end once everything is dead
LOOK_SECONDS = 0.1


@command("cancel", examples=("missionctl task cancel T-12", "missionctl cancel T-12 T-13 --no-wait"), exits=EXITS)
@click.argument("ids", type=TASK_ID, nargs=-1, required=True, metavar="ID...")
@click.option("--no-wait", is_flag=True, help="Do not wait until what runs has ended.")
def cancel(session: Session, ids: tuple[str, ...], *, no_wait: bool) -> None:
    """Cancel tasks and end what runs for them.

    A running task is cancelled when its executor has ended everything; this waits for it, up to the grace period and
    two seconds. Several ids: all or none.
    """
    mission, actor = session.mission, session.actor
    cancelled = change_all(session, ids, lambda task: mission.board.cancel(task, actor=actor))
    told = tell_executors(session, cancelled)
    live = [attempt for attempt, _ in told]
    if live and not no_wait:
        _wait_for_end(session, live)
    print_changed(session, cancelled, _sentence)
    _tell_of_survivors(session, told)


def _wait_for_end(session: Session, live: Sequence[Attempt]) -> None:
    """Until every attempt has ended, at most the grace period and what recording needs."""
    clock = session.mission.clock
    until = clock.monotonic() + session.mission.config.grace_seconds + AFTER_GRACE_SECONDS
    while any(_is_live(session, attempt) for attempt in live) and clock.monotonic() < until:
        time.sleep(LOOK_SECONDS)


def _is_live(session: Session, attempt: Attempt) -> bool:
    now = session.mission.views.task(attempt.task_id).attempts
    return any(other.number == attempt.number and other.is_live for other in now)


def _sentence(task: Task) -> str:
    if task.status is Status.CANCELLED:
        return f"{task.name} is cancelled: {task.title}"
    if task.cancel_requested_at is not None:
        return f"{task.name} is being cancelled: {task.title}"
    return f"{task.name} came to its end before it could be cancelled, and is {where(task)}: {task.title}"


def _tell_of_survivors(session: Session, told: Sequence[tuple[Attempt, bool]]) -> None:
    """What is still being worked on, and why."""
    for attempt, reached in told:
        if not _is_live(session, attempt):
            continue
        if reached:
            tell(
                f"missionctl: {attempt.name} still ends what it started. See: missionctl task show T-{attempt.task_id}"
            )
        else:
            lease = session.mission.config.lease_seconds
            tell(
                f"missionctl: {attempt.name} could not be told from here. Its executor on {attempt.host} learns of it "
                f"when it renews its lease, within {lease:g} s; if it is dead, the next heartbeat ends the attempt."
            )
