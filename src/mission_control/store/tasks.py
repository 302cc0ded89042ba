"""Tasks in the store: read as domain objects, changed one guarded statement at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mission_control.domain.readiness import Predecessor
from mission_control.domain.task import Kind, Priority, Status, Task
from mission_control.store.store import Row, Store, instant

NO_ID_BEFORE = 2**62  # lists start below this
NOTHING_BEFORE = (-(2**62), 0)  # the queue starts behind this rank and id


@dataclass(frozen=True)
class Filter:
    """Which tasks a list shows; null: all."""

    status: Status | None = None
    agent: str | None = None
    search: str | None = None
    priority: Priority | None = None  # asked by columns alone


def get(store: Store, task_id: int) -> Task | None:
    return _maybe(store.row("task.get", id=task_id))


def lock(store: Store, task_id: int) -> Task | None:
    """The task, which nobody else moves until this transaction ends."""
    return _maybe(store.row("task.lock", id=task_id))


def by_key(store: Store, key: str) -> Task | None:
    return _maybe(store.row("task.by_key", key=key))


def by_legacy_id(store: Store, legacy_id: str) -> Task | None:
    return _maybe(store.row("task.by_legacy_id", legacy_id=legacy_id))


def wake_due(store: Store, agent: str, *, now: datetime, latest_backoff: datetime) -> None:
    """Put tasks whose wait has passed into the agent's queue. Backoffs beyond `latest_backoff` are void."""
    if store.row("task.some_wait_is_over", agent=agent, now=now, latest_backoff=latest_backoff):
        store.rows("task.forgive_stale_backoffs", latest_backoff=latest_backoff)
        store.rows("task.wake_due", agent=agent, now=now)


def ready(store: Store, agent: str, *, now: datetime, limit: int) -> list[Task]:
    """The first `limit` tasks of the agent's queue, locked against other claims."""
    return [_task(row) for row in store.rows("task.ready", agent=agent, now=now, limit=limit)]


def startable(store: Store, agent: str, *, now: datetime, latest_backoff: datetime, limit: int) -> list[Task]:
    """The first `limit` tasks that `wake_due` and `ready` would give the agent now, without locks or changes."""
    found = [
        *store.rows("task.queued", agent=agent, now=now, limit=limit),
        *store.rows("task.waking", agent=agent, now=now, limit=limit),
        *store.rows("task.forgivable", agent=agent, now=now, latest_backoff=latest_backoff, limit=limit),
    ]
    return sorted((_task(row) for row in found), key=lambda task: (task.rank, task.id))[:limit]


def insert(store: Store, task: Task, *, legacy: str | None = None) -> None:
    """A new row; assignments and dependencies are added apart."""
    store.rows(
        "task.insert",
        id=task.id,
        title=task.title,
        description=task.description,
        status=task.status,
        priority=task.priority,
        kind=task.kind,
        command=task.command,
        max_attempts=task.max_attempts,
        timeout_seconds=task.timeout_seconds,
        review=task.review,
        not_before=task.not_before,
        failures=task.failures,
        rank=task.rank,
        reason=task.reason,
        key=task.key,
        legacy_id=task.legacy_id,
        legacy=legacy,
        created_at=task.created_at,
        updated_at=task.updated_at,
        parent_id=task.parent_id,
    )
    assign(store, task.id, task.agents)


def move(store: Store, moved: Task, *, from_status: Status, now: datetime) -> bool:
    """Write the new status and all that goes with it; False when it no longer stood at `from_status`."""
    return store.changes(
        "task.move",
        id=moved.id,
        status=moved.status,
        failures=moved.failures,
        retry_at=moved.retry_at,
        not_before=moved.not_before,
        reason=moved.reason,
        token=moved.token,
        cancel_requested_at=moved.cancel_requested_at,
        from_status=from_status,
        now=now,
    )


def edit(store: Store, task: Task, *, now: datetime) -> None:
    """Write everything a person may change, but the agents."""
    store.rows(
        "task.edit",
        id=task.id,
        title=task.title,
        description=task.description,
        priority=task.priority,
        command=task.command,
        max_attempts=task.max_attempts,
        timeout_seconds=task.timeout_seconds,
        review=task.review,
        not_before=task.not_before,
        retry_at=task.retry_at,
        rank=task.rank,
        now=now,
    )


def request_cancel(store: Store, task_id: int, *, now: datetime) -> None:
    store.rows("task.request_cancel", id=task_id, now=now)


def delete(store: Store, task_id: int) -> None:
    store.rows("task.delete", id=task_id)


def assign(store: Store, task_id: int, agents: Sequence[str]) -> None:
    for position, agent in enumerate(agents):
        store.rows("task.assign", task_id=task_id, agent=agent, position=position)


def unassign_all(store: Store, task_id: int) -> None:
    store.rows("task.unassign_all", task_id=task_id)


def add_dependency(store: Store, task_id: int, after_id: int) -> None:
    store.rows("task.add_dependency", task_id=task_id, after_id=after_id)


def remove_dependency(store: Store, task_id: int, after_id: int) -> bool:
    """False when there was none."""
    return store.row("task.remove_dependency", task_id=task_id, after_id=after_id) is not None


