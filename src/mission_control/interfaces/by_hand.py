"""Moving a task to another status in a person's name: what approve, retry, reject and cancel do."""

from __future__ import annotations

from collections.abc import Mapping

from mission_control.domain.task import TRANSITIONS, Event, Status, Task
from mission_control.errors import IllegalMove, InvalidInput
from mission_control.interfaces.mission import Mission

# What may be done in a person's name, in the order in which it is preferred.
_BY_HAND = (Event.APPROVE, Event.RETRY, Event.REJECT, Event.CANCEL)
_HOW_IT_COMES_THERE: Mapping[Status, str] = {
    Status.IN_PROGRESS: "Only a heartbeat takes a task into progress, when its agent has a free slot.",
    Status.REVIEW: "Work comes to review when an attempt has succeeded.",
    Status.DONE: "A task is done when an attempt has succeeded and, where asked for, a person has approved.",
    Status.BLOCKED: "A task is blocked when its attempts are used up or its agent asks something.",
}


def move_by_hand(mission: Mission, task_id: int, target: Status, comment: str | None, *, actor: str) -> Task:
    """Raises IllegalMove where nothing leads there; InvalidInput where it needs a comment and has none."""
    board = mission.board
    task = mission.views.task(task_id).task
    match event_for(task, target):
        case Event.APPROVE:
            return board.approve(task_id, actor=actor)
        case Event.RETRY:
            return board.retry(task_id, actor=actor)
        case Event.CANCEL:
            return board.cancel(task_id, actor=actor)
        case _ if comment:
            return board.reject(task_id, comment, actor=actor)
    raise InvalidInput(f"To send {task.name} back, say why: missionctl task move {task.name} inbox --comment TEXT")


def event_for(task: Task, target: Status) -> Event:
    """What leads from here to `target` by hand. Raises IllegalMove, which says how a task comes there."""
    moves = {event: TRANSITIONS[task.status].get(event) for event in _BY_HAND}
    for event, leads_to in moves.items():
        if leads_to is target:
            return event
    possible = ", ".join(dict.fromkeys(filter(None, moves.values()))) or "none"
    raise IllegalMove(
        f"{task.name} is {task.status}; nobody can move it to {target} by hand. Possible now: {possible}. "
        f"{_HOW_IT_COMES_THERE.get(target, '')}".rstrip()
    )
