"""What has happened: activities and the thread of a task."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mission_control.domain.task import Status


@dataclass(frozen=True)
class Activity:
    """One line of append-only history. `id` grows; null before it is stored."""

    at: datetime
    kind: str  # an Event's name, or what a person did: added, edited, commented, agent_added …
    actor: str  # who caused it: an agent, a person, or `mission_control`
    message: str = ""
    task_id: int | None = None
    attempt: int | None = None
    agent: str | None = None
    from_status: Status | None = None
    to_status: Status | None = None
    id: int | None = None


class CommentKind(StrEnum):
    """Why somebody wrote into the thread."""

    COMMENT = "comment"
    QUESTION = "question"
    ANSWER = "answer"
    REJECTION = "rejection"


@dataclass(frozen=True)
class Comment:
    """One entry in the thread of a task."""

    id: int
    task_id: int
    author: str
    body: str
    kind: CommentKind
    created_at: datetime


@dataclass(frozen=True)
class Notification:
    """A mention carried over from the old system that nobody has answered."""

    id: int
    agent: str
    content: str
    created_at: datetime
