"""What a standup asks of the store, and the standups that were made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from mission_control.domain.attempt import Outcome
from mission_control.domain.standup import Move
from mission_control.domain.statistics import EndedAttempt
from mission_control.domain.task import Status
from mission_control.store.store import Store, instant


def moves(store: Store, since: datetime, until: datetime) -> Iterator[Move]:
    """Every coming and every move of a task after `since` and up to `until`, oldest first."""
    for row in store.rows("standup.moves", since=since, until=until):
        at = instant(row["at"])
        assert at is not None
        yield Move(at, row["kind"], row["task_id"], row["agent"], row["actor"], Status(row["to_status"]))


def ended(store: Store, since: datetime, until: datetime) -> Iterator[EndedAttempt]:
    """The attempts that ended in this period."""
    for row in store.rows("standup.ended", since=since, until=until):
        yield EndedAttempt(**{**row, "outcome": Outcome(row["outcome"])})


def has_begun(store: Store, before: datetime) -> bool:
    """Whether anything had happened in the mission before that moment."""
    return store.row("standup.begun_before", at=before) is not None


def record(store: Store, day: date, content: str, *, now: datetime) -> bool:
    """Keep the standup of a day; False when there is one already."""
    return store.row("standup.record", day=day.isoformat(), made_at=now, content=content) is not None


def recorded(store: Store, day: date) -> str | None:
    """The standup that was made for a day, as it was kept."""
    row = store.row("standup.get", day=day.isoformat())
    return None if row is None else str(row["content"])


def days(store: Store, *, limit: int) -> list[date]:
    """The days whose standup was kept, the newest first."""
    return [date.fromisoformat(row["day"]) for row in store.rows("standup.days", limit=limit)]


def unfiled(store: Store) -> list[str]:
    """Those whose files are still to be written, oldest first."""
    return [row["content"] for row in store.rows("standup.unfiled")]


def note_filed(store: Store, day: date, *, now: datetime) -> None:
    store.rows("standup.file", day=day.isoformat(), now=now)
