"""What needs a person: questions of agents, work to review, blocked tasks, mentions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mission_control.domain.history import CommentKind
from mission_control.domain.task import Status, Task
from mission_control.store import attempts, history, tasks
from mission_control.store.store import Store
from mission_control.store.tasks import Filter


class Need(StrEnum):
    """What a person is needed for, most urgent first: an agent stands still until it is answered."""

    QUESTION = "question"
    REVIEW = "review"
    BLOCKED = "blocked"
    MENTION = "mention"


@dataclass(frozen=True)
class Call:
    """One thing that waits for a person."""

    need: Need
    task: Task
    author: str  # who asks, hands in or mentions; empty where nobody in particular
    text: str
    since: datetime


def inbox(store: Store, name: str, *, limit: int) -> list[Call]:
    """At most `limit` of each: what waits for anybody, and where `name` was mentioned; the longest waiting first."""
    with store.snapshot():
        calls = [*_blocked(store, limit), *_in_review(store, limit), *_mentions(store, name, limit)]
    needs = list(Need)
    return sorted(calls, key=lambda call: (needs.index(call.need), call.since, call.task.id))


def _blocked(store: Store, limit: int) -> Iterator[Call]:
    """Questions, and what used its attempts up."""
    for task in tasks.listed(store, Filter(status=Status.BLOCKED), limit=limit):
        last = attempts.of_task(store, task.id)[-1:]
        asked = history.newest(store, task.id, CommentKind.QUESTION)
        if asked is not None and last and asked.created_at >= last[0].claimed_at:  # by the attempt that ended last
            yield Call(Need.QUESTION, task, asked.author, asked.body, asked.created_at)
        else:
            yield Call(Need.BLOCKED, task, "", task.reason or "", task.updated_at)


def _in_review(store: Store, limit: int) -> Iterator[Call]:
    for task in tasks.listed(store, Filter(status=Status.REVIEW), limit=limit):
        last = attempts.of_task(store, task.id)[-1:]
        yield Call(Need.REVIEW, task, last[0].agent if last else "", "", task.updated_at)


def _mentions(store: Store, name: str, limit: int) -> Iterator[Call]:
    for entry in history.mentions_of(store, name, limit):
        task = tasks.get(store, entry.task_id)
        assert task is not None
        yield Call(Need.MENTION, task, entry.author, entry.body, entry.created_at)
