"""Moving a task to another status in a person's name: what approve, retry, reject and cancel do."""

from __future__ import annotations

from mission_control.domain.task import TRANSITIONS, Event, Status, Task
from mission_control.errors import IllegalMove, InvalidInput
from mission_control.interfaces.mission import Mission

# What may be done in a person's name, in the order in which it is preferred.
_BY_HAND = (Event.APPROVE, Event.RETRY, Event.REJECT, Event.CANCEL)


def move_by_hand(mission: Mission, task_id: int, target: Status, comment: str | None, *, actor: str) -> Task:
    """Raises IllegalMove where nothing leads there; InvalidInput where it needs a comment and has none."""
    board = mission.board
    task = mission.views.task(task_id).task
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
