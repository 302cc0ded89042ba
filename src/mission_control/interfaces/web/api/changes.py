"""What a person does with tasks: retry, cancel, approve, reject, answer, move, comment; one or many at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from starlette.responses import Response

from mission_control.domain import limits
from mission_control.domain.access import Scope
from mission_control.domain.task import task_name
from mission_control.errors import Conflict, InvalidInput
from mission_control.interfaces import shapes
from mission_control.interfaces.by_hand import move_by_hand
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.api import models
from mission_control.interfaces.web.api.answers import Asked, Asking, Changed, Document, noun, shape
from mission_control.interfaces.web.api.tasks import changes_of

router = noun("", "changes of tasks")
Change = Callable[[Mission, int], object]
Value = TypeVar("Value")


@router.post("/tasks/{task}/retry", responses=shape(models.TaskWithAttempts))
def retry(asked: Asked, task: str, given: models.RetryIn | None = None) -> Response:
    """Put a blocked, cancelled or done task back into the inbox; attempts count from zero."""
    after = _wait(None if given is None else given.after)
    return _one(
        asked, task, lambda mission, task_id: mission.board.retry(task_id, actor=asked.actor, after=after), given
    )


@router.post("/tasks/{task}/cancel", responses=shape(models.TaskWithAttempts))
def cancel(asked: Asked, task: str) -> Response:
    """Cancel a task. One that runs is cancelled once its executor has ended everything: `cancel_requested_at`."""
    return _one(asked, task, lambda mission, task_id: mission.board.cancel(task_id, actor=asked.actor), tell=True)


@router.post("/tasks/{task}/approve", responses=shape(models.TaskWithAttempts))
def approve(asked: Asked, task: str) -> Response:
    """Accept work that waits for review."""
    return _one(asked, task, lambda mission, task_id: mission.board.approve(task_id, actor=asked.actor))


@router.post("/tasks/{task}/reject", responses=shape(models.TaskWithAttempts))
def reject(asked: Asked, task: str, given: models.TextIn) -> Response:
    """Send work that waits for review back with a comment."""
    return _one(
        asked, task, lambda mission, task_id: mission.board.reject(task_id, given.text, actor=asked.actor), given
    )


@router.post("/tasks/{task}/answer", responses=shape(models.TaskWithAttempts))
def answer(asked: Asked, task: str, given: models.TextIn) -> Response:
    """Answer what blocks a task and put it back into the inbox."""
    return _one(
        asked, task, lambda mission, task_id: mission.board.answer(task_id, given.text, actor=asked.actor), given
    )


@router.post("/tasks/{task}/move", responses=shape(models.TaskWithAttempts))
def move(asked: Asked, task: str, given: models.MoveIn) -> Response:
    """Move a task to another status, where a person may: what approve, retry, reject and cancel do."""

    def change(mission: Mission, task_id: int) -> object:
        return move_by_hand(mission, task_id, given.status, given.comment, actor=asked.actor)

    return _one(asked, task, change, given, tell=True)


@router.get("/tasks/{task}/comments", responses=shape(list[models.Comment]))
def thread(asked: Asked, task: str) -> Response:
    """The thread of a task, oldest first."""

    def look(mission: Mission) -> Document:
        view = mission.views.task(mission.views.resolve_task(task))
        return [shapes.comment_json(comment) for comment in view.thread]

    return asked.find(look)


@router.post("/tasks/{task}/comments", status_code=201, responses=shape(models.Comment, 201, "Written"))
def comment(asked: Asked, task: str, given: models.CommentIn) -> Response:
    """Write into the thread of a task."""

    def work(mission: Mission) -> Changed:
        task_id = mission.views.resolve_task(task)
        number = mission.board.comment(task_id, given.text, actor=_author(asked, mission, given.author))
        entries = mission.views.task(task_id).thread
        return Changed(next(shapes.comment_json(entry) for entry in entries if entry.id == number), 201)

    return asked.change(work, given)


@router.post("/bulk", responses=shape(list[models.TaskWithAttempts] | models.Deleted))
def change_many(asked: Asked, given: models.ManyIn) -> Response:
    """The same change for many tasks, all or none."""

    def work(mission: Mission) -> Changed:
        change = _change_of(asked, mission, given)
        ids = list(dict.fromkeys(mission.views.resolve_task(name) for name in given.ids))
        for task_id in ids:
            change(mission, task_id)
        if given.change == "delete":
            return Changed({"deleted": [task_name(task_id) for task_id in ids], "dry_run": False})
        documents = [shapes.task_json(mission.views.task(task_id), with_attempts=True) for task_id in ids]
        return Changed(documents, tell=ids if given.change in ("cancel", "move") else ())

    return asked.change(work, given)


def _change_of(asked: Asking, mission: Mission, given: models.ManyIn) -> Change:
    actor, text = asked.actor, given.text
    match given.change:
        case "approve":
            return lambda mission, task_id: mission.board.approve(task_id, actor=actor)
        case "cancel":
            return lambda mission, task_id: mission.board.cancel(task_id, actor=actor)
        case "delete":
            return lambda mission, task_id: mission.board.delete(task_id, actor=actor)
        case "retry":
            after = _wait(given.after)
            return lambda mission, task_id: mission.board.retry(task_id, actor=actor, after=after)
        case "reject":
            words = _needed(text, "text", given.change)
            return lambda mission, task_id: mission.board.reject(task_id, words, actor=actor)
        case "move":
            status = _needed(given.status, "status", given.change)
            return lambda mission, task_id: move_by_hand(mission, task_id, status, text, actor=actor)
        case _:
            changes = changes_of(mission, _needed(given.fields, "fields", given.change))
            return lambda mission, task_id: mission.board.edit(task_id, changes, actor=actor)


def _needed(value: Value | None, name: str, change: str) -> Value:
    if value is None:
        raise InvalidInput(f"To {change} tasks, `{name}` is needed.")
    return value


def _one(
    asked: Asking, task: str, change: Change, given: models.Given | None = None, *, tell: bool = False
) -> Response:
    def work(mission: Mission) -> Changed:
        task_id = mission.views.resolve_task(task)
        change(mission, task_id)
        document = shapes.task_json(mission.views.task(task_id), with_attempts=True)
        return Changed(document, tell=[task_id] if tell else ())

    return asked.change(work, given)


def _wait(text: str | None) -> timedelta:
    return timedelta(0) if text is None else limits.duration(text)


def _author(asked: Asking, mission: Mission, name: str | None) -> str:
    if name is None:
        return asked.actor
    if not asked.caller.scope.includes(Scope.ADMIN):
        raise Conflict("Only a key with the scope admin may speak in another's name. Leave `author` out.")
    return mission.views.resolve_agent(name)