def waits_for(store: Store, from_id: int, to_id: int) -> bool:
    """Whether `from_id` waits, over any number of steps, for `to_id`."""
    return store.row("task.waits_for", from_id=from_id, to_id=to_id) is not None


def predecessors(store: Store, task_id: int) -> list[Predecessor]:
    rows = store.rows("task.predecessors", id=task_id)
    return [Predecessor(row["id"], Status(row["status"])) for row in rows]


def unfinished_predecessors(store: Store, task: Task) -> list[Predecessor]:
    """Those that are not done; asks the store only when the counter says there are any."""
    if task.unmet == 0:
        return []
    return [p for p in predecessors(store, task.id) if p.status is not Status.DONE]


def successors(store: Store, task_id: int) -> list[int]:
    return [row["id"] for row in store.rows("task.successors", id=task_id)]


def listed(store: Store, wanted: Filter, *, limit: int, before_id: int = NO_ID_BEFORE) -> list[Task]:
    """Tasks of any status, newest first."""
    rows = store.rows(
        "task.list",
        before_id=before_id,
        status=wanted.status,
        search=_pattern(wanted.search),
        agent=wanted.agent,
        limit=limit,
    )
    return [_task(row) for row in rows]


def listed_open(store: Store, wanted: Filter, *, limit: int, after: tuple[int, int] = NOTHING_BEFORE) -> list[Task]:
    """Unfinished tasks in the order in which they would be taken, from behind the one of this rank and id."""
    rows = store.rows(
        "task.list_open",
        search=_pattern(wanted.search),
        agent=wanted.agent,
        after_rank=after[0],
        after_id=after[1],
        limit=limit,
    )
    return [_task(row) for row in rows]


def queue(store: Store, agent: str, limit: int) -> list[Task]:
    """Inbox tasks of one agent in queue order, ready or not."""
    return [_task(row) for row in store.rows("task.queue", agent=agent, limit=limit)]


def column(store: Store, status: Status, wanted: Filter, *, limit: int) -> list[Task]:
    """The first tasks of a column: the inbox in the order of the queue, others with the latest move first."""
    order = "in_turn" if status is Status.INBOX else "latest"
    return [_task(row) for row in store.rows(f"overview.column_{order}", **_column(status, wanted), limit=limit)]


def count(store: Store, status: Status, wanted: Filter) -> int:
    """How many tasks a filter leaves of a column. Looks at each of them."""
    row = store.row("overview.count", **_column(status, wanted))
    assert row is not None
    return int(row["tasks"])


def _column(status: Status, wanted: Filter) -> dict[str, str | None]:
    search = _pattern(wanted.search)
    return {"status": status, "priority": wanted.priority, "search": search, "agent": wanted.agent}


def neighbours(store: Store, task_id: int) -> tuple[int | None, int | None]:
    """The ids of the tasks before and after this one."""
    row = store.row("overview.neighbours", id=task_id)
    assert row is not None
    return row["before"], row["after"]


def counts(store: Store) -> dict[Status, int]:
    """Number of tasks in each status; every status is there."""
    return {Status(row["status"]): row["tasks"] for row in store.rows("task.counts")}


def counts_by_agent(store: Store, agent: str | None) -> dict[str, dict[Status, int]]:
    """Number of tasks that name an agent, by agent and status; of one agent alone if named. Looks at every task."""
    found: dict[str, dict[Status, int]] = {}
    for row in store.rows("task.counts_by_agent", agent=agent):
        found.setdefault(row["agent"], {})[Status(row["status"])] = row["tasks"]
    return found


def count_waiting(store: Store, agent: str) -> int:
    """Tasks of the agent that are in the inbox."""
    row = store.row("task.count_waiting", agent=agent)
    assert row is not None
    return int(row["tasks"])


def _pattern(search: str | None) -> str | None:
    if search is None:
        return None
    escaped = search.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _maybe(row: Row | None) -> Task | None:
    return None if row is None else _task(row)


def _task(row: Row) -> Task:
    created_at, updated_at = instant(row["created_at"]), instant(row["updated_at"])
    assert created_at is not None and updated_at is not None
    return Task(
        id=row["id"],
        title=row["title"],
        description=row["description"],
        status=Status(row["status"]),
        priority=Priority(row["priority"]),
        kind=Kind(row["kind"]),
        command=row["command"],
        max_attempts=row["max_attempts"],
        timeout_seconds=row["timeout_seconds"],
        review=bool(row["review"]),
        not_before=instant(row["not_before"]),
        retry_at=instant(row["retry_at"]),
        failures=row["failures"],
        token=row["token"],
        unmet=row["unmet"],
        rank=row["rank"],
        reason=row["reason"],
        key=row["key"],
        legacy_id=row["legacy_id"],
        cancel_requested_at=instant(row["cancel_requested_at"]),
        created_at=created_at,
        updated_at=updated_at,
        agents=tuple(row["agents"].split(",")) if row["agents"] else (),
        after=tuple(int(text) for text in row["after"].split(",")) if row["after"] else (),
        parent_id=row["parent_id"],
    )
