"""A clock that was set back stalls no attempt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from mission_control.domain.attempt import Outcome, ProcessIdentity
from mission_control.execution import process
from mission_control.execution.recovery import recover
from support.clock import FakeClock
from support.real_mission import RealMission


def test_a_claim_that_nobody_started_is_ended_though_the_clock_was_set_back(
    make_mission: Callable[..., RealMission],
) -> None:
    mission = make_mission(lease_seconds=60)
    task = mission.add("true")
    gone = ProcessIdentity(2**22 - 1, "1", process.boot())
    mission.board.claim_task(task.id, "ada", claimer=gone)
    clock = FakeClock(mission.opened.clock.now() - timedelta(seconds=30))
    assert recover(mission.board, config=mission.opened.config, clock=clock) == []  # a small step ends nothing
    clock = FakeClock(mission.opened.clock.now() - timedelta(days=365))
    (lost,) = recover(mission.board, config=mission.opened.config, clock=clock)
    assert lost.outcome is Outcome.LOST
