"""Who holds the token works, whoever lost it stops: tested with executors that are late, doubled or forgotten."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from mission_control.board import Claim
from mission_control.domain.attempt import Attempt, Ending, Outcome
from mission_control.execution import process
from mission_control.execution.execution import execution_of
from mission_control.execution.launchers.local import LocalLauncher, start_launcher
from mission_control.store.attempts import Lease
from support.eventually import eventually, expect
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


# While somebody attends the executor


@pytest.fixture
def attended(mission: RealMission) -> Iterator[tuple[Attempt, subprocess.Popen[str]]]:
    """A live attempt and the waiting heartbeat that attends its executor."""
    task = mission.add(AT_THE_GATE, max_attempts=1)
    heartbeat = mission.command.start("heartbeat", "--all", "--wait")
    yield expect(lambda: mission.executing(task)), heartbeat
    heartbeat.send_signal(signal.SIGCONT)
    mission.open_gate()
    heartbeat.communicate(timeout=60)


def is_renewed(mission: RealMission, attempt: Attempt) -> bool:
    """Twice at least: the first may still be the start's."""
    return mission.attempt(attempt).lease_expires_at > attempt.lease_expires_at + timedelta(seconds=2)


def test_whoever_attends_renews_the_lease_and_the_executor_need_not_open_the_board(
    make_mission: Callable[..., RealMission],
) -> None:
    mission = make_mission(
        lease_seconds=6
    )  # long enough that no busy machine keeps the renewal from being told in time
    task = mission.add(AT_THE_GATE)
    heartbeat = mission.command.start("heartbeat", "--all", "--wait")
    attempt = expect(lambda: mission.executing(task))
    assert attempt.executor is not None
    before = pages_of_its_own(attempt.executor.pid)
    eventually(lambda: is_renewed(mission, attempt))
    # An open database costs some 400 pages, which stay.
    assert pages_of_its_own(attempt.executor.pid) - before < 100
    mission.open_gate()
    heartbeat.communicate(timeout=60)


def pages_of_its_own(pid: int) -> int:
    if not os.path.exists("/proc/self/smaps_rollup"):
        pytest.skip("needs the kernel's account of a process's memory")
    found = re.search(r"Private_Dirty: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text())
    assert found is not None
    return int(found[1]) // 4


def test_an_executor_renews_its_lease_itself_while_whoever_attends_it_is_stopped(
    mission: RealMission, attended: tuple[Attempt, subprocess.Popen[str]]
) -> None:
    attempt, heartbeat = attended
    heartbeat.send_signal(signal.SIGSTOP)
    eventually(lambda: is_renewed(mission, attempt))


def test_an_executor_learns_from_whoever_attends_it_that_its_lease_is_lost(
    mission: RealMission, attended: tuple[Attempt, subprocess.Popen[str]]
) -> None:
    attempt, heartbeat = attended
    executor = attempt.executor
    assert executor is not None
    mission.board.finish(Lease(attempt.task_id, attempt.number, attempt.token), Ending(Outcome.LOST, error="by force"))
    eventually(lambda: not process.is_alive(executor))
    heartbeat.communicate(timeout=60)
    assert mission.attempt(attempt).error == "by force"
    assert "lease_lost" in mission.executor_log()


def test_a_cancel_is_heard_with_the_next_renewal_when_no_signal_came(
    mission: RealMission, attended: tuple[Attempt, subprocess.Popen[str]]
) -> None:
    attempt, _ = attended
    mission.board.cancel(attempt.task_id, actor="tester")
    assert mission.ended(attempt).outcome is Outcome.CANCELLED
