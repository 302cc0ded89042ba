"""Tasks played as they happen, whoever put them on the board: heartbeats at once, until all has settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mission_control.board import Board
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.attempt import Attempt, Outcome
from mission_control.domain.history import Activity
from mission_control.domain.task import Status, Task
from mission_control.execution import process
from mission_control.execution.execution import mark
from mission_control.views import TaskView, Views

LOOK_SECONDS = 0.04  # between two looks at the board, and so between two pictures
LONGEST_SILENCE_SECONDS = 60.0  # a demo in which nothing has happened for so long has failed
LINES_AT_ONCE = 1_000
SETTLED = frozenset({Status.DONE, Status.BLOCKED, Status.CANCELLED})
PERSON = "demo"  # does what a person would do, and says so

# Short waits, so that it is over soon. Everything else is as in any mission.
SETTINGS = """\
# Settings of the demo: waits are short, so that it is over soon. All that exist: missionctl init makes them.
backoff_base_seconds = 0.8
backoff_cap_seconds = 1.2
grace_seconds = 0.5
poll_seconds = 0.1
"""


@dataclass(frozen=True)
class Announced:
    """A task as it stood before the start, and how it must end. Without outcomes nothing about it may change."""

    task: Task
    shows: str  # what a reader learns from it, in 44 characters at most: a terminal of 80 columns
    end: Status = Status.DONE
    outcomes: Sequence[Outcome] = (Outcome.SUCCEEDED,)
    taken_before: int | None = None  # the id of a task whose turn comes later


@dataclass(frozen=True)
class Ended:
    """One task at the end, and in what it differs from what was announced; null: in nothing."""

    announced: Announced
    view: TaskView
    difference: str | None


class Demo:
    """All tasks of one open mission. Heartbeats come at once when there is something to do."""

    def __init__(
        self,
        announced: Sequence[Announced],
        *,
        told_until: int,
        board: Board,
        views: Views,
        clock: Clock,
        config: Config,
        heartbeat: Callable[[Sequence[str]], object],
        is_executing: Callable[[Attempt], bool],
    ) -> None:
        """`told_until` is the last line of history that is no news any more."""
        self._announced = announced
        self._worked_on = {each.task.id: each for each in announced if each.outcomes}
        self._seen = told_until
        self._board = board
        self._views = views
        self._clock = clock
        self._config = config
        self._heartbeat = heartbeat
        self._is_executing = is_executing

    def play(self) -> Iterator[Sequence[Activity]]:
        """Give heartbeats until all has settled; yields what is new in history after each look, often nothing."""
        heard_at = self._clock.monotonic()
        while True:
            self._wake_who_has_work()
            news = self._news()
            yield news
            heard_at = self._clock.monotonic() if news else heard_at
            if self._has_settled() or self._clock.monotonic() > heard_at + LONGEST_SILENCE_SECONDS:
                yield self._news()
                return
            time.sleep(LOOK_SECONDS)
            self._approve()

    def tasks(self) -> list[TaskView]:
        """The tasks that are to be worked on, as they stand now, oldest first."""
        return [view for view in self._all() if view.task.id in self._worked_on]

    def ended(self) -> list[Ended]:
        """How each task ended, beside how it was announced."""
        views = {view.task.id: view for view in self._all()}
        living = {attempt for _, attempt in process.marked(mark(str(self._config.home), ""))}
        return [
            Ended(announced, views[announced.task.id], _difference(announced, views, living))
            for announced in self._announced
        ]

    def _all(self) -> list[TaskView]:
        found = self._views.tasks(everything=True, with_attempts=True, limit=max(len(self._announced), 1))
        return sorted(found, key=lambda view: view.task.id)

    def _wake_who_has_work(self) -> None:
        """Who has a task that could start; and who has an attempt whose executor is gone."""
        names = {name for view in self._views.ready() for name in view.task.agents}
        names |= {attempt.agent for attempt in self._board.live() if not self._is_executing(attempt)}
        if names:
            self._heartbeat(sorted(names))

    def _approve(self) -> None:
        for view in self.tasks():
            if view.task.status is Status.REVIEW and not self._is_at_its_end(view):
                self._board.approve(view.task.id, actor=PERSON)

    def _has_settled(self) -> bool:
        return all(view.task.status in SETTLED or self._is_at_its_end(view) for view in self.tasks())

    def _is_at_its_end(self, view: TaskView) -> bool:
        return view.task.status is self._worked_on[view.task.id].end

    def _news(self) -> Sequence[Activity]:
        news = self._views.activities(self._seen, limit=LINES_AT_ONCE)
        self._seen = max([self._seen, *(line.id for line in news if line.id is not None)])
        return news


def _difference(announced: Announced, views: Mapping[int, TaskView], living: set[str]) -> str | None:
    """What is not as announced, in words."""
    view = views[announced.task.id]
    outcomes = [attempt.outcome for attempt in view.attempts]
    if view.task.status is not announced.end:
        return f"announced {announced.end}, is {view.task.status}"
    if outcomes != list(announced.outcomes):
        return f"announced {_listed(announced.outcomes)}, was {_listed(outcomes)}"
    if not announced.outcomes and view.task != announced.task:
        return "was changed, though it was to stay as it came"
    if left := living & {attempt.name for attempt in view.attempts}:
        return f"a process of {min(left)} is still alive"
    if announced.taken_before is not None and not _was_taken_before(view, views[announced.taken_before]):
        return f"was not taken before {views[announced.taken_before].task.name}"
    return None


def _was_taken_before(one: TaskView, other: TaskView) -> bool:
    return one.attempts[0].token < other.attempts[0].token


def _listed(outcomes: Sequence[Outcome | None]) -> str:
    return ", ".join(outcome or "live" for outcome in outcomes) or "no attempt"
