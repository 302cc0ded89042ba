"""The story of a squad at work: small real tasks of every kind, each with the end that it must come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from mission_control.board import Board
from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Priority, Status, Task
from mission_control.ops.demo.play import PERSON, Announced
from mission_control.squad import Squad


@dataclass(frozen=True)
class Scene:
    """One task of the story and how it must end."""

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
    Scene(
        "Collect facts for the launch",
        "dexter",
        'sleep 1.1; echo "agents=5 idle_tokens=0" > "$MISSIONCTL_HOME/reports/facts.txt"; echo "2 facts collected"',
        "starts a chain across four agents",
    ),
    Scene(
        "Write the launch post",
        "blossom",
        '. "$MISSIONCTL_HOME/reports/facts.txt"; sleep 0.9; '
        'echo "$agents agents, $idle_tokens tokens while idle" | tee "$MISSIONCTL_HOME/reports/post.txt"',
        "begins when the facts are there; reads them",
        after="Collect facts for the launch",
    ),
    Scene(
        "Draft the mail to clients",
        "courage",
        'sleep 0.8; { echo "Dear client,"; cat "$MISSIONCTL_HOME/reports/post.txt"; } '
        '> "$MISSIONCTL_HOME/reports/mail.txt"; echo "2 lines to approve"',
        "review: the demo approves for a person",
        after="Write the launch post",
        review=True,
    ),
    Scene(
        "Invite leads with that mail",
        "johnny_bravo",
        'sleep 0.7; grep -q "5 agents" "$MISSIONCTL_HOME/reports/mail.txt" && echo "3 leads invited"',
        "last of the chain: waits for the approval",
        after="Draft the mail to clients",
    ),
    Scene(
        "Deploy to a flaky server",
        "samurai_jack",
        'sleep 0.6; case "$MISSIONCTL_ATTEMPT" in */3) echo "deployed";; *) echo "connection reset"; exit 1;; esac',
        "fails twice, is retried, succeeds",
        outcomes=(Outcome.FAILED, Outcome.FAILED, Outcome.SUCCEEDED),
    ),
    Scene(
        "Upload to a server that is gone",
        "samurai_jack",
        'sleep 0.5; echo "no route to host"; exit 68',
        "fails three times: a person must look",
        end=Status.BLOCKED,
        outcomes=(Outcome.FAILED, Outcome.FAILED, Outcome.FAILED),
    ),
    Scene(
        "Read a page that never ends",
        "dexter",
        'echo "reading …"; sleep 600',
        "ended at its time limit, with its processes",
        end=Status.BLOCKED,
        outcomes=(Outcome.TIMED_OUT,),
        timeout=timedelta(seconds=2),
        max_attempts=1,
    ),
    Scene(
        "Answer a ticket, forget a process",
        "courage",
        'sleep 600 & sleep 1.3; echo "ticket answered"',
        "the process it leaves behind is ended",
    ),
    Scene(
        "Find leads, lose the executor",
        "johnny_bravo",
        # The parent of a task's shell is its executor.
        'sleep 0.9; case "$MISSIONCTL_ATTEMPT" in */1) kill -9 "$PPID"; sleep 600;; *) echo "3 leads found";; esac',
        "executor killed (kill -9): found and retried",
        outcomes=(Outcome.LOST, Outcome.SUCCEEDED),
    ),
    Scene(
        "Tidy the archive",
        "blossom",
        'sleep 0.8; echo "archive tidied"',
        "low priority: added earlier, taken later",
        priority=Priority.LOW,
    ),
    Scene(
        "Fix a typo on the front page",
        "blossom",
        'sleep 0.7; echo "typo fixed"',
        "urgent: taken first",
        priority=Priority.URGENT,
    ),
)
# With one slot an agent works strictly in the order of the queue, which is what its two tasks are to show.
SLOTS: Mapping[str, int] = {"blossom": 1}
TAKEN_BEFORE: Mapping[str, str] = {"Fix a typo on the front page": "Tidy the archive"}


def put_story(*, board: Board, squad: Squad) -> list[Announced]:
    """Put all tasks on the board of a squad that has joined, in one transaction."""
    tasks: dict[str, Task] = {}  # by title
    with board.together():
        for name, slots in SLOTS.items():
            squad.edit(name, {"slots": slots}, actor=PERSON)
        for scene in STORY:
            after = [tasks[scene.after].id] if scene.after else []
            tasks[scene.title], _ = board.add(_task_of(scene, after), actor=PERSON)
    return [_announced(scene, tasks) for scene in STORY]


def _task_of(scene: Scene, after: Sequence[int]) -> NewTask:
    return NewTask(
        title=scene.title,
        agents=(scene.agent,),
        description=f"What this shows: {scene.shows}.",
        command=scene.command,
        priority=scene.priority,
        after=after,
        max_attempts=scene.max_attempts,
        timeout=scene.timeout,
        review=scene.review,
    )


def _announced(scene: Scene, tasks: Mapping[str, Task]) -> Announced:
    later = TAKEN_BEFORE.get(scene.title)
    return Announced(
        task=tasks[scene.title],
        shows=scene.shows,
        end=scene.end,
        outcomes=scene.outcomes,
        taken_before=tasks[later].id if later else None,
    )
