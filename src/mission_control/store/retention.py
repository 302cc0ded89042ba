"""What is old enough to go, in the store."""

from __future__ import annotations

from datetime import datetime

from mission_control.store.store import Store


def attempts(store: Store, *, host: str, before: datetime, limit: int) -> list[tuple[int, int]]:
    """(task, number) of attempts of this machine that ended before then, of finished tasks, with files that stand."""
    rows = store.rows("retention.attempts", host=host, before=before, limit=limit)
    return [(row["task_id"], row["number"]) for row in rows]


def note_files_removed(store: Store, task_id: int, number: int, now: datetime) -> None:
    store.rows("retention.files_removed", task_id=task_id, number=number, now=now)


def is_known(store: Store, task_id: int) -> bool:
    """Whether there is such a task; one that was deleted leaves its folder."""
    return store.row("retention.known_task", id=task_id) is not None


def count_activities(store: Store, before: datetime) -> int:
    row = store.row("retention.count_activities", before=before)
    assert row is not None
    return int(row["lines"])


def remove_activities(store: Store, before: datetime, limit: int) -> int:
    """How many lines went: the oldest `limit`, of finished tasks and of none."""
    return len(store.rows("retention.remove_activities", before=before, limit=limit))
