"""What an operator does after an import: give a command to each task that only lacked one, and put it back."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from mission_control.board import Board
from mission_control.domain.task import Status, Task
from mission_control.ops.demo.play import PERSON, Announced
from mission_control.ops.legacy.report import Report
from mission_control.squad import Squad
from mission_control.views import Views


@dataclass(frozen=True)
class Restart:
    """What was done so that the old tasks can be worked on; `told_until` is its last line of history."""

    announced: Sequence[Announced]
    resumed: Sequence[str]  # agents that were paused
    told_until: int

    @property
    def put_back(self) -> Sequence[Task]:
        """The tasks that got a command."""
        return [announced.task for announced in self.announced if announced.outcomes]


def put_to_work(report: Report, *, board: Board, squad: Squad, views: Views) -> Restart:
    """Make the tasks of an import into a new mission ready that were blocked only for want of a command.

    Their agents are resumed. All other tasks are announced to stay exactly as they came.
    """
    tasks = [view.task for view in views.tasks(everything=True, limit=max(len(report.rows), 1))]
    lacking = {row.name for row in report.rows if row.lacks_command}
    needed = {name for task in tasks if task.name in lacking for name in task.agents}
    paused = [view.agent.name for view in views.agents() if view.agent.paused and view.agent.name in needed]
    with board.together():
        for name in paused:
            squad.resume(name, actor=PERSON)
        announced = [
            _announced(_put_back(board, task) if task.name in lacking else task, is_worked_on=task.name in lacking)
            for task in sorted(tasks, key=lambda task: task.id)
        ]
    return Restart(announced, paused, max((line.id or 0 for line in views.activities(limit=1)), default=0))


def _put_back(board: Board, task: Task) -> Task:
    board.edit(task.id, {"command": _command_for(task)}, actor=PERSON)
    return board.retry(task.id, actor=PERSON)


def _command_for(task: Task) -> str:
    """Prints the title and who did it. The title comes from anybody: to the shell it is one quoted word."""
    return f"sleep 0.4 && printf '%s\\n' {shlex.quote(task.title)} \"done by $MISSIONCTL_AGENT\""


def _announced(task: Task, *, is_worked_on: bool) -> Announced:
    if not is_worked_on:
        return Announced(task, shows="", end=task.status, outcomes=())
    return Announced(task, shows=f"was {task.legacy_id}", end=Status.REVIEW if task.review else Status.DONE)
