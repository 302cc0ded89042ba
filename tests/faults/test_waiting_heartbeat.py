"""A heartbeat that waits attends to its executors, and is never needed: killed or stopped, they go on alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import apsw

from mission_control.domain.attempt import Outcome
from mission_control.execution import process
from support.eventually import eventually, expect
from support.real_mission import AT_THE_GATE, RealMission
from support.testimony import check_testimony, witness

IMPATIENT = Path(__file__).with_name("impatient.py")


def test_slots_that_become_free_are_filled_until_nothing_is_left(make_mission: Callable[..., RealMission]) -> None:
    mission = make_mission(machine_slots=2)
    added = [mission.add(witness()) for _ in range(12)]
    (report,) = mission.beat()
    assert len(report["started"]) == 12
    assert {mission.attempt(task).outcome for task in added} == {Outcome.SUCCEEDED}
    check_testimony(mission)


def test_a_task_added_meanwhile_is_started_by_a_ring(make_mission: Callable[..., RealMission]) -> None:
    mission = make_mission(poll_seconds=3600)
    first = mission.add(AT_THE_GATE)
    waiting = mission.command.start("heartbeat", "--all", "--wait")
    eventually(lambda: list((mission.home / "run").iterdir()))
    eventually(lambda: mission.executing(first))
    second = mission.add("true")
    mission.opened.ring()
    assert expect(lambda: a if (a := mission.attempts(second)) and not a[0].is_live else None)
    mission.open_gate()
    waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert list((mission.home / "run").iterdir()) == []


def test_executors_record_by_themselves_when_their_heartbeat_is_killed(mission: RealMission) -> None:
    added = [mission.add(f"{AT_THE_GATE} {witness()}") for _ in range(4)]
    waiting = mission.command.start("heartbeat", "--all", "--wait")
    for task in added:
        eventually(partial(mission.executing, task))
    waiting.kill()
    waiting.communicate()
    mission.open_gate()
    for task in added:
        assert mission.ended(mission.attempt(task)).outcome is Outcome.SUCCEEDED
    check_testimony(mission)


def test_executors_record_by_themselves_when_their_heartbeat_is_stopped_and_it_does_no_harm_later(
    mission: RealMission,
) -> None:
    task, failing = mission.add(f"{AT_THE_GATE} {witness()}"), mission.add(f"{AT_THE_GATE} exit 1", max_attempts=2)
    waiting = subprocess.Popen(
        [sys.executable, "-P", IMPATIENT, "0.3", str(mission.home)], env=mission.command._environment()
    )
    for added in (task, failing):
        eventually(partial(mission.executing, added))
    os.kill(waiting.pid, signal.SIGSTOP)
    mission.open_gate()
    assert mission.ended(mission.attempt(task)).outcome is Outcome.SUCCEEDED
    assert mission.ended(mission.attempt(failing)).outcome is Outcome.FAILED
    # Another heartbeat takes what is to be tried again; only then does the first one wake up, with old news.
    mission.settle()
    os.kill(waiting.pid, signal.SIGCONT)
    assert waiting.wait(timeout=60) == 0
    assert [attempt.outcome for attempt in mission.attempts(failing)] == [Outcome.FAILED] * 2
    check_testimony(mission)


def test_a_heartbeat_that_reads_old_news_of_a_dead_executor_believes_its_exit_file(mission: RealMission) -> None:
    task = mission.add(f"{AT_THE_GATE} true", max_attempts=2)
    waiting = subprocess.Popen(
        [sys.executable, "-P", IMPATIENT, "0.3", str(mission.home), "stopped"], env=mission.command._environment()
    )
    attempt = expect(partial(mission.executing, task))
    assert attempt.executor is not None
    holder = apsw.Connection(str(mission.folder.database))
    holder.execute("BEGIN IMMEDIATE")
    mission.open_gate()
    eventually(lambda: mission.exit_file(attempt))
    executor = attempt.executor
    os.kill(executor.pid, signal.SIGKILL)
    eventually(lambda: not process.is_alive(executor))
    holder.execute("ROLLBACK")
    holder.close()
    os.kill(waiting.pid, signal.SIGCONT)
    assert waiting.wait(timeout=60) == 0
    mission.settle()
    assert mission.attempt(task).outcome is Outcome.SUCCEEDED


def test_a_heartbeat_that_waits_recovers_an_executor_that_was_killed(mission: RealMission) -> None:
    task = mission.add(witness(seconds=0.2), max_attempts=2)
    held = mission.add(f"{AT_THE_GATE} true", max_attempts=2)
    waiting = mission.command.start("heartbeat", "--all", "--wait")
    eventually(lambda: mission.executing(held))
    executor = mission.attempt(held).executor
    assert executor is not None
    os.kill(executor.pid, signal.SIGKILL)
    eventually(lambda: not process.is_alive(executor))
    mission.open_gate()
    waiting.communicate(timeout=60)
    mission.settle()
    assert [attempt.outcome for attempt in mission.attempts(held)] == [Outcome.LOST, Outcome.SUCCEEDED]
    assert mission.task(task).status == "done"
