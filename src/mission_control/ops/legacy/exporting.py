"""The board as the old system's five files, so that one can go back to it, or let its scripts go on reading.

A row that came from there and has not changed here goes back as it came, every field of it. One that has changed
keeps what means the same and gets the rest in the old words. See docs/backup-and-restore.md for what becomes of what.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Status, task_name
from mission_control.errors import InvalidInput
from mission_control.ops.legacy import files
from mission_control.ops.legacy.fields import instant_of
from mission_control.ops.legacy.importing import IMPORTED
from mission_control.ops.legacy.plan import LACKS_COMMAND, MESSAGE_KEY
from mission_control.ops.legacy.records import PRIORITIES, STATUSES
from mission_control.store.exports import (
    Exported,
    ExportedActivity,
    ExportedAgent,
    ExportedComment,
    ExportedNotification,
    ExportedTask,
)

Row = dict[str, Any]

_OF_THE_SQUAD = "agent_"


def as_old_files(board: Exported) -> dict[str, list[Row]]:
    """The rows of each file."""
    return _Exporting(board).files()


class _Exporting:
    """One export: who and what is called how there."""

    def __init__(self, board: Exported) -> None:
        self._board = board
        self._agent_ids = _ids({agent.name: agent for agent in board.agents}, lambda agent: agent.name)
        self._task_ids = _ids({task.id: task for task in board.tasks}, lambda task: task_name(task.id))
        self._comment_ids = _ids({row.id: row for row in board.comments}, lambda row: f"C-{row.id}")
        self._notification_ids = _ids({row.id: row for row in board.notifications}, lambda row: f"N-{row.id}")
        self._activity_ids = _ids({row.id: row for row in board.activities}, lambda row: f"A-{row.id}")

    def files(self) -> dict[str, list[Row]]:
        return {
            files.AGENTS: [self._agent(agent) for agent in self._board.agents if self._is_told(agent)],
            files.TASKS: [self._task(task) for task in self._board.tasks],
            files.MESSAGES: list(self._messages()),
            files.NOTIFICATIONS: [self._notification(row) for row in self._board.notifications],
            files.ACTIVITIES: list(self._activities()),
        }

    def _is_told(self, agent: ExportedAgent) -> bool:
        """One who left is told only where somebody still names it."""
        if not agent.removed:
            return True
        named = {name for task in self._board.tasks for name in task.agents}
        return agent.name in named | {row.agent for row in self._board.notifications}

    def _agent(self, agent: ExportedAgent) -> Row:
        row = _origin(agent.legacy) or {"id": self._agent_ids[agent.name], "name": agent.name, "role": agent.role}
        if agent.role != (row.get("role") or ""):
            row["role"] = agent.role
        status = self._agent_status(agent, row.get("status"))
        if status != row.get("status"):
            row["status"] = status
        if agent.has_worked or agent.legacy is None:
            here = agent.current_task_id
            row["current_task_id"] = None if here is None else self._task_ids.get(here)
        return row

    def _agent_status(self, agent: ExportedAgent, then: Any) -> Any:
        """What it said then, where nothing here says otherwise."""
        if agent.removed:
            return "removed"
        if agent.paused:
            return "paused"
        if agent.current_task_id is not None:
            return "active"
        if agent.legacy is None or agent.has_worked or then == "paused":
            return "idle"
        return then

    def _task(self, task: ExportedTask) -> Row:
        row = _origin(task.legacy)
        if row is None:
            return self._new_task(task)
        if task.updated_at == (_time(row.get("updated_at")) or _time(row.get("created_at")) or task.created_at):
            return row  # nothing has happened to it here
        return self._changed_task(task, row)

    def _new_task(self, task: ExportedTask) -> Row:
        return {
            "id": self._task_ids[task.id],
            "title": task.title,
            "description": task.description,
            "status": task.status,
            "priority": task.priority,
            "assignee_ids": [self._agent_ids[name] for name in task.agents],
            "created_at": _text(task.created_at),
            "updated_at": _text(task.updated_at),
            **self._last_try(task),
            **({"command": task.command} if task.command is not None else {}),
            **({"after": [self._task_ids[number] for number in task.after]} if task.after else {}),
        }

    def _changed_task(self, task: ExportedTask, row: Row) -> Row:
        """What means the same stays as it was written."""
        meant = {
            "title": (row.get("title"), task.title),
            "description": (row.get("description") or "", task.description),
            "status": (_status_of(row), self._status(task, row)),
            "priority": (PRIORITIES.get(row.get("priority") or "normal"), task.priority),
            "assignee_ids": (
                list(dict.fromkeys(map(str, row.get("assignee_ids") or []))),
                [str(self._agent_ids[name]) for name in task.agents],
            ),
        }
        new = self._new_task(task)
        changed = {name: new[name] for name, (then, now) in meant.items() if then != now}
        forgiven = {"retry_count": 0} if row.get("retry_count") and not task.failures else {}
        return {
            **row,
            **changed,
            **forgiven,
            **{name: new[name] for name in ("command", "after", "updated_at") if name in new},
            **self._last_try(task),
        }

    def _status(self, task: ExportedTask, row: Row) -> str:
        """Blocked only for want of a command, which the old system needs none of, is no change."""
        waits = _status_of(row) is Status.INBOX and (task.reason or "").startswith(LACKS_COMMAND)
        return Status.INBOX if task.status == Status.BLOCKED and waits else task.status

    def _last_try(self, task: ExportedTask) -> Row:
        """How it was tried last, where it was tried here."""
        row: Row = {"started_at": _text(task.started_at)} if task.started_at else {}
        if task.failures:
            row["retry_count"] = task.failures
        error = task.last_error or (task.reason if task.status == Status.BLOCKED and not task.legacy else None)
        if error:
            row["last_error"] = error
        if task.failed_at:
            row["failed_at"] = _text(task.failed_at)
        return row

    def _messages(self) -> Iterator[Row]:
        """Threads, and between them by their time the messages about no task; each of both in its own order."""
        in_threads = ((c.created_at, _origin(c.legacy) or self._message(c)) for c in self._board.comments)
        others = ((line.at, _origin(line.legacy) or {}) for line in self._board.activities if _is_message(line))
        return (row for _, row in heapq.merge(in_threads, others, key=lambda message: message[0]))

    def _message(self, comment: ExportedComment) -> Row:
        return {
            "id": self._comment_ids[comment.id],
            "task_id": self._task_ids[comment.task_id],
            "from_agent_id": self._agent_ids.get(comment.author, comment.author),
            "content": comment.body,
            "created_at": _text(comment.created_at),
            **({"kind": comment.kind} if comment.kind != "comment" else {}),
        }

    def _notification(self, here: ExportedNotification) -> Row:
        row = _origin(here.legacy) or {
            "id": self._notification_ids[here.id],
            "mentioned_agent_id": self._agent_ids[here.agent],
            "content": here.content,
            "delivered": False,
            "created_at": _text(here.created_at),
        }
        if here.delivered_at and not row.get("delivered"):
            return {**row, "delivered": True, "delivered_at": _text(here.delivered_at)}
        return row

    def _activities(self) -> Iterator[Row]:
        for line in self._board.activities:
            if _is_message(line):
                continue
            if (row := _origin(line.legacy)) is not None:
                yield row
            elif _is_work(line):
                yield self._activity(line)

    def _activity(self, line: ExportedActivity) -> Row:
        task = {} if line.task_id is None else {"task_id": self._task_ids.get(line.task_id, task_name(line.task_id))}
        return {
            "id": self._activity_ids[line.id],
            "type": line.kind,
            "agent_id": self._agent_ids.get(line.agent or "", line.agent),
            "message": line.message,
            "timestamp": _text(line.at),
            **task,
        }


def _ids(rows: Mapping[Any, Any], name: Any) -> dict[Any, Any]:
    """The id of each row there: the one it came with, else one of ours that nobody has."""
    came = {key: row["id"] for key, value in rows.items() if (row := _origin(value.legacy)) is not None}
    taken = set(map(str, came.values()))
    ids: dict[Any, Any] = {}
    for key, value in rows.items():
        ids[key] = came[key] if key in came else _free(name(value), taken)
        taken.add(str(ids[key]))
    return ids


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}.{number}"
    return free


def _origin(legacy: str | None) -> Row | None:
    """The row as it came from the old system; None for one that never was there."""
    if legacy is None:
        return None
    row: Row = json.loads(legacy)
    return row


def _is_message(line: ExportedActivity) -> bool:
    return line.legacy_id is not None and line.legacy_id.startswith(MESSAGE_KEY)


def _is_work(line: ExportedActivity) -> bool:
    """Not who joined, left or was paused, for which the old history has no words, nor what the import noted."""
    is_noted_failure = line.kind == Outcome.FAILED and line.attempt is None
    return line.kind != IMPORTED and not is_noted_failure and not line.kind.startswith(_OF_THE_SQUAD)


def _status_of(row: Row) -> Status:
    return STATUSES.get(row.get("status") or "inbox", Status.INBOX)


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        return instant_of(value)
    except InvalidInput:
        return None


def _text(moment: datetime) -> str:
    """As the old system wrote its times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
