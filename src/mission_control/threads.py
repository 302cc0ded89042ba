"""Writing into the thread of a task."""

from __future__ import annotations

from datetime import datetime

from mission_control.domain import limits
from mission_control.domain.history import CommentKind
from mission_control.domain.mention import mentioned
from mission_control.domain.task import Task
from mission_control.errors import InvalidInput
from mission_control.moves import Moves
from mission_control.store import history
from mission_control.store.store import Store


def say(
    store: Store,
    moves: Moves,
    task: Task,
    body: str,
    *,
    kind: CommentKind,
    actor: str,
    now: datetime,
    attempt: int | None = None,
) -> int:
    """Add an entry, call whom it mentions, and return its id; inside a transaction of whoever speaks."""
    moves.note("commented", task, actor=actor, message=str(kind), attempt=attempt)
    entry = history.add_comment(store, task.id, author=actor, body=body, kind=kind, created_at=now)
    for name in mentioned(body):
        if name != actor:
            history.mention(store, entry, name)
    return entry


def checked_comment(text: str) -> str:
    """The text of an entry; InvalidInput when there is none or too much."""
    if not text.strip():
        raise InvalidInput("There is no text. Say what you mean, e.g.: missionctl task comment T-1 'Looks good'")
    return limits.long_text(text, "comment")
