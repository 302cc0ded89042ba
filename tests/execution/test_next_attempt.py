"""An executor that is done is given the next claim: a process for each attempt at a time, not for each attempt."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mission_control.board import Claim
from mission_control.clock import SystemClock
from mission_control.config import Config
from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Status
from mission_control.execution.attended import Attended
from mission_control.execution.execution import Execution
from mission_control.execution.executor import Executor
from mission_control.execution.recorder import Recorder
from mission_control.squad import NewAgent
from mission_control.store.attempts import Lease
from support.eventually import expect
from support.factories import PERSON
from support.real_mission import AT_THE_GATE, RealMission

SECOND = Execution(
    task_id=2, number=1, token=2, agent="ada", runner="shell", model=None, command="true", timeout_seconds=9, key="mck"
)


@pytest.fixture
def mission(make_mission: Callable[..., RealMission]) -> RealMission:
    """One agent with one slot, so that the second task can only start when the first has ended."""
    mission = make_mission(grace_seconds=0.2)
    mission.opened.squad.add(NewAgent(name="ada", slots=1), actor=PERSON)
    return mission


def test_an_executor_that_is_done_goes_on_with_the_next_claim(mission: RealMission) -> None:
    first, second = mission.add("pwd; echo $MISSIONCTL_ATTEMPT"), mission.add("pwd; echo $MISSIONCTL_ATTEMPT")
    mission.beat()
    before, after = mission.attempt(first), mission.attempt(second)
    assert before.executor is not None
    assert before.executor == after.executor
    assert before.token < after.token
    for attempt in (before, after):
        assert attempt.outcome is Outcome.SUCCEEDED
        where, name = mission.output(attempt).decode().split()
        assert (Path(where), name) == (mission.folder.attempt(attempt.task_id, 1) / "workspace", attempt.name)


def test_nothing_of_an_attempt_lives_when_the_next_begins(mission: RealMission) -> None:
    mission.add("setsid sh -c 'trap \"\" TERM; while :; do sleep 0.05; done' & echo $! > $MISSIONCTL_HOME/left; exit 1")
    second = mission.add('kill -0 "$(cat "$MISSIONCTL_HOME/left")" 2>/dev/null && echo alive || echo gone')
    mission.beat()
    assert mission.output(second) == b"gone\n"


def test_a_failed_attempt_lends_nothing_to_the_next(mission: RealMission) -> None:
    first, second = mission.add("kill -KILL $$"), mission.add("true")
    mission.beat()
    assert (mission.attempt(first).outcome, mission.attempt(first).signal) == (Outcome.FAILED, 9)
    after = mission.attempt(second)
    assert (after.outcome, after.exit_code, after.signal, after.error) == (Outcome.SUCCEEDED, 0, None, None)


def test_the_kill_of_an_executor_costs_the_attempt_it_is_at_and_no_earlier_one(mission: RealMission) -> None:
    first, second = mission.add("true"), mission.add(AT_THE_GATE, max_attempts=2)
    heartbeat = mission.command.start("heartbeat", "ada", "--wait")
    attempt = expect(lambda: mission.executing(second))
    assert attempt.executor == mission.attempt(first).executor
    assert attempt.executor is not None
    os.kill(attempt.executor.pid, signal.SIGKILL)
    mission.ended(attempt)
    mission.open_gate()
    heartbeat.communicate(timeout=60)
    mission.settle()
    assert mission.attempt(first).outcome is Outcome.SUCCEEDED
    assert [tried.outcome for tried in mission.attempts(second)] == [Outcome.LOST, Outcome.SUCCEEDED]


def test_a_cancelled_attempt_leaves_its_executor_fit_for_the_next(mission: RealMission) -> None:
    first, second = mission.add("sleep 1000"), mission.add("true")
    heartbeat = mission.command.start("heartbeat", "ada", "--wait")
    attempt = expect(lambda: mission.executing(first))
    mission.board.cancel(first.id, actor=PERSON)
    assert mission.opened.tell(attempt)
    heartbeat.communicate(timeout=60)
    assert mission.task(first).status is Status.CANCELLED
    assert mission.attempt(second).outcome is Outcome.SUCCEEDED


def test_an_executor_that_is_told_to_stop_gives_its_attempt_back_and_takes_no_other(mission: RealMission) -> None:
    task = mission.add(AT_THE_GATE)
    heartbeat = mission.command.start("heartbeat", "ada", "--wait")
    attempt = expect(lambda: mission.executing(task))
    assert attempt.executor is not None
    os.kill(attempt.executor.pid, signal.SIGTERM)
    again = expect(lambda: mission.attempts(task)[1:])[0]
    mission.open_gate()
    heartbeat.communicate(timeout=60)
    assert mission.attempt(attempt).outcome is Outcome.RELEASED
    after = mission.attempt(again)
    assert after.outcome is Outcome.SUCCEEDED
    assert after.executor != attempt.executor


# The moments between two attempts, each made by hand on a channel without a process behind it.


@pytest.fixture
def channel(tmp_path: Path) -> Any:
    """`executor` has ended its first attempt and speaks with `attended`; `signals` is where its signals arrive."""
    ours, theirs = socket.socketpair()
    executor = Executor(
        replace(SECOND, task_id=1, token=1), config=Config(tmp_path), clock=SystemClock(), inherited={}, by_runner={}
    )
    executor._recorder = Recorder(_no_board, theirs)
    executor._wakeup, signals = os.pipe()
    attended = Attended(ours, _claim())
    yield SimpleNamespace(executor=executor, attended=attended, signals=signals, theirs=theirs)
    for descriptor in (executor._wakeup, signals):
        os.close(descriptor)
    ours.close()
    theirs.close()


def _claim() -> Claim:
    task = SimpleNamespace(id=2, command="true", timeout_seconds=9)
    agent = SimpleNamespace(name="ada", runner="shell", model=None)
    return Claim(cast("Any", task), cast("Any", agent), Lease(2, 1, 2), "mck")


def _no_board() -> Any:
    raise AssertionError


def test_an_order_that_has_arrived_with_the_word_to_stop_is_taken_and_given_back(channel: Any) -> None:
    channel.attended.give(_claim())
    os.write(channel.signals, bytes([signal.SIGTERM]))
    order = channel.executor._next_order()
    assert order is not None
    assert order.execution == SECOND
    assert channel.executor._is_stopping, "its run releases the attempt instead of starting it"


def test_an_executor_that_was_told_to_stop_takes_no_more_orders(channel: Any) -> None:
    os.write(channel.signals, bytes([signal.SIGTERM]))
    assert channel.executor._next_order() is None
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        channel.attended.give(_claim())


def test_an_executor_without_work_ends_when_nobody_speaks_to_it_any_more(channel: Any) -> None:
    channel.attended.channel.close()
    assert channel.executor._next_order() is None


def test_a_cancel_that_comes_between_two_attempts_is_looked_at_in_the_next(channel: Any) -> None:
    os.write(channel.signals, bytes([signal.SIGUSR1]))
    channel.executor._signals()
    assert channel.executor._is_news
