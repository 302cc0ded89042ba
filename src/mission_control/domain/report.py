"""What an agent at work says and leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mission_control.domain.attempt import attempt_name
from mission_control.domain.parting import Kind
from mission_control.domain.task import Status, task_name


@dataclass(frozen=True)
class Speaker:
    """The live attempt that somebody proved to be, by its key."""

    task_id: int
    number: int
    agent: str
    parting: Kind | None  # it has said its last word already

    @property
    def name(self) -> str:
        """The attempt's id, e.g. `T-12/2`."""
        return attempt_name(self.task_id, self.number)

    @property
    def task_name(self) -> str:
        return task_name(self.task_id)


@dataclass(frozen=True)
class Subtask:
    """A task that an attempt put on the board for its own."""

    id: int
    title: str
    status: Status


@dataclass(frozen=True)
class Attachment:
    """A file that an attempt handed in; its content lies in the attempt's folder."""

    task_id: int
    attempt: int
    name: str
    size: int  # bytes
    sha256: str
    created_at: datetime


@dataclass(frozen=True)
class Memory:
    """One version of an agent's WORKING.md, and the attempt that wrote it; null: written by hand."""

    id: int
    agent: str
    task_id: int | None
    attempt: int | None
    body: str
    created_at: datetime

    @property
    def author(self) -> str:
        """The attempt's id, or `by hand`."""
        if self.task_id is None or self.attempt is None:
            return "by hand"
        return attempt_name(self.task_id, self.attempt)
