"""What pages show of many tasks and attempts at once. Each read is bounded by a page or by a period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from mission_control.domain.attempt import Outcome
from mission_control.domain.history import Activity, Comment
from mission_control.domain.task import Status, Task
from mission_control.store.history import activity_of, comment_of
from mission_control.store.store import Store, instant
from mission_control.store.tasks import Filter, pattern, task_of

NEWEST = 2**62  # history is read from below this


class TimedEnd(NamedTuple):
    """An attempt that ended: when, how, and what it took. Null: unknown. A tuple, because there may be many."""

    ended_at: datetime
    agent: str
    outcome: Outcome
    error: str | None
    queue_wait_seconds: float | None
    duration_seconds: float | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None


@dataclass(frozen=True)
class Bar:
    """An attempt as a bar on the axis of time; `ended_at` and `outcome` null: live."""

    task_id: int
    number: int
    title: str
    agent: str
    claimed_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None


def column(store: Store, status: Status, wanted: Filter, *, limit: int) -> list[Task]:
    """The first tasks of a column: the inbox in the order of the queue, others newest first."""
    parameters = {**_wanted(status, wanted), "limit": limit}
    if status is Status.INBOX:
        return [task_of(row) for row in store.rows("overview.column_in_turn", **parameters)]
    return [task_of(row) for row in store.rows("overview.column_newest", **parameters)]


def count(store: Store, status: Status, wanted: Filter) -> int:
    """How many tasks a filter leaves of a column. Looks at each of them."""
    row = store.row("overview.count", **_wanted(status, wanted))
    assert row is not None
    return int(row["tasks"])


def _wanted(status: Status, wanted: Filter) -> dict[str, str | None]:
    return {
        "status": status,
        "priority": wanted.priority,
        "search": pattern(wanted.search),
        "agent": wanted.agent,
    }


def neighbours(store: Store, task_id: int) -> tuple[int | None, int | None]:
    """The ids of the tasks before and after this one."""
    row = store.row("overview.neighbours", id=task_id)
    assert row is not None
    return row["before"], row["after"]


def ended_between(store: Store, since: datetime, until: datetime) -> Iterator[TimedEnd]:
    """What ended in the period, in no order."""
    outcomes = {outcome.value: outcome for outcome in Outcome}
    for row in store.rows("overview.ended_between", since=since, until=until):
        row["ended_at"] = instant(row["ended_at"])
        row["outcome"] = outcomes[row["outcome"]]
        yield TimedEnd(**row)


def outcomes_by_agent(store: Store, since: datetime) -> dict[str, dict[Outcome, int]]:
    """How the attempts that ended since then ended, by agent."""
    found: dict[str, dict[Outcome, int]] = {}
    for row in store.rows("overview.outcomes_by_agent", since=since):
        found.setdefault(row["agent"], {})[Outcome(row["outcome"])] = row["attempts"]
    return found


def bars(store: Store, since: datetime, agent: str | None, *, limit: int) -> list[Bar]:
    """Attempts that touch the time since then, the newest first."""
    found = []
    for row in store.rows("overview.bars", since=since, agent=agent, limit=limit):
        claimed_at = instant(row["claimed_at"])
        assert claimed_at is not None
        bar = Bar(
            task_id=row["task_id"],
            number=row["number"],
            title=row["title"],
            agent=row["agent"],
            claimed_at=claimed_at,
            ended_at=instant(row["ended_at"]),
            outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        )
        found.append(bar)
    return found


def activities_before(
    store: Store, before_id: int = NEWEST, *, agent: str | None, kind: str | None, limit: int
) -> list[Activity]:
    """A page of history, newest first."""
    rows = store.rows("overview.activities_before", before_id=before_id, agent=agent, kind=kind, limit=limit)
    return [activity_of(row) for row in rows]


def last_activity(store: Store) -> int:
    """The id of the newest line of history; 0 when there is none."""
    row = store.row("overview.last_activity")
    assert row is not None
    return int(row["id"] or 0)


def open_questions(store: Store, *, limit: int) -> list[Comment]:
    """What agents asked and nobody answered, the longest waiting first."""
    return [comment_of(row) for row in store.rows("overview.open_questions", limit=limit)]
