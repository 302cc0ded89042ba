"""kill -9 at every step between claim and record: afterwards heartbeats bring every task to its end, once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Status
from mission_control.squad import NewAgent
from support.factories import PERSON
from support.real_mission import RealMission
from support.testimony import check_testimony, witness

STRICKEN = Path(__file__).with_name("stricken.py")
EXECUTION = "mission_control.execution"

# In the order in which a heartbeat comes to them: (whose, function, right before or after, which of its calls).
STEPS_OF_HEARTBEAT = [
    ("mission_control.board:Board.claim", "before", 1),
    ("mission_control.board:Board.claim", "after", 1),  # not yet committed
    (f"{EXECUTION}.attendance:Attendance.launch", "before", 1),  # claimed, committed
    (f"{EXECUTION}.launchers.local:LocalLauncher.launch", "before", 1),
    (f"{EXECUTION}.launchers.local:LocalLauncher.launch", "after", 1),
    (f"{EXECUTION}.attended:Attended.listen", "before", 1),  # the executor has said that it starts
    (f"{EXECUTION}.attendance:Attendance._write", "after", 1),  # not yet committed
    (f"{EXECUTION}.attendance:Attendance._answer", "before", 1),  # committed, not answered
    (f"{EXECUTION}.attendance:Attendance._answer", "after", 1),
    (f"{EXECUTION}.attended:Attended.listen", "before", 2),  # the executor has said how it ended
    (f"{EXECUTION}.attendance:Attendance._write", "before", 2),
    (f"{EXECUTION}.attendance:Attendance._write", "after", 2),
    (f"{EXECUTION}.attendance:Attendance._answer", "before", 2),
    (f"{EXECUTION}.attendance:Attendance._answer", "after", 2),
]
STEPS_OF_LAUNCHER = [
    (f"{EXECUTION}.launchers.forking:main", "before", 1),
    (f"{EXECUTION}.launchers.forking:receive", "after", 1),  # it has the settings
    (f"{EXECUTION}.launchers.forking:receive", "after", 2),  # it has the execution
    (f"{EXECUTION}.launchers.forking:_Launcher.fork_executor", "before", 1),
    (f"{EXECUTION}.launchers.forking:_Launcher.fork_executor", "after", 1),
]
STEPS_OF_EXECUTOR = [
    (f"{EXECUTION}.executor:Executor.live", "before", 1),
    (f"{EXECUTION}.recorder:Recorder.start", "before", 1),
    (f"{EXECUTION}.recorder:Recorder._read_line", "before", 1),  # start said
    (f"{EXECUTION}.recorder:Recorder._read_line", "after", 1),  # start answered
    (f"{EXECUTION}.executor:Executor._work", "before", 1),
    (f"{EXECUTION}.tree:Tree.start", "before", 1),
    (f"{EXECUTION}.tree:Tree.start", "after", 1),  # the runner runs
    (f"{EXECUTION}.executor:Executor._watch", "after", 1),  # the runner has ended
    (f"{EXECUTION}.tree:Tree.end", "after", 1),
    (f"{EXECUTION}.exit_file:write", "before", 1),
    (f"{EXECUTION}.exit_file:write", "after", 1),
    (f"{EXECUTION}.recorder:Recorder._read_line", "before", 2),  # finish said
    (f"{EXECUTION}.recorder:Recorder._read_line", "after", 2),  # finish answered
    (f"{EXECUTION}.recorder:Recorder.report", "after", 1),
]
STEPS = [
    (role, *step)
    for role, steps in (
        ("heartbeat", STEPS_OF_HEARTBEAT),
        ("launcher", STEPS_OF_LAUNCHER),
        ("executor", STEPS_OF_EXECUTOR),
    )
    for step in steps
]
NAMES = [f"{role} {when} {target.rpartition('.')[2]} {nth}" for role, target, when, nth in STEPS]


def strike(mission: RealMission, role: str, target: str, when: str, nth: int) -> None:
    """Give a heartbeat in which somebody is killed at this step."""
    stricken = subprocess.run(
        [sys.executable, "-P", STRICKEN, role, target, when, str(nth), str(mission.home)],
        cwd=mission.home,
        env=mission.command._environment(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (mission.home / "struck").exists(), stricken.stderr.decode()
    assert stricken.returncode == (-signal.SIGKILL if role == "heartbeat" else 0), stricken.stderr.decode()


def assert_ends_well(mission: RealMission) -> None:
    mission.settle()
    check_testimony(mission)


@pytest.mark.slow
@pytest.mark.parametrize(("role", "target", "when", "nth"), STEPS, ids=NAMES)
def test_a_kill_at_any_step_neither_loses_a_task_nor_runs_it_twice_at_once(
    mission: RealMission, role: str, target: str, when: str, nth: int
) -> None:
    task = mission.add(witness(seconds=0.1), max_attempts=3)
    strike(mission, role, target, when, nth)
    assert_ends_well(mission)
    assert mission.task(task).status is Status.DONE
    *without_success, last = [attempt.outcome for attempt in mission.attempts(task)]
    assert last is Outcome.SUCCEEDED
    assert without_success.count(Outcome.LOST) <= 1
    assert set(without_success) <= {Outcome.LOST, Outcome.RELEASED}


# The same where an executor is given its second attempt.
STEPS_TO_THE_NEXT = [
    ("heartbeat", "mission_control.moves:Moves.move", "after", 3),  # claimed, not yet committed
    ("heartbeat", f"{EXECUTION}.attended:Attended.give", "before", 1),  # committed, with the first one's end
    ("heartbeat", f"{EXECUTION}.attended:Attended.give", "after", 1),
    ("executor", f"{EXECUTION}.executor:Executor._next_order", "before", 1),
    ("executor", f"{EXECUTION}.executor:Executor._next_order", "after", 1),
    ("executor", f"{EXECUTION}.executor:Executor._prepare", "after", 1),
    ("executor", f"{EXECUTION}.tree:Tree.start", "before", 2),
    ("executor", f"{EXECUTION}.tree:Tree.start", "after", 2),
    ("executor", f"{EXECUTION}.exit_file:write", "before", 2),
    ("executor", f"{EXECUTION}.exit_file:write", "after", 2),
    ("executor", f"{EXECUTION}.recorder:Recorder.report", "after", 2),
]


@pytest.mark.slow
@pytest.mark.parametrize(("role", "target", "when", "nth"), STEPS_TO_THE_NEXT)
def test_a_kill_between_two_attempts_of_an_executor_harms_neither(
    mission: RealMission, role: str, target: str, when: str, nth: int
) -> None:
    mission.opened.squad.add(NewAgent(name="ada", slots=1), actor=PERSON)
    first, second = (mission.add(witness(seconds=0.05), max_attempts=3) for _ in range(2))
    strike(mission, role, target, when, nth)
    assert_ends_well(mission)
    assert mission.attempt(first).outcome is Outcome.SUCCEEDED
    *without_success, last = [attempt.outcome for attempt in mission.attempts(second)]
    assert last is Outcome.SUCCEEDED
    assert without_success.count(Outcome.LOST) <= 1
    assert set(without_success) <= {Outcome.LOST, Outcome.RELEASED}


HONOURED = [
    ("executor", f"{EXECUTION}.exit_file:write", "after", 1),
    ("executor", f"{EXECUTION}.recorder:Recorder._read_line", "before", 2),
    ("heartbeat", f"{EXECUTION}.attendance:Attendance._write", "before", 2),
    ("heartbeat", f"{EXECUTION}.attendance:Attendance._answer", "before", 2),
]


@pytest.mark.parametrize(("role", "target", "when", "nth"), HONOURED)
def test_work_that_is_in_its_exit_file_is_never_done_again(
    mission: RealMission, role: str, target: str, when: str, nth: int
) -> None:
    task = mission.add(witness(), max_attempts=3)
    strike(mission, role, target, when, nth)
    assert_ends_well(mission)
    assert mission.attempt(task).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("address", ["postgres"], indirect=True)
@pytest.mark.parametrize(("role", "target", "when", "nth"), HONOURED)
def test_a_kill_around_the_commit_is_as_harmless_on_postgres(
    address: str, make_mission: Callable[..., RealMission], role: str, target: str, when: str, nth: int
) -> None:
    mission = make_mission(database=address)
    mission.add(witness(), max_attempts=3)
    strike(mission, role, target, when, nth)
    assert_ends_well(mission)


def test_a_heartbeat_killed_with_many_executors_under_way_loses_none_of_them(mission: RealMission) -> None:
    added = [mission.add(witness(seconds=0.3)) for _ in range(8)]
    strike(mission, "heartbeat", f"{EXECUTION}.attendance:Attendance._answer", "after", 8)
    assert_ends_well(mission)
    assert [mission.attempt(task).outcome for task in added] == [Outcome.SUCCEEDED] * 8
