"""The standup: what a squad did in a day, how things stand, and whether a person must look.

Built from what the board knows, by rules alone. The day of a standup ends when the standup is made, so what happens
after that belongs to the next one, and nothing is left out between the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

from mission_control.domain.attempt import COUNTED, Outcome
from mission_control.domain.schedule import time_of_day
from mission_control.domain.statistics import EndedAttempt, add_up
from mission_control.domain.task import Status, Task, task_name

MOST_ITEMS = 200  # of one kind that are kept; how many there were is told all the same
MIDNIGHT = "00:00"


class Move(NamedTuple):
    """A task that came to the board or moved. A tuple, because there may be many."""

    at: datetime
    kind: str
    task_id: int
    agent: str | None  # null: a person did it
    actor: str
    to_status: Status


class Heading(StrEnum):
    """What a standup lists, in this order."""

    COMPLETED = "completed"
    IN_PROGRESS = "in_progress"
    BLOCKED = "blocked"
    REVIEW = "review"
    WAITING = "waiting"


@dataclass(frozen=True)
class Item:
    """One task under a heading."""

    task: str
    title: str
    agents: tuple[str, ...]  # who did it, does it, or is to do it
    at: datetime | None  # since when it stands there
    note: str = ""  # why it is blocked, what it waits for


@dataclass(frozen=True)
class Section:
    """The first tasks under a heading, of so many."""

    items: tuple[Item, ...] = ()
    total: int = 0


@dataclass(frozen=True)
class Line:
    """One line of what happened last."""

    at: datetime
    what: str
    who: str
    task: str | None = None
    title: str = ""
    message: str = ""


@dataclass(frozen=True)
class Member:
    """How one agent stands, and what it did in the day."""

    name: str
    status: str  # idle, active or paused
    succeeded: int
    failed: int  # failed, timed out or lost
    live: int
    waiting: int  # tasks in its inbox
    last_heartbeat_at: datetime | None


@dataclass(frozen=True)
class Day:
    """The figures of one day. Null: unknown, or nothing to measure."""

    added: int
    completed: int
    blocked: int
    attempts: int
    success_rate: float | None
    tokens: int | None
    cost_usd: float | None


@dataclass(frozen=True)
class Standup:
    """One day of a mission. `sections` of what only the moment knows are missing where the day is long past."""

    day: date
    since: datetime
    until: datetime
    made_at: datetime
    timezone: str
    figures: Day
    before: Day  # of the day before
    sections: Mapping[Heading, Section]
    members: tuple[Member, ...] = ()
    lines: tuple[Line, ...] = ()  # newest last
    counts: Mapping[Status, int] = field(default_factory=dict)


def period(day: date, at: str | None, zone: tzinfo) -> tuple[datetime, datetime]:
    """When a day of standups begins and ends; `at` is when standups are made, null: they follow the calendar."""
    return _end(day - timedelta(days=1), at, zone), _end(day, at, zone)


def _end(day: date, at: str | None, zone: tzinfo) -> datetime:
    return time_of_day(day + timedelta(days=1), MIDNIGHT, zone) if at is None else time_of_day(day, at, zone)


def figures(moves: Iterable[Move], ended: Sequence[EndedAttempt]) -> Day:
    """What the moves and the ended attempts of a day add up to. A task that was done twice counts once."""
    moves = list(moves)
    came = Counter(move.kind for move in moves)
    attempts = add_up(ended, running=0, tasks={})
    return Day(
        added=came["added"],
        completed=len(_last_of(moves, Status.DONE)),
        blocked=len(_last_of(moves, Status.BLOCKED)),
        attempts=attempts.executions,
        success_rate=attempts.success_rate,
        tokens=attempts.tokens,
        cost_usd=attempts.cost_usd,
    )


def completed(moves: Iterable[Move], tasks: Mapping[int, Task]) -> Section:
    """What was done in the day, each task once, in the order of its last end. `tasks` are those of `latest_done`."""
    done = _last_of(moves, Status.DONE)
    return Section(tuple(_done_item(done[task_id], tasks.get(task_id)) for task_id in _latest(done)), len(done))


def _done_item(move: Move, task: Task | None) -> Item:
    """Null where the task was deleted since."""
    title, assigned = ("(deleted)", ()) if task is None else (task.title, task.agents)
    if move.agent is not None:
        return Item(task_name(move.task_id), title, (move.agent,), move.at)
    return Item(task_name(move.task_id), title, assigned, move.at, f"accepted by {move.actor}")


def latest_done(moves: Iterable[Move]) -> list[int]:
    """The tasks that `completed` lists."""
    return _latest(_last_of(moves, Status.DONE))


def _latest(done: Mapping[int, Move]) -> list[int]:
    in_order = sorted(done, key=lambda task_id: (done[task_id].at, task_id))
    return in_order[-MOST_ITEMS:]


def work_of(ended: Iterable[EndedAttempt]) -> dict[str, tuple[int, int]]:
    """How many attempts of each agent succeeded, and how many did not and should have."""
    found: dict[str, tuple[int, int]] = {}
    for attempt in ended:
        succeeded, failed = found.get(attempt.agent, (0, 0))
        is_success, is_failure = attempt.outcome is Outcome.SUCCEEDED, attempt.outcome in COUNTED
        found[attempt.agent] = (succeeded + is_success, failed + is_failure)
    return found


def share_of(standup: Standup, agent: str) -> dict[Heading, list[Item]]:
    """What of a standup is about one agent; headings without anything are left out."""
    found = {
        heading: [item for item in section.items if agent in item.agents]
        for heading, section in standup.sections.items()
    }
    return {heading: items for heading, items in found.items() if items}


def _last_of(moves: Iterable[Move], status: Status) -> dict[int, Move]:
    """The last move of each task to this status."""
    return {move.task_id: move for move in moves if move.to_status is status}
