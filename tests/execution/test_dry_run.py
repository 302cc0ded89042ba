"""A dry run tells what the next heartbeat does, also after a death, and does nothing of it."""

from __future__ import annotations

from collections.abc import Callable

from mission_control.domain.attempt import Ending, Outcome, ProcessIdentity
from mission_control.domain.task import Status
from mission_control.execution import exit_file, process
from mission_control.folder import make_private_directory
from support.real_mission import RealMission


def test_a_dry_run_believes_the_exit_file_of_a_dead_executor(make_mission: Callable[..., RealMission]) -> None:
    mission = make_mission()
    first = mission.add("true", max_attempts=3)
    second = mission.add("true", after=[first.id])
    claim = mission.board.claim_task(first.id, "ada", claimer=process.own_identity())
    mission.board.start(claim.lease, ProcessIdentity(2**22 - 1, "1", process.boot()))
    folder = mission.folder.attempt(first.id, 1)
    make_private_directory(folder)
    exit_file.write(folder, claim.lease.token, Ending(Outcome.SUCCEEDED, exit_code=0))
    (foretold,) = mission.command("heartbeat", "ada", "--dry-run", "--json").json
    assert mission.attempt(first).is_live
    (report,) = mission.beat()
    assert [task["id"] for task in foretold["would_start"]] == [second.name]
    assert [attempt["task"] for attempt in report["started"]] == [second.name]
    assert mission.opened.views.task(first.id).task.status is Status.DONE
