"""Who holds the token works, whoever lost it stops: tested with executors that are late, doubled or forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mission_control.board import Claim
from mission_control.domain.attempt import Ending, Outcome
from mission_control.execution import process
from mission_control.execution.execution import execution_of
from mission_control.execution.launchers.local import LocalLauncher, start_launcher
from mission_control.store.attempts import Lease
from support.eventually import eventually
from support.real_mission import AT_THE_GATE, RealMission
from support.testimony import check_testimony, statements, witness


@contextmanager
def launcher_of(mission: RealMission) -> Iterator[LocalLauncher]:
    launcher = start_launcher(mission.opened.config, mission.command._environment())
    yield launcher
    launcher.close()


def claimed(mission: RealMission, command: str) -> Claim:
    task = mission.add(command, max_attempts=3)
    return mission.board.claim_task(task.id, "ada", claimer=process.own_identity())


def test_an_executor_whose_claim_is_over_never_starts_the_runner(mission: RealMission) -> None:
    claim = claimed(mission, witness())
    mission.board.finish(claim.lease, Ending(Outcome.RELEASED))
    with launcher_of(mission) as launcher:
        launcher.launch(execution_of(claim)).close()
        eventually(lambda: "lease_lost" in mission.executor_log())
    assert statements(mission) == []
    assert mission.attempt(claim.task).outcome is Outcome.RELEASED


def test_an_execution_that_is_delivered_twice_runs_once(mission: RealMission) -> None:
    claim = claimed(mission, witness())
    with launcher_of(mission) as launcher:
        for _ in range(4):
            launcher.launch(execution_of(claim)).close()
        eventually(lambda: mission.executor_log().count("lease_lost") == 3)
    mission.ended(mission.attempt(claim.task))
    check_testimony(mission)
    assert [word for word, _ in statements(mission)] == ["START", "END"]


def test_an_executor_that_lost_its_lease_ends_its_tree_and_records_nothing(mission: RealMission) -> None:
    attempt = mission.start(f"(setsid sleep 1000 &); {AT_THE_GATE}", max_attempts=2)
    lease = Lease(attempt.task_id, attempt.number, attempt.token)
    mission.board.finish(lease, Ending(Outcome.LOST, error="by force"))
    executor = attempt.executor
    assert executor is not None
    eventually(lambda: not process.is_alive(executor))
    assert not mission.processes()
    assert mission.attempt(attempt).error == "by force"
    assert mission.exit_file(attempt) is None
    mission.open_gate()
    mission.settle()
    assert mission.task(attempt).status == "done"


def test_a_lease_is_renewed_for_as_long_as_the_runner_runs(mission: RealMission) -> None:
    attempt = mission.start(AT_THE_GATE)
    eventually(lambda: mission.attempt(attempt).lease_expires_at > attempt.lease_expires_at)
    mission.open_gate()
    assert mission.ended(attempt).outcome is Outcome.SUCCEEDED


def test_a_task_cancelled_before_its_executor_starts_never_runs(mission: RealMission) -> None:
    claim = claimed(mission, witness())
    mission.board.cancel(claim.task.id, actor="tester")
    with launcher_of(mission) as launcher:
        launcher.launch(execution_of(claim)).close()
        assert mission.ended(mission.attempt(claim.task)).outcome is Outcome.CANCELLED
    assert statements(mission) == []


@pytest.mark.parametrize("address", ["postgres"], indirect=True)
def test_an_execution_that_is_delivered_twice_runs_once_on_postgres(address: str, make_mission) -> None:
    test_an_execution_that_is_delivered_twice_runs_once(make_mission(database=address))
