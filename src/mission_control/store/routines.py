"""Routines in the store, and the slots that have made tasks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mission_control.domain.routine import CatchUp, Overlap, Routine, routine_name
from mission_control.domain.task import Priority, Status, task_name
from mission_control.store.store import Row, Store, instant


@dataclass(frozen=True)
class Made:
    """A task that a routine has made; `slot_at` null: a person wanted it at once."""

    task_id: int
    title: str
    status: Status
    slot_at: datetime | None
    made_at: datetime

    @property
    def name(self) -> str:
        return task_name(self.task_id)


@dataclass(frozen=True)
class Maker:
    """The routine that made a task, and for which slot."""

    routine_id: int
    title: str
    slot_at: datetime | None

    @property
    def name(self) -> str:
        return routine_name(self.routine_id)


def get(store: Store, routine_id: int) -> Routine | None:
    return _maybe(store.row("routine.get", id=routine_id))


def lock(store: Store, routine_id: int) -> Routine | None:
    """The routine, about whose slots nobody else decides until this transaction ends."""
    return _maybe(store.row("routine.lock", id=routine_id))


def lock_due(store: Store, routine_id: int, now: datetime) -> Routine | None:
    """The same while there is something to decide; null when somebody else is just at it, or was faster."""
    return _maybe(store.row("routine.lock_due", id=routine_id, now=now))


def due(store: Store, now: datetime) -> list[int]:
    """The routines about which something is to be decided now."""
    return [row["id"] for row in store.rows("routine.due", now=now)]


def listed(store: Store) -> list[Routine]:
    return [_routine(row) for row in store.rows("routine.list")]


def next_one(store: Store) -> Routine | None:
    """The routine whose slot comes first."""
    return _maybe(store.row("routine.next"))


def insert(store: Store, routine: Routine) -> int:
    """A new row, whose number the database chooses."""
    row = store.row("routine.insert", **_content(routine), now=routine.created_at)
    assert row is not None
    return int(row["id"])


def update(store: Store, routine: Routine, *, now: datetime) -> None:
    store.rows(
        "routine.update",
        id=routine.id,
        **_content(routine),
        paused=routine.paused,
        removed=routine.removed,
        fault=routine.fault,
        now=now,
    )


def plan(store: Store, routine_id: int, *, next_at: datetime | None, now: datetime, fault: str | None) -> None:
    """Note that everything before `next_at` is decided."""
    planned_at = None if next_at is None else now
    store.rows("routine.plan", id=routine_id, next_at=next_at, planned_at=planned_at, fault=fault)


def is_taken(store: Store, routine_id: int, slot_at: datetime) -> bool:
    """Whether this slot has made a task, be it deleted since."""
    return store.row("routine.slot", id=routine_id, slot_at=slot_at) is not None


def take(store: Store, routine_id: int, slot_at: datetime | None, *, task_id: int, now: datetime) -> None:
    """Note which task a slot has made; the database refuses a second one."""
    store.rows("routine.take_slot", id=routine_id, slot_at=slot_at, task_id=task_id, made_at=now)


def unfinished(store: Store, routine_id: int) -> tuple[int, Status] | None:
    """The newest of its tasks that still waits or runs."""
    row = store.row("routine.unfinished", id=routine_id)
    return None if row is None else (row["id"], Status(row["status"]))


def made(store: Store, routine_id: int, *, limit: int) -> list[Made]:
    """Its newest tasks, newest first."""
    found = []
    for row in store.rows("routine.made", id=routine_id, limit=limit):
        made_at = instant(row["made_at"])
        assert made_at is not None
        found.append(Made(row["id"], row["title"], Status(row["status"]), instant(row["slot_at"]), made_at))
    return found


def maker(store: Store, task_id: int) -> Maker | None:
    """Null when no routine has made the task."""
    row = store.row("routine.maker", task_id=task_id)
    return None if row is None else Maker(row["routine_id"], row["title"], instant(row["slot_at"]))


def _content(routine: Routine) -> Row:
    return {
        "title": routine.title,
        "description": routine.description,
        "command": routine.command,
        "agents": ",".join(routine.agents),
        "priority": routine.priority,
        "max_attempts": routine.max_attempts,
        "timeout_seconds": routine.timeout_seconds,
        "review": routine.review,
        "schedule": routine.schedule,
        "catch_up": routine.catch_up,
        "overlap": routine.overlap,
        "next_at": routine.next_at,
        "planned_at": routine.planned_at,
    }


def _maybe(row: Row | None) -> Routine | None:
    return None if row is None else _routine(row)


def _routine(row: Row) -> Routine:
    created_at, updated_at = instant(row["created_at"]), instant(row["updated_at"])
    assert created_at is not None and updated_at is not None
    return Routine(
        id=row["id"],
        title=row["title"],
        description=row["description"],
        command=row["command"],
        agents=tuple(row["agents"].split(",")),
        priority=Priority(row["priority"]),
        max_attempts=row["max_attempts"],
        timeout_seconds=row["timeout_seconds"],
        review=bool(row["review"]),
        schedule=row["schedule"],
        catch_up=CatchUp(row["catch_up"]),
        overlap=Overlap(row["overlap"]),
        paused=bool(row["paused"]),
        removed=bool(row["removed"]),
        next_at=instant(row["next_at"]),
        planned_at=instant(row["planned_at"]),
        fault=row["fault"],
        created_at=created_at,
        updated_at=updated_at,
    )
