"""Attempts without an executor are found and ended once, with the cause; everybody else is left in peace."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from mission_control.board import Board, Claim
from mission_control.config import Config
from mission_control.domain.attempt import Attempt, Ending, Outcome, ProcessIdentity
from mission_control.execution import exit_file, process, recovery
from mission_control.execution.recovery import recover
from mission_control.folder import make_private_directory
from support.clock import FakeClock
from support.command import COMMAND
from support.eventually import eventually, expect
from support.real_mission import AT_THE_GATE, RealMission


@pytest.fixture
def bystander() -> Iterator[ProcessIdentity]:
    """A living process in a session of its own that has nothing to do with us."""
    running = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    known = expect(lambda: process.identity(running.pid))
    yield known
    running.kill()
    running.wait()


@pytest.fixture
def gone() -> ProcessIdentity:
    """A process of this boot that has ended."""
    ended = subprocess.Popen(["true"])
    known = process.identity(ended.pid)
    ended.wait()
    return known or ProcessIdentity(ended.pid, "1", process.boot())


def claim(mission: RealMission, claimer: ProcessIdentity, *, board: Board | None = None) -> Claim:
    task = mission.add("true", max_attempts=5)
    return (board or mission.board).claim_task(task.id, "ada", claimer=claimer)


def started(mission: RealMission, executor: ProcessIdentity, *, board: Board | None = None) -> Claim:
    taken = claim(mission, process.own_identity(), board=board)
    (board or mission.board).start(taken.lease, executor)
    return taken


def recovered(mission: RealMission, *, after: timedelta = timedelta(0)) -> list[Attempt]:
    """What a recovery ends; the wall clock may have gone on before it."""
    clock = FakeClock(mission.opened.clock.now() + after)
    return recover(mission.board, config=mission.opened.config, clock=clock)


def on_host(mission: RealMission, host: str) -> Board:
    config = Config(home=mission.home, host=host, lease_seconds=60)
    return Board(mission.opened.store, mission.opened.clock, config, refuses=lambda _runner, _command: None)


def finish(mission: RealMission, taken: Claim) -> None:
    mission.board.finish(taken.lease, Ending(Outcome.SUCCEEDED, exit_code=0))


def test_a_later_process_with_the_executors_pid_is_not_taken_for_it_nor_harmed(
    mission: RealMission, bystander: ProcessIdentity
) -> None:
    started(mission, ProcessIdentity(bystander.pid, "1", bystander.boot))
    (lost,) = recovered(mission)
    assert lost.outcome is Outcome.LOST
    assert lost.error == f"its executor (pid {bystander.pid}) is gone"
    assert process.is_alive(bystander)


def test_an_attempt_from_before_a_restart_is_lost(mission: RealMission, bystander: ProcessIdentity) -> None:
    started(mission, ProcessIdentity(bystander.pid, bystander.started, "another boot"))
    (lost,) = recovered(mission)
    assert lost.error is not None and "was restarted" in lost.error
    assert process.is_alive(bystander)


def test_an_attempt_of_another_machine_is_lost_when_its_lease_has_expired_and_not_before(mission: RealMission) -> None:
    elsewhere = ProcessIdentity(os.getpid(), "1", "another boot")
    started(mission, elsewhere, board=on_host(mission, "elsewhere"))
    assert recovered(mission, after=timedelta(seconds=50)) == []
    (lost,) = recovered(mission, after=timedelta(seconds=70))
    assert lost.error is not None and "no sign of life from elsewhere" in lost.error


def test_a_living_executor_is_never_judged_by_the_clock(mission: RealMission, bystander: ProcessIdentity) -> None:
    taken = started(mission, bystander)
    assert recovered(mission, after=timedelta(days=1)) == []
    finish(mission, taken)


def test_a_claim_whose_claimer_lives_is_left_to_it(mission: RealMission, bystander: ProcessIdentity) -> None:
    taken = claim(mission, bystander)
    assert recovered(mission, after=timedelta(days=1)) == []
    finish(mission, taken)


def test_a_claim_whose_claimer_ended_has_its_lease_to_start(mission: RealMission, gone: ProcessIdentity) -> None:
    claim(mission, gone)
    assert recovered(mission) == []
    (lost,) = recovered(mission, after=timedelta(seconds=2))
    assert lost.error == f"whoever claimed it (pid {gone.pid}) ended before it started"


def test_an_executor_that_starts_after_it_was_given_up_for_dead_is_left_in_peace(
    mission: RealMission, gone: ProcessIdentity, bystander: ProcessIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = claim(mission, gone)
    genuine = recovery.end_leftovers

    def while_leftovers_are_sought(attempts: Sequence[Attempt], *, config: Config) -> set[str]:
        mission.board.start(taken.lease, bystander)
        return genuine(attempts, config=config)

    monkeypatch.setattr(recovery, "end_leftovers", while_leftovers_are_sought)
    assert recovered(mission, after=timedelta(seconds=2)) == []
    finish(mission, taken)


def test_an_exit_file_is_believed_only_with_the_token_of_the_attempt(
    mission: RealMission, gone: ProcessIdentity
) -> None:
    believed, doubted, damaged = (started(mission, gone) for _ in range(3))
    for taken, token in ((believed, believed.lease.token), (doubted, 1_000_000)):
        folder = mission.folder.attempt(taken.task.id, 1)
        make_private_directory(folder)
        exit_file.write(folder, token, Ending(Outcome.FAILED, exit_code=3, error="exit status 3"))
    make_private_directory(mission.folder.attempt(damaged.task.id, 1))
    (mission.folder.attempt(damaged.task.id, 1) / exit_file.NAME).write_text('{"token": ')
    outcomes = {ended.task_id: (ended.outcome, ended.exit_code) for ended in recovered(mission)}
    assert outcomes == {
        believed.task.id: (Outcome.FAILED, 3),
        doubted.task.id: (Outcome.LOST, None),
        damaged.task.id: (Outcome.LOST, None),
    }


def test_what_is_marked_by_another_attempt_or_mission_is_not_touched(
    mission: RealMission, gone: ProcessIdentity
) -> None:
    started(mission, gone)
    marks = [f"{mission.home}:T-1/10", f"{mission.home}:T-11/1", f"{mission.home}2:T-1/1"]
    others = [subprocess.Popen(["sleep", "1000"], env={"MISSIONCTL_MARK": mark}) for mark in marks]
    ours = subprocess.Popen(["sleep", "1000"], env={"MISSIONCTL_MARK": f"{mission.home}:T-1/1"})
    recovered(mission)
    assert ours.wait(timeout=20) == -signal.SIGTERM
    assert [other.poll() for other in others] == [None] * 3
    for other in others:
        other.kill()
        other.wait()


def test_an_attempt_is_ended_once_however_many_heartbeats_find_it(mission: RealMission) -> None:
    attempts = [mission.start("sleep 1000", to=name) for name in ("ada", "bob")]
    for attempt in attempts:
        assert attempt.executor is not None
        os.kill(attempt.executor.pid, signal.SIGKILL)
    rivals = [mission.command.start("heartbeat", "--all", "--json") for _ in range(3)]
    reports = "".join(rival.communicate(timeout=60)[0] for rival in rivals)
    assert reports.count('"outcome": "lost"') == 2
    assert {mission.attempt(attempt).outcome for attempt in attempts} == {Outcome.LOST}


def test_an_executor_stopped_beyond_its_lease_goes_on_where_it_was(mission: RealMission) -> None:
    attempt = mission.start(AT_THE_GATE)
    executor = attempt.executor
    assert executor is not None
    os.kill(executor.pid, signal.SIGSTOP)
    eventually(lambda: mission.attempt(attempt).lease_expires_at < mission.opened.clock.now())
    (report,) = mission.beat()
    assert report["reaped"] == []
    os.kill(executor.pid, signal.SIGCONT)
    mission.open_gate()
    assert mission.ended(attempt).outcome is Outcome.SUCCEEDED


def test_a_heartbeat_that_cannot_see_the_processes_leaves_what_renews_its_lease(mission: RealMission) -> None:
    """As in a container that shares the mission and the host's name, but not its processes."""
    apart = ["unshare", "--pid", "--fork", "--mount-proc"]
    try:
        subprocess.run([*apart, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as fault:
        pytest.skip(f"no pid namespace can be made here, so nothing is said about containers: {fault}")
    attempt = mission.start(AT_THE_GATE)
    eventually(lambda: mission.attempt(attempt).lease_expires_at > attempt.lease_expires_at)
    subprocess.run(
        [*apart, COMMAND, "heartbeat", "--all"],
        cwd=mission.home,
        env=mission.command._environment(),
        check=True,
        capture_output=True,
    )
    assert mission.attempt(attempt).is_live
    mission.open_gate()
    assert mission.ended(attempt).outcome is Outcome.SUCCEEDED
