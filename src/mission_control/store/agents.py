"""Agents in the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mission_control.domain.agent import Agent
from mission_control.store.store import Row, Store, instant


@dataclass(frozen=True)
class Beat:
    """What a heartbeat's one statement found."""

    paused: bool  # it, or the whole mission
    has_work: bool  # something is ready, or its wait has passed
    has_room: bool  # not all its slots are in use
    has_live: bool  # somebody's attempt is live, so there may be something to recover
    waiting: int  # tasks of the agent in the inbox
    schedule: str
    next_heartbeat_at: datetime | None  # as it was planned; in the past when the heartbeat was due


def get(store: Store, name: str) -> Agent | None:
    return _maybe(store.row("agent.get", name=name))


def lock(store: Store, name: str) -> Agent | None:
    """The agent, for whom nobody else claims until this transaction ends."""
    return _maybe(store.row("agent.lock", name=name))


def share(store: Store, name: str) -> Agent | None:
    """The agent, whom nobody removes until this transaction ends."""
    return _maybe(store.row("agent.share", name=name))


def by_legacy_id(store: Store, legacy_id: str) -> Agent | None:
    return _maybe(store.row("agent.by_legacy_id", legacy_id=legacy_id))


def listed(store: Store) -> list[Agent]:
    """All but the removed, by name."""
    return [_agent(row) for row in store.rows("agent.list")]


def count_ever(store: Store) -> int:
    """How many there ever were: the position of the next one in the stagger."""
    row = store.row("agent.count_ever")
    assert row is not None
    return int(row["agents"])


def due(store: Store, now: datetime) -> list[str]:
    """Names of agents whose heartbeat is due, the longest waiting first."""
    return [row["name"] for row in store.rows("agent.due", now=now)]


def insert(store: Store, agent: Agent) -> None:
    store.rows(
        "agent.insert",
        name=agent.name,
        role=agent.role,
        runner=agent.runner,
        model=agent.model,
        slots=agent.slots,
        schedule=agent.schedule,
        host=agent.host,
        review=agent.review,
        paused=agent.paused,
        next_heartbeat_at=agent.next_heartbeat_at,
        legacy_id=agent.legacy_id,
        now=agent.created_at,
    )


def update(store: Store, agent: Agent, *, now: datetime) -> None:
    """Write everything that may change in an agent."""
    store.rows(
        "agent.update",
        name=agent.name,
        role=agent.role,
        runner=agent.runner,
        model=agent.model,
        slots=agent.slots,
        schedule=agent.schedule,
        host=agent.host,
        review=agent.review,
        paused=agent.paused,
        removed=agent.removed,
        next_heartbeat_at=agent.next_heartbeat_at,
        now=now,
    )


def beat(store: Store, name: str, *, now: datetime, latest_backoff: datetime) -> Beat | None:
    """Mark the heartbeat and look for work, in one indexed statement; None when there is no such agent."""
    row = store.row("agent.beat", name=name, now=now, latest_backoff=latest_backoff)
    if row is None:
        return None
    has_work = row["has_ready"] or row["has_waking"] or row["has_stale_backoff"]
    return Beat(
        paused=bool(row["paused"]),
        has_work=bool(has_work),
        has_room=bool(row["has_room"]),
        has_live=bool(row["has_live"]),
        waiting=int(row["waiting"]),
        schedule=row["schedule"],
        next_heartbeat_at=instant(row["next_heartbeat_at"]),
    )


def mark_heartbeat(store: Store, name: str, now: datetime) -> None:
    """Note that the agent was woken up, by work that arrived and not by its schedule."""
    store.rows("agent.mark_heartbeat", name=name, now=now)


def schedule_next(store: Store, name: str, next_heartbeat_at: datetime) -> None:
    store.rows("agent.schedule_next", name=name, next_heartbeat_at=next_heartbeat_at)


@dataclass(frozen=True)
class Load:
    """What is live, and whether anybody may start anything."""

    of_agent: int
    of_machine: int
    mission_paused: bool


def load(store: Store, name: str, host: str) -> Load:
    """How busy the agent and the machine are."""
    row = store.row("agent.load", name=name, host=host)
    assert row is not None
    return Load(int(row["of_agent"]), int(row["of_machine"]), bool(row["mission_paused"]))


def live_of_runner(store: Store, runner: str) -> int:
    """Live attempts of all agents with this runner, on all machines."""
    row = store.row("agent.live_of_runner", runner=runner)
    assert row is not None
    return int(row["live"])


def open_tasks(store: Store, name: str) -> list[int]:
    """Unfinished tasks that name this agent."""
    return [row["id"] for row in store.rows("agent.open_tasks", name=name)]


def _maybe(row: Row | None) -> Agent | None:
    return None if row is None else _agent(row)


def _agent(row: Row) -> Agent:
    created_at, updated_at = instant(row["created_at"]), instant(row["updated_at"])
    assert created_at is not None and updated_at is not None
    return Agent(
        name=row["name"],
        role=row["role"],
        runner=row["runner"],
        model=row["model"],
        slots=row["slots"],
        schedule=row["schedule"],
        host=row["host"],
        review=bool(row["review"]),
        paused=bool(row["paused"]),
        removed=bool(row["removed"]),
        next_heartbeat_at=instant(row["next_heartbeat_at"]),
        last_heartbeat_at=instant(row["last_heartbeat_at"]),
        legacy_id=row["legacy_id"],
        created_at=created_at,
        updated_at=updated_at,
    )
