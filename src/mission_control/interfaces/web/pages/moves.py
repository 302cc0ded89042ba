"""What a person may do to a task by hand, as buttons, drags and keys ask for it."""

from __future__ import annotations

from mission_control.domain.task import BY_A_PERSON, TRANSITIONS, Event, Status, Task
from mission_control.errors import IllegalMove, InvalidInput
from mission_control.interfaces.mission import Mission

# Where several moves lead to the same column, the first is meant.
_IN_ORDER = (Event.APPROVE, Event.RETRY, Event.REJECT, Event.CANCEL)
BULK = (Event.RETRY, Event.APPROVE, Event.CANCEL)


def possible(status: Status) -> list[Event]:
    """What a person may do to a task that stands there."""
    return [event for event in TRANSITIONS[status] if event in BY_A_PERSON]


def event_for(task: Task, target: Status) -> Event:
    """What leads from where the task stands to the column `target`. Raises IllegalMove with the reason."""
    for event in _IN_ORDER:
        if TRANSITIONS[task.status].get(event) is target:
            return event
    raise IllegalMove(f"{task.name} stays in {_words(task.status)}. {_why_not(target)}")


def _why_not(target: Status) -> str:
    match target:
        case Status.IN_PROGRESS:
            return "Only a heartbeat takes a task into progress: its agent claims it when a slot is free."
        case Status.REVIEW:
            return "Work comes to review by itself, when an attempt has succeeded."
        case Status.DONE:
            return "A task is done when an attempt has succeeded and, where asked for, a person has approved."
        case Status.BLOCKED:
            return "A task is blocked when its attempts are used up or its agent asks something."
        case _:
            return f"Nobody can move it to {_words(target)} by hand."


def _words(status: Status) -> str:
    return status.replace("_", " ")


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
