"""The board as a person sees it: a column for each status, with as many cards as fit, and why each card waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mission_control.domain.attempt import Attempt
from mission_control.domain.task import Status
from mission_control.store import attempts, tasks
from mission_control.store.store import Store
from mission_control.store.tasks import Filter
from mission_control.views import TaskView, Views

CARDS = 50
MOST_CARDS = 1_000
# What is worked on stands in the middle, what is over at the end.
COLUMNS = (Status.INBOX, Status.IN_PROGRESS, Status.REVIEW, Status.BLOCKED, Status.DONE)


@dataclass(frozen=True)
class Card:
    """A task on the board; `attempt` is the live one."""

    view: TaskView
    attempt: Attempt | None


@dataclass(frozen=True)
class Column:
    """The first cards of a status; `total` is how many there are."""

    status: Status
    cards: tuple[Card, ...]
    total: int

    @property
    def hidden(self) -> int:
        """Cards that do not fit."""
        return self.total - len(self.cards)


@dataclass(frozen=True)
class BoardPicture:
    """All columns at one moment, and how many tasks stand where without any filter."""

    columns: tuple[Column, ...]
    counts: Mapping[Status, int]

    @property
    def is_empty(self) -> bool:
        """No task was ever added, or all were deleted."""
        return not any(self.counts.values())


def board_picture(
    store: Store,
    views: Views,
    wanted: Filter,
    *,
    more: Mapping[Status, int] | None = None,
    statuses: tuple[Status, ...] = COLUMNS,
) -> BoardPicture:
    """The columns of these statuses; `more` says of which to show more than CARDS cards."""
    with store.snapshot():
        counts = tasks.counts(store)
        live = {attempt.task_id: attempt for attempt in attempts.live(store)}
        columns = tuple(
            _column(store, views, status, wanted, live, limit=(more or {}).get(status, CARDS), total=counts[status])
            for status in statuses
        )
    return BoardPicture(columns, counts)


def _column(
    store: Store,
    views: Views,
    status: Status,
    wanted: Filter,
    live: Mapping[int, Attempt],
    *,
    limit: int,
    total: int,
) -> Column:
    found = tasks.column(store, status, wanted, limit=min(limit, MOST_CARDS)) if total else []
    if _narrows(wanted):
        total = tasks.count(store, status, wanted) if len(found) == limit else len(found)
    return Column(status, tuple(Card(view, live.get(view.task.id)) for view in views.explained(found)), total)


def _narrows(wanted: Filter) -> bool:
    return any((wanted.agent, wanted.search, wanted.priority))
