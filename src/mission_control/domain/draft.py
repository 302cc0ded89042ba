"""What somebody asks for, checked before it becomes a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mission_control.domain import limits
from mission_control.domain.task import Kind, Priority, Status, Task


@dataclass(frozen=True)
class NewTask:
    """What somebody asks for; null takes the mission's default."""

    title: str
    agents: Sequence[str] = ()
    description: str = ""
    command: str | None = None
    priority: Priority = Priority.NORMAL
    after: Sequence[int] = ()
    max_attempts: int | None = None
    timeout: timedelta | None = None
    not_before: datetime | None = None
    review: bool = False
    key: str | None = None
    parent_id: int | None = None  # the task whose attempt adds this one


@dataclass(frozen=True)
class Defaults:
    """The mission's answer where a draft says nothing."""

    max_attempts: int
    timeout: timedelta


def check(new: NewTask, defaults: Defaults, now: datetime) -> Task:
    """The task as it will stand, still without id and rank. Raises InvalidInput at the first broken limit."""
    limits.whole_number(len(new.after), "The number of predecessors", 0, limits.MAX_PREDECESSORS)
    limits.whole_number(len(new.agents), "The number of agents", 0, limits.MAX_AGENTS_PER_TASK)
    max_attempts = defaults.max_attempts if new.max_attempts is None else new.max_attempts
    timeout = defaults.timeout if new.timeout is None else new.timeout
    return Task(
        id=0,
        title=limits.title(new.title),
        description=limits.long_text(new.description, "description"),
        status=Status.INBOX,
        priority=new.priority,
        kind=Kind.TASK,
        command=None if new.command is None else limits.command(new.command),
        max_attempts=limits.whole_number(max_attempts, "--max-attempts", 1, limits.MAX_ATTEMPTS),
        timeout_seconds=limits.timeout(timeout).total_seconds(),
        review=new.review,
        not_before=new.not_before,
        retry_at=None,
        failures=0,
        token=0,
        unmet=0,
        rank=0,
        reason=None,
        key=None if new.key is None else limits.key(new.key),
        legacy_id=None,
        cancel_requested_at=None,
        created_at=now,
        updated_at=now,
        agents=tuple(dict.fromkeys(limits.agent_name(name) for name in new.agents)),
        parent_id=new.parent_id,
    )
