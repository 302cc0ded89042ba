"""What a resident process asks of the store at every turn, for all agents at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mission_control.store.store import Store, instant


@dataclass(frozen=True)
class DueHeartbeat:
    """An agent whose heartbeat is due since `planned_at`."""

    agent: str
    schedule: str
    planned_at: datetime


@dataclass(frozen=True)
class Able:
    """An agent with something in its queue and a slot free."""

    agent: str
    slots: int
    live: int


def next_instant(store: Store, now: datetime) -> datetime | None:
    """When time alone gives something to do next; null: never, as it stands."""
    row = store.row("dispatch.next_instant", now=now)
    assert row is not None
    instants = map(instant, row.values())
    return min((at for at in instants if at is not None), default=None)


def is_routine_due(store: Store, now: datetime) -> bool:
    """Whether something is to be decided about a slot of any routine."""
    return store.row("dispatch.is_routine_due", now=now) is not None


def due(store: Store, host: str, now: datetime) -> list[DueHeartbeat]:
    """The heartbeats that are due on this machine, the longest waiting first."""
    found = []
    for row in store.rows("dispatch.due", host=host, now=now):
        planned_at = instant(row["next_heartbeat_at"])
        assert planned_at is not None
        found.append(DueHeartbeat(row["name"], row["schedule"], planned_at))
    return found


def wake_due(store: Store, *, now: datetime, latest_backoff: datetime) -> None:
    """Put all tasks whose wait has passed into their queues. Backoffs beyond `latest_backoff` are void."""
    if store.row("dispatch.some_wait_is_over", now=now, latest_backoff=latest_backoff):
        store.rows("task.forgive_stale_backoffs", latest_backoff=latest_backoff)
        store.rows("dispatch.wake_due", now=now)


def able(store: Store, host: str) -> list[Able]:
    """Who could claim something on this machine, by name; nobody while the mission is paused."""
    return [Able(row["name"], row["slots"], row["live"]) for row in store.rows("dispatch.able", host=host)]


def live_here(store: Store, host: str) -> int:
    """Live attempts of this machine."""
    row = store.row("dispatch.live_here", host=host)
    assert row is not None
    return int(row["live"])
