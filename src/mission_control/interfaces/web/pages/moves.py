"""What a person may do to a task by hand, as buttons, drags and keys ask for it."""

from __future__ import annotations

from mission_control.domain.task import BY_A_PERSON, TRANSITIONS, Event, Status
from mission_control.errors import InvalidInput
from mission_control.interfaces.mission import Mission

BULK = (Event.RETRY, Event.APPROVE, Event.CANCEL)


def possible(status: Status) -> list[Event]:
    """What a person may do to a task that stands there."""
    return [event for event in TRANSITIONS[status] if event in BY_A_PERSON]


def carry_out(mission: Mission, task_id: int, event: Event, *, actor: str, comment: str = "") -> str:
    """Do it and say what became of the task."""
    board = mission.board
    match event:
        case Event.APPROVE:
            return f"{board.approve(task_id, actor=actor).name} is approved and done."
        case Event.REJECT:
            return f"{board.reject(task_id, comment, actor=actor).name} goes back to the inbox with your comment."
        case Event.RETRY:
            return f"{board.retry(task_id, actor=actor).name} is back in the inbox."
        case Event.ANSWER:
            return f"{board.answer(task_id, comment, actor=actor).name} goes on with your answer."
        case Event.CANCEL:
            return _cancel(mission, task_id, actor=actor)
        case _:
            raise InvalidInput(f"{event} is nothing that a person does.")


def _cancel(mission: Mission, task_id: int, *, actor: str) -> str:
    """A running task is cancelled when its executor has ended everything; it is told to look at once."""
    task = mission.board.cancel(task_id, actor=actor)
    if task.status is Status.CANCELLED:
        return f"{task.name} is cancelled."
    for attempt in mission.views.task(task_id).attempts:
        if attempt.is_live:
            mission.tell(attempt)
    return f"{task.name} is being cancelled: what runs for it is ended first."
