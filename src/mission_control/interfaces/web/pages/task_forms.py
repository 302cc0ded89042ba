"""Forms about tasks: add, edit, comment, and every move of a person."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from mission_control.domain import limits
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Event, Priority, Status, Task
from mission_control.errors import InvalidInput
from mission_control.interfaces.by_hand import event_for
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.pages import moves
from mission_control.interfaces.web.pages.desk import Call, Done, acts, page, shows

_EVENTS = (Event.RETRY, Event.CANCEL, Event.APPROVE, Event.REJECT, Event.ANSWER)


def routes() -> list[BaseRoute]:
    return [
        shows("/new", new),
        acts("/tasks", add),
        shows("/t/{task}/edit", edit),
        acts("/t/{task}/edit", save),
        acts("/t/{task}/comment", comment),
        acts("/t/{task}/move", move),
        *(acts(f"/t/{{task}}/{event}", partial(_carry_out, event)) for event in _EVENTS),
    ]


def new(mission: Mission, request: Request) -> Response:
    """The dialog of a new task as a page, for browsers without scripts and for links."""
    agent = request.query_params.get("agent")
    return page(request, mission, "task_form.html", path="/", task=None, chosen_agents=[agent] if agent else [])


def add(call: Call) -> Done:
    """A new task; what was left empty takes the mission's default."""
    timeout = call.text("timeout")
    draft = NewTask(
        title=call.text("title"),
        agents=call.agents(),
        description=call.text("description"),
        command=call.text("command") or None,
        priority=_priority(call),
        after=[call.mission.views.resolve_task(text) for text in call.names("after")],
        max_attempts=call.number("max_attempts", "The number of attempts"),
        timeout=limits.duration(timeout) if timeout else None,
        review=bool(call.text("review")),
    )
    task, _ = call.mission.board.add(draft, actor=call.actor)
    whom = f" for {', '.join(task.agents)}" if task.agents else "; it names nobody, so it runs nowhere"
    return Done(f"{task.name} added{whom}.", f"/t/{task.id}")


def _priority(call: Call) -> Priority:
    text = call.text("priority") or Priority.NORMAL
    if text not in frozenset(Priority):
        raise InvalidInput(f"A priority is one of {', '.join(Priority)}, not {text[:40]!r}.")
    return Priority(text)


def edit(mission: Mission, request: Request) -> Response:
    """Every field that a person may change."""
    view = mission.views.task(mission.views.resolve_task(request.path_params["task"]))
    return page(request, mission, "task_form.html", path="/", task=view.task)


def save(call: Call) -> Done:
    """Change what differs, all or nothing; a running attempt goes on with what it was given."""
    task = call.mission.views.task(_task_id(call)).task
    changes, after = _changes(call, task), {call.mission.views.resolve_task(text) for text in call.names("after")}
    board, before = call.mission.board, set(task.after)
    with board.together():
        if changes:
            board.edit(task.id, changes, actor=call.actor)
        for other in sorted(before - after):
            board.undepend(task.id, other, actor=call.actor)
        for other in sorted(after - before):
            board.depend(task.id, other, actor=call.actor)
    return Done(f"{task.name} saved." if changes or after != before else "Nothing was changed.", f"/t/{task.id}")


def _changes(call: Call, task: Task) -> dict[str, Any]:
    """The fields that differ from what stands, as the board takes them. Empty numbers and limits stay as they are."""
    wanted: dict[str, Any] = {
        "title": call.text("title"),
        "agents": tuple(call.agents()),
        "description": call.text("description"),
        "command": call.text("command") or None,
        "priority": _priority(call),
        "max_attempts": call.number("max_attempts", "The number of attempts") or task.max_attempts,
        "review": bool(call.text("review")),
    }
    changes = {name: value for name, value in wanted.items() if value != getattr(task, name)}
    timeout = call.text("timeout")
    if timeout and limits.duration(timeout).total_seconds() != task.timeout_seconds:
        changes["timeout"] = limits.duration(timeout)
    return changes


def comment(call: Call) -> Done:
    task_id = _task_id(call)
    call.mission.board.comment(task_id, call.text("comment"), actor=call.actor)
    return Done("Your comment is in the thread.", f"/t/{task_id}")


def move(call: Call) -> Done:
    """A card that was dragged, or moved by a key, to another column."""
    task = call.mission.views.task(_task_id(call)).task
    target = call.text("to")
    if target not in frozenset(Status):
        raise InvalidInput(f"There is no column {target[:40]!r}.")
    event = event_for(task, Status(target))
    return Done(moves.carry_out(call.mission, task.id, event, actor=call.actor, comment=call.text("comment")))


def _carry_out(event: Event, call: Call) -> Done:
    task_id = _task_id(call)
    said = moves.carry_out(call.mission, task_id, event, actor=call.actor, comment=call.text("comment"))
    return Done(said)


def _task_id(call: Call) -> int:
    return call.mission.views.resolve_task(call.path["task"])
