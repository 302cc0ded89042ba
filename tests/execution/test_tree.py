"""An attempt ends with its last process (I5): whatever its children do to get away, and nothing else is touched."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mission_control.domain.attempt import Attempt, Outcome
from mission_control.execution import process
from support.eventually import eventually, expect
from support.real_mission import RealMission

PIDS = '"$MISSIONCTL_HOME/pids"'
FORK_BOMBER = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pids = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(pids, f"{os.getpid()}\\n".encode())
while True:
    # Each child takes its parent's place, in a session of its own.
    if os.fork():
        os._exit(0)
    os.setsid()
    os.write(pids, f"{os.getpid()}\\n".encode())
"""

# What a runner may start to get away from us: each notes its pid and would live for ever.
NOTE = f"echo $$ >> {PIDS}"
ESCAPES = {
    "a plain child": f"sh -c '{NOTE}; exec sleep 1000' & ",
    "one that ignores SIGTERM": f"sh -c 'trap \"\" TERM; {NOTE}; while :; do sleep 1; done' & ",
    "one in a session of its own": f"setsid sh -c '{NOTE}; exec sleep 1000' & ",
    "one whose parents have ended": f"(setsid sh -c '({NOTE}; exec sleep 1000) & ' &) ; ",
    "one without our environment": f"env -i MISSIONCTL_HOME=\"$MISSIONCTL_HOME\" setsid sh -c '{NOTE}; sleep 1000' & ",
    "one that is stopped": f"sh -c '{NOTE}; kill -STOP $$; exec sleep 1000' & ",
    "one that left the folder and the output": f"sh -c 'cd /; {NOTE}; exec sleep 1000 >/dev/null 2>&1 </dev/null' & ",
}
WAIT_FOR_CHILD = f"until [ -s {PIDS} ]; do sleep 0.01; done; "


def noted(mission: RealMission) -> list[int]:
    path = mission.home / "pids"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def assert_all_gone(mission: RealMission) -> None:
    pids = noted(mission)
    assert pids
    alive = [pid for pid in pids if process.identity(pid)]
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    assert alive == []


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
def test_nothing_of_an_attempt_that_reached_its_time_limit_lives(mission: RealMission, escape: str) -> None:
    attempt = mission.run(f"{escape} {WAIT_FOR_CHILD} exec sleep 1000", timeout=1)
    assert (attempt.outcome, attempt.error) == (Outcome.TIMED_OUT, "time limit of 1 s reached")
    assert_all_gone(mission)


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
def test_nothing_of_an_attempt_that_succeeded_lives(mission: RealMission, escape: str) -> None:
    attempt = mission.run(f"{escape} {WAIT_FOR_CHILD} echo done")
    assert attempt.outcome is Outcome.SUCCEEDED
    assert "stragglers_ended" in mission.executor_log()
    assert_all_gone(mission)


def test_a_runner_that_becomes_a_background_process_is_ended_with_its_attempt(mission: RealMission) -> None:
    attempt = mission.run(
        f"setsid sh -c '{NOTE}; exec sleep 1000' </dev/null >/dev/null 2>&1 & {WAIT_FOR_CHILD} exit 0"
    )
    assert attempt.outcome is Outcome.SUCCEEDED
    assert_all_gone(mission)


def test_a_runner_that_handles_sigterm_may_finish_within_its_grace(make_mission) -> None:
    mission = make_mission(grace_seconds=30)
    attempt = mission.run("trap 'echo tidy; exit 0' TERM; while :; do sleep 0.05; done", timeout=0.5)
    assert attempt.outcome is Outcome.TIMED_OUT
    assert mission.output(attempt).endswith(b"tidy\n")


def test_processes_that_fork_while_they_are_killed_are_all_ended(mission: RealMission, tmp_path: Path) -> None:
    bomber = shlex.join([sys.executable, "-I", "-S", "-c", FORK_BOMBER, str(mission.home / "pids")])
    attempt = mission.run(bomber, timeout=1)
    assert attempt.outcome in (Outcome.TIMED_OUT, Outcome.SUCCEEDED)
    assert_all_gone(mission)


