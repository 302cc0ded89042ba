"""What waits for a person: work to review, questions, tasks that are blocked, mentions nobody answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mission_control.domain.history import Comment, Notification
from mission_control.domain.task import Status
from mission_control.store import history, tasks
from mission_control.store.store import Store
from mission_control.store.tasks import Filter
from mission_control.views import TaskView, Views

MOST = 100  # of a kind, on one page


@dataclass(frozen=True)
class Question:
    """What an agent asked, and the task that is blocked until somebody answers."""

    view: TaskView
    comment: Comment


@dataclass(frozen=True)
class Needs:
    """Everything that waits for a person, the longest waiting first."""

    reviews: tuple[TaskView, ...]
    questions: tuple[Question, ...]
    blocked: tuple[TaskView, ...]  # without those that have a question
    mentions: tuple[Notification, ...]
    count: int

    @property
    def is_empty(self) -> bool:
        return not (self.reviews or self.questions or self.blocked or self.mentions)


def needs(store: Store, views: Views) -> Needs:
    """What a person must look at now."""
    with store.snapshot():
        reviews = _oldest_first(store, views, Status.REVIEW)
        blocked = _oldest_first(store, views, Status.BLOCKED)
        asked = {comment.task_id: comment for comment in history.open_questions(store, limit=MOST)}
        mentions = tuple(history.undelivered(store, None)[:MOST])
        count = count_of(tasks.counts(store)) + len(mentions)
    return Needs(
        reviews=reviews,
        questions=tuple(Question(view, asked[view.task.id]) for view in blocked if view.task.id in asked),
        blocked=tuple(view for view in blocked if view.task.id not in asked),
        mentions=mentions,
        count=count,
    )


def count_of(counts: Mapping[Status, int]) -> int:
    """How many tasks wait for a person."""
    return counts[Status.REVIEW] + counts[Status.BLOCKED]


def _oldest_first(store: Store, views: Views, status: Status) -> tuple[TaskView, ...]:
    found = tasks.column(store, status, Filter(), limit=MOST)
    return tuple(sorted(views.explained(found), key=lambda view: view.task.updated_at))
