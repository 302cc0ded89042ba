"""One try at a task: how it is identified, how it can end, and what its end means for the task."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from mission_control.domain.retry import RetryPolicy
from mission_control.domain.task import Event, Task, task_name


class Outcome(StrEnum):
    """How an attempt ended. Exactly one for each attempt."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    LOST = "lost"  # its executor is gone and left no exit file
    RELEASED = "released"  # given back unharmed (shutdown); does not count
    CANCELLED = "cancelled"


COUNTED = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST})


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    started: str  # start time as the system gives it; opaque, compared for equality
    boot: str  # changes at every boot


@dataclass(frozen=True)
class Ending:
    """What the executor (or whoever found it dead) says about how an attempt ended."""

    outcome: Outcome
    exit_code: int | None = None  # of the runner's process; null when a signal ended it
    signal: int | None = None
    error: str | None = None  # one sentence for people; null on success
    duration_seconds: float | None = None  # start to end of the runner, monotonic
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    answer: str | None = None  # of an agent that thinks: the last it said
    session: str | None = None  # by which its program knows the conversation, to go on with it
    question: str | None = None  # it cannot go on before a person answers this; with `released`
    retry_at: datetime | None = None  # when a rate limit is over; with `released`


@dataclass(frozen=True)
class Attempt:
    """One try at one task. `executor` is null until it has started, `outcome` while it is live."""

    task_id: int
    number: int
    token: int
    agent: str
    host: str
    claimer: ProcessIdentity
    executor: ProcessIdentity | None
    claimed_at: datetime
    started_at: datetime | None
    lease_expires_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None
    exit_code: int | None
    signal: int | None
    error: str | None
    queue_wait_seconds: float | None
    duration_seconds: float | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    answer: str | None
    session: str | None
    progress: str | None = None  # the last that its agent said
    progress_percent: int | None = None
    progress_at: datetime | None = None
    has_parted: bool = False  # its agent has asked or handed the task on; see domain/parting.py

    @property
    def name(self) -> str:
        """The id as people see it, e.g. `T-12/2`."""
        return attempt_name(self.task_id, self.number)

    @property
    def is_live(self) -> bool:
        return self.ended_at is None


def attempt_name(task_id: int, number: int) -> str:
    """`T-12/2` for the second attempt at task 12."""
    return f"{task_name(task_id)}/{number}"


@dataclass(frozen=True)
class Verdict:
    """What an attempt's end means for its task."""

    event: Event
    failures: int
    retry_at: datetime | None = None
    reason: str | None = None


def judge(task: Task, ending: Ending, *, policy: RetryPolicy, now: datetime, jitter: float) -> Verdict:
    """What becomes of `task` when its live attempt ends like this.

    Lost and timed-out attempts count as failures, released ones do not. A task whose cancellation was
    asked for is not tried again, but work that was finished before the executor could stop stays finished.
    An open question blocks the task until it is answered; a rate limit is waited for, in steps of the longest backoff.
    """
    match ending.outcome:
        case Outcome.SUCCEEDED:
            return Verdict(Event.SUBMIT if task.review else Event.SUCCEED, task.failures)
        case Outcome.CANCELLED:
            return Verdict(Event.CANCEL, task.failures, reason="cancelled while it was running")
        case Outcome.RELEASED:
            if task.cancel_requested_at is not None:
                return Verdict(Event.CANCEL, task.failures, reason="cancelled while it was running")
            if ending.question is not None:
                return Verdict(Event.BLOCK, task.failures, reason=f"asks: {ending.question}")
            retry_at = ending.retry_at and min(ending.retry_at, now + policy.ceiling)
            return Verdict(Event.REQUEUE, task.failures, retry_at=retry_at, reason=ending.error)
        case Outcome.FAILED | Outcome.TIMED_OUT | Outcome.LOST:
            return _after_failure(task, ending, policy=policy, now=now, jitter=jitter)
    assert_never(ending.outcome)


def _after_failure(task: Task, ending: Ending, *, policy: RetryPolicy, now: datetime, jitter: float) -> Verdict:
    failures = task.failures + 1
    error = ending.error or str(ending.outcome)
    if task.cancel_requested_at is not None:
        return Verdict(Event.CANCEL, failures, reason=error)
    if failures >= task.max_attempts:
        tries = "1 attempt" if failures == 1 else f"{failures} attempts"
        return Verdict(Event.BLOCK, failures, reason=f"{tries} failed, the last: {error}")
    return Verdict(Event.REQUEUE, failures, retry_at=now + policy.wait(failures, jitter), reason=error)
