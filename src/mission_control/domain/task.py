"""What a task is and the life it may lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mission_control.errors import IllegalMove


class Status(StrEnum):
    """Where a task stands. What only time or other tasks change is no status."""

    INBOX = "inbox"
    IN_PROGRESS = "in_progress"
    REVIEW = "review"
    DONE = "done"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What can happen to a task."""

    CLAIM = "claim"  # a heartbeat takes it
    SUCCEED = "succeed"  # the attempt succeeded
    SUBMIT = "submit"  # the attempt succeeded and a person should look
    REQUEUE = "requeue"  # failed, timed out, lost or released; tries are left
    BLOCK = "block"  # tries are used up, or a person's answer is needed
    CANCEL = "cancel"  # a person no longer wants it
    APPROVE = "approve"  # a person accepts the work
    REJECT = "reject"  # a person sends it back with a comment
    RETRY = "retry"  # a person wants another go; tries count from zero
    ANSWER = "answer"  # a person answered what the agent asked


# The life of a task. A move that is not written here is refused.
TRANSITIONS: Mapping[Status, Mapping[Event, Status]] = {
    Status.INBOX: {Event.CLAIM: Status.IN_PROGRESS, Event.CANCEL: Status.CANCELLED},
    Status.IN_PROGRESS: {
        Event.SUCCEED: Status.DONE,
        Event.SUBMIT: Status.REVIEW,
        Event.REQUEUE: Status.INBOX,
        Event.BLOCK: Status.BLOCKED,
        Event.CANCEL: Status.CANCELLED,
    },
    Status.REVIEW: {
        Event.APPROVE: Status.DONE,
        Event.REJECT: Status.INBOX,
        Event.CANCEL: Status.CANCELLED,
    },
    Status.BLOCKED: {
        Event.RETRY: Status.INBOX,
        Event.ANSWER: Status.INBOX,
        Event.CANCEL: Status.CANCELLED,
    },
    Status.DONE: {Event.RETRY: Status.INBOX},
    Status.CANCELLED: {Event.RETRY: Status.INBOX},
}


# What a person may do. The rest is what heartbeats and executors report.
BY_A_PERSON = frozenset({Event.CANCEL, Event.APPROVE, Event.REJECT, Event.RETRY, Event.ANSWER})


class Priority(StrEnum):
    """How early a task is taken, before its age is looked at."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def level(self) -> int:
        """0 for urgent to 3 for low."""
        return tuple(Priority).index(self)


class Kind(StrEnum):
    """What the work is: a task proper, or an answer owed to a mention (shown in threads only)."""

    TASK = "task"
    REPLY = "reply"


@dataclass(frozen=True)
class Task:
    """One piece of work as it stands on the board."""

    id: int
    title: str
    description: str
    status: Status
    priority: Priority
    kind: Kind
    command: str | None  # what the shell runner executes
    max_attempts: int
    timeout_seconds: float
    review: bool  # success leads to review instead of done
    not_before: datetime | None  # asked for by a person
    retry_at: datetime | None  # set by the backoff after a failure
    failures: int  # counted attempts since the last person's retry
    token: int  # of the newest claim; grows, never reused
    unmet: int  # predecessors that are not done
    rank: int  # see `rank`
    reason: str | None  # why it is blocked, or the last failure
    key: str | None  # makes adding twice harmless
    legacy_id: str | None  # its id in the system it was imported from
    cancel_requested_at: datetime | None
    created_at: datetime
    updated_at: datetime
    agents: tuple[str, ...] = ()
    after: tuple[int, ...] = ()
    parent_id: int | None = None  # the task whose attempt added it

    @property
    def name(self) -> str:
        """The id as people see it, e.g. `T-12`."""
        return task_name(self.id)


def task_name(task_id: int) -> str:
    """`T-12` for 12."""
    return f"T-{task_id}"


def move(task: Task, event: Event) -> Status:
    """The status `event` leads to from here; IllegalMove when the table has no such move."""
    target = TRANSITIONS[task.status].get(event)
    if target is None:
        raise IllegalMove(f"{task.name} is {task.status}; {event} is not possible from there. {_next_step(task)}")
    return target


def _next_step(task: Task) -> str:
    possible = ", ".join(event for event in TRANSITIONS[task.status] if event in BY_A_PERSON)
    return f"Possible now: {possible}. See: missionctl task show {task.name}"


def rank(priority: Priority, since: datetime, ageing: timedelta) -> int:
    """The place in the queue, in microseconds; the smallest is taken first.

    A task waits as if it had come `level x ageing` later than it did. So urgent goes before high, the
    oldest goes first inside one priority, and every task gains one level per `ageing` of waiting: none
    starves. Constant for a task, so an index can hold the order.
    """
    microsecond = timedelta(microseconds=1)
    epoch = datetime.fromtimestamp(0, tz=since.tzinfo)
    return (since - epoch + priority.level * ageing) // microsecond