def test_nothing_outside_of_the_tree_is_signalled(mission: RealMission) -> None:
    bystander = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    other = mission.start("sleep 1000", to="bob")
    mission.run("exec sleep 1000", timeout=0.3)
    assert bystander.poll() is None
    assert mission.attempt(other).is_live
    assert other.executor is not None and process.is_alive(other.executor)
    bystander.kill()
    bystander.wait()
    cancel(mission, other)


def cancel(mission: RealMission, attempt: Attempt) -> Attempt:
    mission.board.cancel(attempt.task_id, actor="tester")
    assert mission.opened.tell(mission.attempt(attempt))
    return mission.ended(attempt)


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
def test_nothing_of_a_cancelled_attempt_lives(mission: RealMission, escape: str) -> None:
    attempt = mission.start(f"{escape} exec sleep 1000")
    eventually(lambda: noted(mission))
    assert cancel(mission, attempt).outcome is Outcome.CANCELLED
    assert mission.task(attempt).status == "cancelled"
    assert_all_gone(mission)


def test_a_cancel_that_nobody_tells_is_seen_at_the_next_renewal(mission: RealMission) -> None:
    attempt = mission.start("sleep 1000")
    mission.board.cancel(attempt.task_id, actor="tester")
    assert mission.ended(attempt).outcome is Outcome.CANCELLED
    assert mission.task(attempt).status == "cancelled"


def test_an_executor_that_gets_sigterm_gives_the_task_back_uncounted(mission: RealMission) -> None:
    attempt = mission.start(f"{ESCAPES['one in a session of its own']} exec sleep 1000")
    eventually(lambda: noted(mission))
    assert attempt.executor is not None
    os.kill(attempt.executor.pid, signal.SIGTERM)
    assert mission.ended(attempt).outcome is Outcome.RELEASED
    task = mission.task(attempt)
    assert (task.status, task.failures) == ("inbox", 0)
    assert_all_gone(mission)


# What an executor that was killed could not end itself; the next heartbeat does.
@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
def test_what_a_killed_executor_leaves_is_ended_by_the_next_heartbeat(mission: RealMission, escape: str) -> None:
    attempt = mission.start(f"{escape} exec sleep 1000")
    eventually(lambda: noted(mission))
    kill_executor(attempt)
    (report,) = mission.beat()
    assert report["reaped"][0]["outcome"] == "lost"
    assert_all_gone(mission)
    lost = mission.attempt(attempt)
    assert lost.error is not None and "is gone" in lost.error


def test_a_child_without_our_environment_is_found_while_its_parent_or_its_session_is_there(
    mission: RealMission,
) -> None:
    attempt = mission.start(
        f"env -i setsid sh -c 'echo $$ >> {mission.home}/pids; exec sleep 1000' & "  # by its parent
        f"(env -i sh -c 'echo $$ >> {mission.home}/pids; exec sleep 1000' &) ; wait; exec sleep 1000"  # by its session
    )
    expect(lambda: len(noted(mission)) == 2 or None)
    kill_executor(attempt)
    mission.beat()
    assert_all_gone(mission)


def test_somebody_who_reads_the_log_of_a_lost_attempt_in_its_folder_is_left_in_peace(mission: RealMission) -> None:
    attempt = mission.start("echo here; exec sleep 1000")
    output = mission.folder.output(attempt.task_id, attempt.number)
    eventually(lambda: output.read_text() == "here\n")
    with subprocess.Popen(["tail", "-f", output], cwd=output.parent / "workspace", stdout=subprocess.DEVNULL) as reader:
        kill_executor(attempt)
        mission.beat()
        assert reader.poll() is None
        reader.kill()
    assert mission.attempt(attempt).outcome == "lost"


def kill_executor(attempt: Attempt) -> None:
    executor = attempt.executor
    assert executor is not None
    os.kill(executor.pid, signal.SIGKILL)
    eventually(lambda: not process.is_alive(executor))
