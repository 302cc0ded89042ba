"""A process that may open hardly any file says so, and takes nobody else for dead."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Status
from mission_control.execution import process
from support.command import COMMAND, Answer
from support.real_mission import RealMission
from support.testimony import check_testimony, witness

LIMITS = (6, 8, 10, 12, 18)  # from hardly a database to some of its executors


def beat_with(mission: RealMission, files: int, *options: str) -> Answer:
    """A heartbeat of a shell that has set such a limit."""
    words = ("heartbeat", "--all", *options)
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n "$0"; exec "$@"', str(files), COMMAND, *words],
        cwd=mission.home,
        env=mission.command._environment(),
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
    )
    return Answer(words, done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("files", LIMITS)
def test_a_heartbeat_that_cannot_open_files_gives_back_what_it_cannot_start(mission: RealMission, files: int) -> None:
    added = [mission.add(witness(), max_attempts=1) for _ in range(8)]
    answer = beat_with(mission, files, "--wait")
    assert answer.code in (0, 5), answer
    assert answer.code == 0 or "Too many open files" in answer.err + answer.out
    assert answer.err.count("\n") <= 1, answer.err
    mission.settle()
    assert {mission.task(task).status for task in added} == {Status.DONE}
    outcomes = {attempt.outcome for task in added for attempt in mission.attempts(task)}
    assert outcomes <= {Outcome.SUCCEEDED, Outcome.RELEASED}, "an attempt was used up"
    check_testimony(mission)


def test_the_limits_of_these_tests_are_felt(mission: RealMission) -> None:
    mission.add("true")
    assert beat_with(mission, LIMITS[0]).code == 5
    mission.settle()


LOOK = """
import os, resource
from mission_control.execution import process

known = process.identity(os.getppid())
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
try:
    print(process.is_alive(known))
except OSError as fault:
    print(fault.strerror)
"""


@pytest.mark.skipif(not process.HAS_PROC, reason="without /proc another program does the looking")
def test_a_living_process_is_never_taken_for_dead_by_one_who_cannot_look() -> None:
    looked = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, check=True, text=True)
    assert looked.stdout == "Too many open files\n"
