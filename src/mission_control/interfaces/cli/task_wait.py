"""`missionctl task wait`: until tasks have ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import click

from mission_control.domain.task import Status, Task
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.errors import TIMED_OUT, WORK_FAILED, complain
from mission_control.interfaces.cli.looks import status_cell
from mission_control.interfaces.cli.parameters import DURATION, TASK_ID
from mission_control.interfaces.cli.tasks import print_changed, resolve, where

LOOK_SECONDS = 0.2
ENDED = frozenset({Status.DONE, Status.BLOCKED, Status.CANCELLED})


@command(
    "wait",
    examples=(
        "missionctl task wait T-12 T-13 --timeout 10m",
        "missionctl task wait $(missionctl add Test --to ada --command 'make test')",
    ),
    exits={0: "all are done", 1: "one is blocked or cancelled", 3: "no such task", 124: "--timeout passed"},
)
@click.argument("ids", type=TASK_ID, nargs=-1, required=True, metavar="ID...")
@click.option("--timeout", type=DURATION, help="Give up after this, e.g. 10m. Default: never.")
def wait(session: Session, ids: tuple[str, ...], timeout: timedelta | None) -> int:
    """Wait until tasks have ended: done, blocked or cancelled. One in review has not ended: a person must look."""
    numbers = resolve(session, ids)
    clock = session.mission.clock
    until = None if timeout is None else clock.monotonic() + timeout.total_seconds()
    pause = min(session.mission.config.poll_seconds, LOOK_SECONDS)
    pending = numbers
    while pending := [number for number in pending if _task(session, number).status not in ENDED]:
        left = pause if until is None else until - clock.monotonic()
        if left <= 0:
            names = ", ".join(_standing(_task(session, number)) for number in pending)
            complain(f"Not ended in time: {names}. See: missionctl task show T-{pending[0]}")
            return TIMED_OUT
        time.sleep(min(pause, left))
    _print_ended(session, numbers)
    all_done = all(_task(session, number).status is Status.DONE for number in numbers)
    return 0 if all_done else WORK_FAILED


def _print_ended(session: Session, numbers: Sequence[int]) -> None:
    """How each has ended: for a person with the look of its status, for not every end is a success."""
    if not session.is_terminal or session.as_json:
        print_changed(session, numbers, _standing)
        return
    from mission_control.interfaces.cli import terminal

    for number in numbers:
        task = _task(session, number)
        look = status_cell(task.status)
        reason = f": {task.reason}" if task.reason and task.status is not Status.DONE else ""
        terminal.print_heading(session, task.name, replace(look, shown=f"{look.on_terminal}{reason}"))


def _task(session: Session, number: int) -> Task:
    return session.mission.views.task(number).task


def _standing(task: Task) -> str:
    return f"{task.name} is {where(task)}"
