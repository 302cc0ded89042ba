"""A squad at work, told as it happens: small real tasks of every kind, each with the end that it must come to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from mission_control.board import Board
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.attempt import Attempt, Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.history import Activity
from mission_control.domain.task import Priority, Status
from mission_control.execution import process
from mission_control.execution.execution import mark
from mission_control.squad import Squad
from mission_control.views import TaskView, Views

LOOK_SECONDS = 0.04  # between two looks at the board, and so between two pictures
LONGEST_SECONDS = 60.0  # a demo that has not settled by then has failed
LINES_AT_ONCE = 1_000
SETTLED = frozenset({Status.DONE, Status.BLOCKED, Status.CANCELLED})
PERSON = "demo"  # approves in a person's place, and says so

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
    """One task of the demo and how it must end."""

    title: str
    agent: str
    command: str
    shows: str  # what a reader learns from it, in 44 characters at most: a terminal of 80 columns
    end: Status = Status.DONE
    outcomes: Sequence[Outcome] = (Outcome.SUCCEEDED,)
    after: str | None = None  # the title of a task that must be done first
    priority: Priority = Priority.NORMAL
    timeout: timedelta | None = None
    max_attempts: int | None = None
    review: bool = False


# `missionctl demo` prints this story; a task that is added, or ends otherwise, is changed here and nowhere else.
STORY = (
    Announced(
        "Collect facts for the launch",
        "dexter",
        'sleep 1.1; echo "agents=5 idle_tokens=0" > "$MISSIONCTL_HOME/reports/facts.txt"; echo "2 facts collected"',
        "starts a chain across four agents",
    ),
    Announced(
        "Write the launch post",
        "blossom",
        '. "$MISSIONCTL_HOME/reports/facts.txt"; sleep 0.9; '
        'echo "$agents agents, $idle_tokens tokens while idle" | tee "$MISSIONCTL_HOME/reports/post.txt"',
        "begins when the facts are there; reads them",
        after="Collect facts for the launch",
    ),
    Announced(
        "Draft the mail to clients",
        "courage",
        'sleep 0.8; { echo "Dear client,"; cat "$MISSIONCTL_HOME/reports/post.txt"; } '
        '> "$MISSIONCTL_HOME/reports/mail.txt"; echo "2 lines to approve"',
        "review: the demo approves for a person",
        after="Write the launch post",
        review=True,
    ),
    Announced(
        "Invite leads with that mail",
        "johnny_bravo",
        'sleep 0.7; grep -q "5 agents" "$MISSIONCTL_HOME/reports/mail.txt" && echo "3 leads invited"',
        "last of the chain: waits for the approval",
        after="Draft the mail to clients",
    ),
    Announced(
        "Deploy to a flaky server",
        "samurai_jack",
        'sleep 0.6; case "$MISSIONCTL_ATTEMPT" in */3) echo "deployed";; *) echo "connection reset"; exit 1;; esac',
        "fails twice, is retried, succeeds",
        outcomes=(Outcome.FAILED, Outcome.FAILED, Outcome.SUCCEEDED),
    ),
    Announced(
        "Upload to a server that is gone",
        "samurai_jack",
        'sleep 0.5; echo "no route to host"; exit 68',
        "fails three times: a person must look",
        end=Status.BLOCKED,
        outcomes=(Outcome.FAILED, Outcome.FAILED, Outcome.FAILED),
    ),
    Announced(
        "Read a page that never ends",
        "dexter",
        'echo "reading …"; sleep 600',
        "ended at its time limit, with its processes",
        end=Status.BLOCKED,
        outcomes=(Outcome.TIMED_OUT,),
        timeout=timedelta(seconds=2),
        max_attempts=1,
    ),
    Announced(
        "Answer a ticket, forget a process",
        "courage",
        'sleep 600 & sleep 1.3; echo "ticket answered"',
        "the process it leaves behind is ended",
    ),
    Announced(
        "Find leads, lose the executor",
        "johnny_bravo",
        # The parent of a task's shell is its executor.
        'sleep 0.9; case "$MISSIONCTL_ATTEMPT" in */1) kill -9 "$PPID"; sleep 600;; *) echo "3 leads found";; esac',
        "executor killed (kill -9): found and retried",
        outcomes=(Outcome.LOST, Outcome.SUCCEEDED),
    ),
    Announced(
        "Tidy the archive",
        "blossom",
        'sleep 0.8; echo "archive tidied"',
        "low priority: added earlier, taken later",
        priority=Priority.LOW,
    ),
    Announced(
        "Fix a typo on the front page",
        "blossom",
        'sleep 0.7; echo "typo fixed"',
        "urgent: taken first",
        priority=Priority.URGENT,
    ),
)
# With one slot an agent works strictly in the order of the queue, which is what its two tasks are to show.
SLOTS: Mapping[str, int] = {"blossom": 1}
TAKEN_FIRST = (("Fix a typo on the front page", "Tidy the archive"),)


@dataclass(frozen=True)
class Ended:
    """One task at the end, and in what it differs from what was announced; null: in nothing."""

    announced: Announced
    view: TaskView
    difference: str | None


class Demo:
    """The story on one open mission whose squad has joined. Heartbeats come at once when there is something to do."""

    def __init__(
        self,
        *,
        board: Board,
        squad: Squad,
        views: Views,
        clock: Clock,
        config: Config,
        heartbeat: Callable[[Sequence[str]], object],
        is_executing: Callable[[Attempt], bool],
    ) -> None:
        self._board = board
        self._squad = squad
        self._views = views
        self._clock = clock
        self._config = config
        self._heartbeat = heartbeat
        self._is_executing = is_executing
        self._ids: dict[str, int] = {}  # by title
        self._seen = 0  # the newest line of history that was told

    def prepare(self) -> None:
        """Put all tasks on the board, in one transaction."""
        with self._board.together():
            for name, slots in SLOTS.items():
                self._squad.edit(name, {"slots": slots}, actor=PERSON)
            for announced in STORY:
                after = [self._ids[announced.after]] if announced.after else []
                task, _ = self._board.add(_task_of(announced, after), actor=PERSON)
                self._ids[announced.title] = task.id

    def play(self) -> Iterator[Sequence[Activity]]:
        """Give heartbeats until all has settled; yields what is new in history after each look, often nothing."""
        deadline = self._clock.monotonic() + LONGEST_SECONDS
        while True:
            self._wake_who_has_work()
            yield self._news()
            if self._has_settled() or self._clock.monotonic() > deadline:
                yield self._news()
                return
            time.sleep(LOOK_SECONDS)
            self._approve()

    def tasks(self) -> list[TaskView]:
        """All tasks of the story as they stand now, in its order."""
        found = self._views.tasks(everything=True, with_attempts=True)
        return sorted((view for view in found if view.task.id in self._ids.values()), key=lambda view: view.task.id)

    def ended(self) -> list[Ended]:
        """How each task ended, beside how it was announced."""
        views = {view.task.id: view for view in self.tasks()}
        living = {attempt for _, attempt in process.marked(mark(str(self._config.home), ""))}
        ends = []
        for announced in STORY:
            view = views[self._ids[announced.title]]
            ends.append(Ended(announced, view, self._difference(announced, view, views, living)))
        return ends

    def _wake_who_has_work(self) -> None:
        """Who has a task that could start; and who has an attempt whose executor is gone."""
        names = {name for view in self._views.ready() for name in view.task.agents}
        names |= {attempt.agent for attempt in self._board.live() if not self._is_executing(attempt)}
        if names:
            self._heartbeat(sorted(names))

    def _approve(self) -> None:
        for view in self.tasks():
            if view.task.status is Status.REVIEW:
                self._board.approve(view.task.id, actor=PERSON)

    def _has_settled(self) -> bool:
        return all(view.task.status in SETTLED for view in self.tasks())

    def _news(self) -> Sequence[Activity]:
        news = self._views.activities(self._seen, limit=LINES_AT_ONCE)
        self._seen = max([self._seen, *(line.id for line in news if line.id is not None)])
        return news

    def _difference(
        self, announced: Announced, view: TaskView, views: Mapping[int, TaskView], living: set[str]
    ) -> str | None:
        """What is not as announced, in words."""
        outcomes = [attempt.outcome for attempt in view.attempts]
        if view.task.status is not announced.end:
            return f"announced {announced.end}, is {view.task.status}"
        if outcomes != list(announced.outcomes):
            return f"announced {_listed(announced.outcomes)}, was {_listed(outcomes)}"
        if left := living & {attempt.name for attempt in view.attempts}:
            return f"a process of {min(left)} is still alive"
        for first, second in TAKEN_FIRST:
            if announced.title == first and not _was_taken_before(view, views[self._ids[second]]):
                return f"was not taken before {views[self._ids[second]].task.name}"
        return None


def _task_of(announced: Announced, after: Sequence[int]) -> NewTask:
    return NewTask(
        title=announced.title,
        agents=(announced.agent,),
        description=f"What this shows: {announced.shows}.",
        command=announced.command,
        priority=announced.priority,
        after=after,
        max_attempts=announced.max_attempts,
        timeout=announced.timeout,
        review=announced.review,
    )


def _was_taken_before(one: TaskView, other: TaskView) -> bool:
    return one.attempts[0].token < other.attempts[0].token


def _listed(outcomes: Sequence[Outcome | None]) -> str:
    return ", ".join(outcome or "live" for outcome in outcomes) or "no attempt"
