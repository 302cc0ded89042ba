"""Attempts in the store. Every write by an executor carries (attempt, token) and changes nothing when that is stale."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mission_control.domain.attempt import Attempt, Ending, Outcome, ProcessIdentity
from mission_control.domain.parting import Kind, Parting
from mission_control.store.store import Row, Store, instant

if TYPE_CHECKING:
    from mission_control.domain.statistics import EndedAttempt


@dataclass(frozen=True)
class Lease:
    """What an executor shows with every write: which attempt it is, and the token it was given."""

    task_id: int
    number: int
    token: int


@dataclass(frozen=True)
class LeaseState:
    """The answer to a valid lease."""

    cancel_requested: bool  # or its agent has parted from it, but does not end


@dataclass(frozen=True)
class Ended:
    """Whose attempt has ended, and whether its agent had parted from it."""

    agent: str
    parting: Parting | None


def claim(
    store: Store,
    task_id: int,
    *,
    token: int,
    agent: str,
    host: str,
    claimer: ProcessIdentity,
    executor: ProcessIdentity | None,
    now: datetime,
    lease_expires_at: datetime,
    queue_wait_seconds: float,
) -> int:
    """Insert the next attempt and return its number. The schema refuses a second live one.

    With an `executor` it starts at once.
    """
    row = store.row(
        "attempt.claim",
        task_id=task_id,
        token=token,
        agent=agent,
        host=host,
        claimer_pid=claimer.pid,
        claimer_started=claimer.started,
        claimer_boot=claimer.boot,
        pid=executor and executor.pid,
        pid_started=executor and executor.started,
        pid_boot=executor and executor.boot,
        now=now,
        started_at=executor and now,
        lease_expires_at=lease_expires_at,
        queue_wait_seconds=queue_wait_seconds,
    )
    assert row is not None
    return int(row["number"])


def start(
    store: Store, lease: Lease, executor: ProcessIdentity, *, now: datetime, lease_expires_at: datetime
) -> LeaseState | None:
    """Note who executes; None when the lease was lost or another executor has started."""
    row = store.row(
        "attempt.start",
        task_id=lease.task_id,
        number=lease.number,
        token=lease.token,
        pid=executor.pid,
        pid_started=executor.started,
        pid_boot=executor.boot,
        now=now,
        lease_expires_at=lease_expires_at,
    )
    return _lease_state(row)


def renew(store: Store, lease: Lease, *, lease_expires_at: datetime, parted_before: datetime) -> LeaseState | None:
    """Prolong the lease; None when it was lost. An agent that parted before then has had time enough to end."""
    row = store.row(
        "attempt.renew",
        task_id=lease.task_id,
        number=lease.number,
        token=lease.token,
        lease_expires_at=lease_expires_at,
        parted_before=parted_before,
    )
    return _lease_state(row)


def finish(store: Store, lease: Lease, ending: Ending, *, now: datetime) -> Ended | None:
    """End the attempt; None when the lease was lost or the end is recorded already."""
    row = store.row(
        "attempt.finish",
        task_id=lease.task_id,
        number=lease.number,
        token=lease.token,
        now=now,
        outcome=ending.outcome,
        exit_code=ending.exit_code,
        signal=ending.signal,
        error=ending.error,
        duration_seconds=ending.duration_seconds,
        tokens_in=ending.tokens_in,
        tokens_out=ending.tokens_out,
        cost_usd=ending.cost_usd,
        answer=ending.answer,
        session=ending.session,
    )
    if row is None:
        return None
    return Ended(row["agent"], Parting(Kind(row["parting"]), row["parting_note"]) if row["parting"] else None)


def get(store: Store, task_id: int, number: int) -> Attempt | None:
    row = store.row("attempt.get", task_id=task_id, number=number)
    return None if row is None else _attempt(row)


def of_task(store: Store, task_id: int) -> list[Attempt]:
    return [_attempt(row) for row in store.rows("attempt.of_task", task_id=task_id)]


def live_of_task(store: Store, task_id: int) -> Attempt | None:
    row = store.row("attempt.live_of_task", task_id=task_id)
    return None if row is None else _attempt(row)


def live(store: Store) -> list[Attempt]:
    """All live attempts, oldest claim first."""
    return [_attempt(row) for row in store.rows("attempt.live")]


def live_counts(store: Store) -> list[tuple[str, str, int]]:
    """(agent, host, live attempts) for each pair that has any."""
    return [(row["agent"], row["host"], row["live"]) for row in store.rows("attempt.live_counts")]


def ended_since(store: Store, since: datetime, agent: str | None) -> Iterable[EndedAttempt]:
    """What ended since then, by the index of ends; bounded by the period alone."""
    from mission_control.domain.statistics import EndedAttempt

    outcomes = {outcome.value: outcome for outcome in Outcome}
    for row in store.rows("attempt.ended_since", since=since, agent=agent):
        row["outcome"] = outcomes[row["outcome"]]
        yield EndedAttempt(**row)


def outcomes(store: Store) -> dict[Outcome, int]:
    """How many attempts have ended how, over all time. Reads every attempt once."""
    return {Outcome(row["outcome"]): row["attempts"] for row in store.rows("attempt.outcomes")}


def _lease_state(row: Row | None) -> LeaseState | None:
    return None if row is None else LeaseState(cancel_requested=row["cancel_requested_at"] is not None)


def _attempt(row: Row) -> Attempt:
    claimed_at, lease_expires_at = instant(row["claimed_at"]), instant(row["lease_expires_at"])
    assert claimed_at is not None and lease_expires_at is not None
    started = row["pid"] is not None
    return Attempt(
        task_id=row["task_id"],
        number=row["number"],
        token=row["token"],
        agent=row["agent"],
        host=row["host"],
        claimer=ProcessIdentity(row["claimer_pid"], row["claimer_started"], row["claimer_boot"]),
        executor=ProcessIdentity(row["pid"], row["pid_started"], row["pid_boot"]) if started else None,
        claimed_at=claimed_at,
        started_at=instant(row["started_at"]),
        lease_expires_at=lease_expires_at,
        ended_at=instant(row["ended_at"]),
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        exit_code=row["exit_code"],
        signal=row["signal"],
        error=row["error"],
        queue_wait_seconds=row["queue_wait_seconds"],
        duration_seconds=row["duration_seconds"],
        tokens_in=row["tokens_in"],
        tokens_out=row["tokens_out"],
        cost_usd=row["cost_usd"],
        answer=row["answer"],
        session=row["session"],
        progress=row["progress"],
        progress_percent=row["progress_percent"],
        progress_at=instant(row["progress_at"]),
        has_parted=row["parting"] is not None,
    )
