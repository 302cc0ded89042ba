"""The story at leisure, for people who watch it on the board: slower, and with more to look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mission_control.board import Board
from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Priority, Status, Task
from mission_control.ops.demo.play import PERSON
from mission_control.ops.demo.story import SLOTS, STORY, Scene
from mission_control.squad import Squad

SLOWER = 7  # times, of everything that takes a second or so
CHAPTERS = 6
_SLEEP = re.compile(r"\bsleep (\d+(?:\.\d+)?)\b")
# Longer ones stand for what never ends.
_LONG_SECONDS = 60

_SUITE = r"""
printf '\033[1mcollecting\033[0m 240 tests\n'
for i in $(seq 1 240); do
  case $i in
    60|61) printf '\033[33mSKIP\033[0m test_%03d needs a network\n' $i;;
    *) printf '\033[32mok\033[0m   test_%03d\n' $i;;
  esac
  sleep 0.25
done
printf '\033[1;32m238 passed\033[0m, 2 skipped\n'"""

_MORE = (
    Scene("Run the whole test suite", "samurai_jack", _SUITE, "a log in colours, line by line", priority=Priority.HIGH),
    Scene(
        "Price list for the spring sale",
        "courage",
        "sleep 4; echo '12 prices changed, 3 of them by more than 20 %'",
        "waits for you: approve it or send it back",
        end=Status.REVIEW,
        review=True,
    ),
    Scene(
        "Publish the price list",
        "johnny_bravo",
        "sleep 2; echo published",
        "starts when you have approved",
        end=Status.INBOX,
        outcomes=(),
        after="Price list for the spring sale",
    ),
    *(
        Scene(
            f"Translate chapter {number} of the handbook",
            "blossom",
            f"sleep 1.6; echo 'chapter {number}: {number * 317} words'",
            "one of a queue: one slot, so one at a time",
            priority=Priority.LOW,
        )
        for number in range(1, CHAPTERS + 1)
    ),
    Scene(
        "Measure the shop's page speed",
        "dexter",
        'sleep 1.5; echo "timeout after 9 s"; [ "${MISSIONCTL_ATTEMPT##*/}" = 2 ] && echo "LCP 1.9 s"',
        "fails once, then succeeds",
        outcomes=(Outcome.FAILED, Outcome.SUCCEEDED),
    ),
)


def put_show(*, board: Board, squad: Squad) -> None:
    """Put everything on the board of a squad that has joined, in one transaction."""
    tasks: dict[str, Task] = {}  # by title
    with board.together():
        for name, slots in SLOTS.items():
            squad.edit(name, {"slots": slots}, actor=PERSON)
        for scene in scenes():
            tasks[scene.title], _ = board.add(_task_of(scene, tasks), actor=PERSON)


def scenes() -> Iterator[Scene]:
    """All of them, slowed down."""
    for scene in (*_MORE[:1], *STORY, *_MORE[1:]):
        yield replace(
            scene,
            command=scene.command if scene.command is _SUITE else _SLEEP.sub(_slower, scene.command),
            timeout=None if scene.timeout is None else scene.timeout * SLOWER,
        )


def _slower(found: re.Match[str]) -> str:
    seconds = float(found[1])
    return f"sleep {seconds if seconds > _LONG_SECONDS else seconds * SLOWER:g}"


def _task_of(scene: Scene, tasks: dict[str, Task]) -> NewTask:
    return NewTask(
        title=scene.title,
        agents=(scene.agent,),
        description=f"What this shows: {scene.shows}.",
        command=scene.command,
        priority=scene.priority,
        after=[tasks[scene.after].id] if scene.after else [],
        max_attempts=scene.max_attempts,
        timeout=scene.timeout,
        review=scene.review,
    )
