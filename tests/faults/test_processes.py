"""Restarts, crash loops, stopped executors and zombies: no attempt is used up, none is executed twice."""

from __future__ import annotations

import os
import signal

from mission_control.board import Claim
from mission_control.domain.attempt import Ending, Outcome, ProcessIdentity
from mission_control.domain.task import Status
from mission_control.execution import exit_file, process
from mission_control.folder import make_private_directory
from mission_control.store.attempts import Lease
from support.eventually import eventually
from support.real_mission import AT_THE_GATE, RealMission
from support.testimony import check_testimony, witness

BEFORE = ProcessIdentity(os.getpid(), "1", "the boot before")


def claimed_before_the_restart(mission: RealMission) -> Claim:
    task = mission.add("true", max_attempts=3)
    return mission.board.claim_task(task.id, "ada", claimer=BEFORE)


def test_a_claim_whose_start_a_power_cut_took_is_lost_at_once_and_tried_again(mission: RealMission) -> None:
    """A start is not synced, so after the restart nobody may have started: see test_crash_points.py."""
    claim = claimed_before_the_restart(mission)
    mission.settle()
    lost, again = mission.attempts(claim.task)
    assert (lost.outcome, again.outcome) == (Outcome.LOST, Outcome.SUCCEEDED)
    assert lost.error is not None and "was restarted" in lost.error


def test_an_end_that_only_the_exit_file_knows_counts_after_a_restart(mission: RealMission) -> None:
    claim = claimed_before_the_restart(mission)
    mission.board.start(claim.lease, BEFORE)
    folder = mission.folder.attempt(claim.task.id, 1)
    make_private_directory(folder)
    exit_file.write(folder, claim.lease.token, Ending(Outcome.SUCCEEDED, exit_code=0))
    mission.settle()
    assert mission.attempt(claim.task).outcome is Outcome.SUCCEEDED


def test_heartbeats_that_crash_again_and_again_use_up_no_attempt(mission: RealMission) -> None:
    first = mission.add(f"{AT_THE_GATE} {witness()}")
    for _ in range(3):
        waiting = mission.command.start("heartbeat", "--all", "--wait")
        later = mission.add(f"{AT_THE_GATE} {witness()}")
        eventually(lambda: list((mission.home / "run").iterdir()))
        mission.opened.ring()
        eventually(lambda task=later: mission.executing(task))  # type: ignore[misc]
        waiting.kill()
        waiting.communicate()
    mission.open_gate()
    for attempt in (mission.attempt(first), mission.attempt(later)):
        assert mission.ended(attempt).outcome is Outcome.SUCCEEDED
    mission.settle()
    check_testimony(mission)


def test_an_executor_that_was_stopped_while_its_task_was_given_away_ends_its_own_and_records_nothing(
    mission: RealMission,
) -> None:
    attempt = mission.start("[ $MISSIONCTL_ATTEMPT != T-1/1 ] || exec sleep 1000", max_attempts=2)
    executor = attempt.executor
    assert executor is not None
    os.kill(executor.pid, signal.SIGSTOP)
    # As another machine judges, which sees only that the lease is over.
    lease = Lease(attempt.task_id, attempt.number, attempt.token)
    mission.board.finish(lease, Ending(Outcome.LOST, error="no sign of life"))
    mission.settle()
    assert mission.task(attempt).status is Status.DONE
    os.kill(executor.pid, signal.SIGCONT)
    eventually(lambda: "lease_lost" in mission.executor_log())
    eventually(lambda: not process.is_alive(executor))
    eventually(lambda: not mission.processes())
    assert mission.attempt(attempt).outcome is Outcome.LOST
    assert mission.task(attempt).status is Status.DONE


def test_a_heartbeat_that_waits_keeps_no_zombies(mission: RealMission) -> None:
    held = mission.add(AT_THE_GATE)
    short = [mission.add("true") for _ in range(10)]
    waiting = mission.command.start("heartbeat", "--all", "--wait")
    eventually(lambda: mission.executing(held))
    eventually(lambda: {mission.task(task).status for task in short} == {Status.DONE})

    def zombies() -> list[process.Process]:
        table = process.table()
        living = {waiting.pid, *(found.pid for found in process.descendants([waiting.pid], table))}
        return [found for found in table.values() if found.is_zombie and found.parent in living]

    eventually(lambda: zombies() == [])
    mission.open_gate()
    waiting.communicate(timeout=60)
    assert waiting.returncode == 0
