"""Tasks: lists, one task, adding, editing, removing, what must come first."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from mission_control.domain import limits
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Status
from mission_control.errors import InvalidInput
from mission_control.interfaces import shapes
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.api import models
from mission_control.interfaces.web.api.answers import Asked, Changed, Document, noun, shape
from mission_control.store.tasks import Filter
from mission_control.views import TaskView

MOST_AT_ONCE = 500
router = noun("/tasks", "tasks")
Limit = Annotated[int, Query(ge=1, le=MOST_AT_ONCE)]


@router.get("", responses=shape(list[models.TaskWithAttempts | models.Task], words="One page; `Link` names the next"))
def list_tasks(
    asked: Asked,
    *,
    status: Status | None = None,
    agent: str | None = None,
    search: Annotated[str | None, Query(max_length=1000)] = None,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(description="From the `Link` of the page before.")] = None,
    everything: Annotated[bool, Query(alias="all", description="Also done and cancelled ones, newest first.")] = False,
    attempts: bool = False,
) -> Response:
    """Open tasks in the order of the queue; with a status, or all, newest first."""
    headers: dict[str, str] = {}

    def look(mission: Mission) -> Document:
        views = mission.views
        wanted = Filter(status, None if agent is None else views.resolve_agent(agent), search)
        found = views.tasks(
            wanted, limit=limit + 1, everything=everything, with_attempts=attempts, after=_position(cursor)
        )
        if len(found) > limit:
            headers["Link"] = _next_page(asked.request, found[limit - 1])
        return [shapes.task_json(view, with_attempts=attempts) for view in found[:limit]]

    return asked.find(look, headers=headers)


@router.post(
    "",
    status_code=201,
    responses=shape(models.TaskWithAttempts, 201, "Added") | shape(models.TaskWithAttempts, 200, "It was there"),
)
def add_task(asked: Asked, new: models.NewTaskIn) -> Response:
    """Put a task on the board. With a `key` that is known: 200, and the task it made."""

    def work(mission: Mission) -> Changed:
        after = [mission.views.resolve_task(name) for name in new.after]
        task, is_new = mission.board.add(_draft(mission, new, after), actor=asked.actor)
        return Changed(_whole(mission, task.id), 201 if is_new else 200)

    return asked.change(work, new)


@router.post("/batch", status_code=201, responses=shape(list[models.TaskWithAttempts], 201, "Added"))
def add_tasks(asked: Asked, new: models.NewTasksIn) -> Response:
    """Put many tasks on the board, all or none. `after` may name ids, or keys of tasks earlier in the list."""

    def work(mission: Mission) -> Changed:
        by_key: dict[str, int] = {}
        ids = []
        for one in new.tasks:
            after = [by_key[name] if name in by_key else mission.views.resolve_task(name) for name in one.after]
            task, _ = mission.board.add(_draft(mission, one, after), actor=asked.actor)
            ids.append(task.id)
            if task.key is not None:
                by_key[task.key] = task.id
        return Changed([_whole(mission, task_id) for task_id in ids], 201)

    return asked.change(work, new)


@router.get("/ready", responses=shape(list[models.Task]))
def ready(asked: Asked, agent: str | None = None, limit: Limit = 100) -> Response:
    """What could start now, in the order in which the next heartbeats take it."""

    def look(mission: Mission) -> Document:
        name = None if agent is None else mission.views.resolve_agent(agent)
        return [shapes.task_json(view, with_attempts=False) for view in mission.views.ready(name, limit=limit)]

    return asked.find(look)


@router.get("/{task}", responses=shape(models.WholeTask))
def show_task(asked: Asked, task: str) -> Response:
    """Everything about a task: why it waits, every try, the thread, its history."""
    return asked.find(lambda mission: whole_task(mission, mission.views.resolve_task(task)))


@router.patch("/{task}", responses=shape(models.TaskWithAttempts))
def edit_task(asked: Asked, task: str, fields: models.TaskFields) -> Response:
    """Change what is given. A running attempt goes on with what it was given."""

    def work(mission: Mission) -> Changed:
        task_id = mission.views.resolve_task(task)
        asked.expect(whole_task(mission, task_id))
        mission.board.edit(task_id, changes_of(mission, fields), actor=asked.actor)
        return Changed(_whole(mission, task_id))

    return asked.change(work, fields)


@router.delete("/{task}", responses=shape(models.Deleted))
def delete_task(asked: Asked, task: str) -> Response:
    """Remove a task with its attempts and thread, for good. The history keeps a line."""

    def work(mission: Mission) -> Changed:
        view = mission.views.task(mission.views.resolve_task(task))
        asked.expect(whole_task(mission, view.task.id))
        mission.board.delete(view.task.id, actor=asked.actor)
        return Changed({"deleted": [view.task.name], "dry_run": False})

    return asked.change(work)


@router.put("/{task}/after/{other}", responses=shape(models.TaskWithAttempts))
def depend(asked: Asked, task: str, other: str) -> Response:
    """Let a task wait for another. Again changes nothing."""

    def work(mission: Mission) -> Changed:
        task_id = mission.views.resolve_task(task)
        mission.board.depend(task_id, mission.views.resolve_task(other), actor=asked.actor)
        return Changed(_whole(mission, task_id))

    return asked.change(work)


@router.delete("/{task}/after/{other}", responses=shape(models.TaskWithAttempts))
def undepend(asked: Asked, task: str, other: str) -> Response:
    """Let a task no longer wait for another."""

    def work(mission: Mission) -> Changed:
        task_id = mission.views.resolve_task(task)
        mission.board.undepend(task_id, mission.views.resolve_task(other), actor=asked.actor)
        return Changed(_whole(mission, task_id))

    return asked.change(work)


def whole_task(mission: Mission, task_id: int) -> shapes.Json:
    """As `task show --json` gives it."""
    return shapes.task_page_json(mission.views.task(task_id))


def changes_of(mission: Mission, given: models.TaskFields) -> dict[str, Any]:
    """What was asked for, as fields of NewTask. Raises InvalidInput when that is nothing."""
    changes = given.model_dump(exclude_none=True)
    changes.pop("after", None)
    if not changes:
        raise InvalidInput("There is nothing to change. Say what, e.g. a priority.")
    if "timeout_seconds" in changes:
        changes["timeout"] = _timeout(changes.pop("timeout_seconds"))
    if "not_before" in changes:
        changes["not_before"] = limits.instant(changes["not_before"], mission.clock.now())
    if "agents" in changes:
        changes["agents"] = tuple(limits.agent_name(name) for name in changes["agents"])
    return changes


def _draft(mission: Mission, new: models.NewTaskIn, after: list[int]) -> NewTask:
    return NewTask(**changes_of(mission, new), after=after)


def _whole(mission: Mission, task_id: int) -> shapes.Json:
    """As the commands that change tasks give it."""
    return shapes.task_json(mission.views.task(task_id), with_attempts=True)


def _timeout(seconds: float) -> timedelta:
    try:
        return limits.timeout(timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        raise InvalidInput(f"timeout_seconds is {seconds}; it is out of range.") from None


def _position(cursor: str | None) -> tuple[int, int] | None:
    if cursor is None:
        return None
    rank, _, task_id = cursor.partition(".")
    try:
        found = int(rank), int(task_id)
    except ValueError:
        raise InvalidInput("That cursor is none of ours. Take it from the `Link` of a page.") from None
    if max(map(abs, found)) >= 2**62:
        raise InvalidInput("That cursor is none of ours. Take it from the `Link` of a page.")
    return found


def _next_page(request: Request, last: TaskView) -> str:
    url = request.url.include_query_params(cursor=f"{last.task.rank}.{last.task.id}")
    return f'<{url.path}?{url.query}>; rel="next"'
