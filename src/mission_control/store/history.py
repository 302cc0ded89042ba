"""Activities, threads and imported notifications in the store."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from mission_control.domain.history import Activity, Comment, CommentKind, Notification
from mission_control.domain.notice import news_of
from mission_control.domain.task import Status
from mission_control.store import notices
from mission_control.store.store import Row, Store, instant

NO_ID_BEFORE = 2**62  # pages of history start below this


class Titled(NamedTuple):
    """A line of history with the title of its task; empty where there is none any more."""

    line: Activity
    title: str


def append(store: Store, activity: Activity, *, legacy_id: str | None = None, legacy: str | None = None) -> None:
    """Add one line, and what it tells people to the outbox; nothing ever changes or removes it but retention.

    What an import brings is told to nobody.
    """
    store.rows(
        "history.append",
        at=activity.at,
        kind=activity.kind,
        task_id=activity.task_id,
        attempt=activity.attempt,
        agent=activity.agent,
        actor=activity.actor,
        from_status=activity.from_status,
        to_status=activity.to_status,
        message=activity.message,
        legacy_id=legacy_id,
        legacy=legacy,
    )
    if legacy_id is None and (news := news_of(activity)):
        notices.enqueue(store, news)


def of_task(store: Store, task_id: int) -> list[Activity]:
    return [_activity(row) for row in store.rows("history.of_task", task_id=task_id)]


def since(store: Store, after_id: int, *, agent: str | None, limit: int) -> list[Activity]:
    """What came after the line `after_id`, oldest first."""
    if agent is None:
        rows = store.rows("history.since", after_id=after_id, limit=limit)
    else:
        rows = store.rows("history.since_of_agent", after_id=after_id, agent=agent, limit=limit)
    return [_activity(row) for row in rows]


def latest(store: Store, *, agent: str | None, limit: int) -> list[Activity]:
    """The newest `limit` lines, oldest of them first."""
    if agent is None:
        rows = store.rows("history.latest", limit=limit)
    else:
        rows = store.rows("history.latest_of_agent", agent=agent, limit=limit)
    return [_activity(row) for row in reversed(rows)]


def before(store: Store, before_id: int, *, agent: str | None, kind: str | None, limit: int) -> list[Titled]:
    """A page of history in front of the line `before_id`, newest first, each line with the title of its task."""
    rows = store.rows("overview.activities_before", before_id=before_id, agent=agent, kind=kind, limit=limit)
    return [Titled(_activity(row), row["title"] or "") for row in rows]


def last_id(store: Store) -> int:
    """The id of the newest line; 0 when there is none."""
    row = store.row("overview.last_activity")
    assert row is not None
    return int(row["id"] or 0)


def open_questions(store: Store, *, limit: int) -> list[Comment]:
    """What agents asked and nobody answered, the longest waiting first."""
    return [_comment(row) for row in store.rows("overview.open_questions", limit=limit)]


def add_comment(
    store: Store,
    task_id: int,
    *,
    author: str,
    body: str,
    kind: CommentKind,
    created_at: datetime,
    legacy_id: str | None = None,
    legacy: str | None = None,
) -> int:
    """Add to the thread and return the comment's id."""
    row = store.row(
        "thread.add",
        task_id=task_id,
        author=author,
        body=body,
        kind=kind,
        legacy_id=legacy_id,
        legacy=legacy,
        created_at=created_at,
    )
    assert row is not None
    return int(row["id"])


def mention(store: Store, comment_id: int, name: str) -> None:
    """Note that an entry calls somebody; twice is once."""
    store.rows("thread.mention", comment_id=comment_id, name=name)


def mentions_of(store: Store, name: str, limit: int) -> list[Comment]:
    """The entries that call this name and that nobody has answered, newest first."""
    return [_comment(row) for row in store.rows("thread.mentions_of", name=name, limit=limit)]


def newest(store: Store, task_id: int, kind: CommentKind) -> Comment | None:
    """The last entry of this kind in a thread."""
    row = store.row("thread.of_kind", task_id=task_id, kind=kind)
    return None if row is None else _comment(row)


def thread(store: Store, task_id: int) -> list[Comment]:
    """The thread of a task, oldest first."""
    return [_comment(row) for row in store.rows("thread.of_task", task_id=task_id)]


def add_notification(
    store: Store,
    *,
    agent: str,
    content: str,
    delivered_at: datetime | None,
    created_at: datetime,
    legacy_id: str | None,
    legacy: str | None,
) -> None:
    store.rows(
        "thread.add_notification",
        agent=agent,
        content=content,
        delivered_at=delivered_at,
        legacy_id=legacy_id,
        legacy=legacy,
        created_at=created_at,
    )


def undelivered(store: Store, agent: str | None) -> list[Notification]:
    """Imported notifications that were never delivered."""
    found = []
    for row in store.rows("thread.undelivered", agent=agent):
        created_at = instant(row["created_at"])
        assert created_at is not None
        found.append(Notification(row["id"], row["agent"], row["content"], created_at))
    return found


def _activity(row: Row) -> Activity:
    at = instant(row["at"])
    assert at is not None
    return Activity(
        id=row["id"],
        at=at,
        kind=row["kind"],
        task_id=row["task_id"],
        attempt=row["attempt"],
        agent=row["agent"],
        actor=row["actor"],
        from_status=Status(row["from_status"]) if row["from_status"] else None,
        to_status=Status(row["to_status"]) if row["to_status"] else None,
        message=row["message"],
    )


def _comment(row: Row) -> Comment:
    created_at = instant(row["created_at"])
    assert created_at is not None
    return Comment(
        id=row["id"],
        task_id=row["task_id"],
        author=row["author"],
        body=row["body"],
        kind=CommentKind(row["kind"]),
        created_at=created_at,
    )
