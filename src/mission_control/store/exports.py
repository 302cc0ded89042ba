"""The board as rows for an export: what the old system would know of it, with the JSON that imported rows came with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mission_control.store.store import Row, Store, instant

ALL = 2**62  # lines of history: more than there ever are


@dataclass(frozen=True)
class ExportedAgent:
    """An agent; `has_worked`: it ever tried a task here."""

    name: str
    role: str
    paused: bool
    removed: bool
    has_worked: bool
    current_task_id: int | None
    legacy_id: str | None
    legacy: str | None


@dataclass(frozen=True)
class ExportedTask:
    """A task with what its attempts say of it."""

    id: int
    title: str
    description: str
    status: str
    priority: str
    command: str | None
    failures: int
    reason: str | None
    agents: tuple[str, ...]
    after: tuple[int, ...]
    started_at: datetime | None
    last_error: str | None
    failed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    legacy_id: str | None
    legacy: str | None


@dataclass(frozen=True)
class ExportedComment:
    """One entry of a thread."""

    id: int
    task_id: int
    author: str
    body: str
    kind: str
    created_at: datetime
    legacy_id: str | None
    legacy: str | None


@dataclass(frozen=True)
class ExportedNotification:
    """A mention."""

    id: int
    agent: str
    content: str
    delivered_at: datetime | None
    created_at: datetime
    legacy_id: str | None
    legacy: str | None


@dataclass(frozen=True)
class ExportedActivity:
    """One line of history."""

    id: int
    at: datetime
    kind: str
    task_id: int | None
    attempt: int | None
    agent: str | None
    message: str
    legacy_id: str | None
    legacy: str | None


@dataclass(frozen=True)
class Exported:
    """Everything, in one state, each kind in the order in which it came."""

    agents: list[ExportedAgent]
    tasks: list[ExportedTask]
    comments: list[ExportedComment]
    notifications: list[ExportedNotification]
    activities: list[ExportedActivity]


def everything(store: Store, *, most_activities: int = ALL) -> Exported:
    """All rows; of the history the newest `most_activities`."""
    with store.snapshot():
        return Exported(
            agents=[_agent(row) for row in store.rows("export.agents")],
            tasks=[_task(row) for row in store.rows("export.tasks")],
            comments=[_typed(ExportedComment, row) for row in store.rows("export.comments")],
            notifications=[_typed(ExportedNotification, row) for row in store.rows("export.notifications")],
            activities=[
                _typed(ExportedActivity, row) for row in store.rows("export.activities", limit=most_activities)
            ],
        )


def newest_activity(store: Store) -> int:
    """The number of the last line of history; it grows with every change."""
    row = store.row("export.newest")
    assert row is not None
    return int(row["id"])


def _agent(row: Row) -> ExportedAgent:
    return ExportedAgent(
        name=row["name"],
        role=row["role"],
        paused=bool(row["paused"]),
        removed=bool(row["removed"]),
        has_worked=bool(row["has_worked"]),
        current_task_id=row["current_task_id"],
        legacy_id=row["legacy_id"],
        legacy=row["legacy"],
    )


def _task(row: Row) -> ExportedTask:
    agents = tuple(row["agents"].split(",")) if row["agents"] else ()
    after = tuple(map(int, row["after"].split(","))) if row["after"] else ()
    task: ExportedTask = _typed(ExportedTask, {**row, "agents": agents, "after": after})
    return task


def _typed(kind: Any, row: Row) -> Any:
    """The row as this class, its instants as instants."""
    return kind(**{name: instant(value) if name in _INSTANTS else value for name, value in row.items()})


_INSTANTS = frozenset({"at", "created_at", "updated_at", "delivered_at", "started_at", "failed_at"})
