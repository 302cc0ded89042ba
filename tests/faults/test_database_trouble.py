"""The database is busy or gone when an attempt ends: its outcome is never lost."""

from __future__ import annotations

import os

import apsw

from mission_control.domain.attempt import Outcome
from mission_control.execution import process
from support.eventually import eventually
from support.real_mission import AT_THE_GATE, RealMission


def test_an_executor_gets_through_once_another_writer_lets_go(mission: RealMission) -> None:
    attempt = mission.start(f"{AT_THE_GATE} exit 3")
    holder = apsw.Connection(str(mission.folder.database))
    holder.execute("BEGIN IMMEDIATE")
    mission.open_gate()
    eventually(lambda: mission.exit_file(attempt))
    assert mission.attempt(attempt).is_live
    holder.execute("ROLLBACK")
    holder.close()
    ended = mission.ended(attempt)
    assert (ended.outcome, ended.exit_code) == (Outcome.FAILED, 3)


def test_an_outcome_outlives_its_executor_while_the_database_is_held(mission: RealMission) -> None:
    attempt = mission.start(AT_THE_GATE, max_attempts=2)
    executor = attempt.executor
    assert executor is not None
    holder = apsw.Connection(str(mission.folder.database))
    holder.execute("BEGIN IMMEDIATE")
    mission.open_gate()
    eventually(lambda: mission.exit_file(attempt))
    os.kill(executor.pid, 9)
    eventually(lambda: not process.is_alive(executor))
    holder.execute("ROLLBACK")
    holder.close()
    mission.settle()
    assert mission.attempt(attempt).outcome is Outcome.SUCCEEDED
    assert mission.task(attempt).status == "done"


def test_an_outcome_waits_in_its_exit_file_while_the_database_is_gone(mission: RealMission) -> None:
    attempt = mission.start(AT_THE_GATE)
    parts = [path for path in mission.home.iterdir() if path.name.startswith("mission.db")]
    aside = mission.home / "aside"
    aside.mkdir()
    for part in parts:
        part.rename(aside / part.name)
    mission.open_gate()
    eventually(lambda: "attempt_not_recorded" in mission.executor_log())
    eventually(lambda: not mission.processes())
    assert not mission.folder.database.exists(), "a new database was made"
    for part in parts:
        (aside / part.name).rename(part)
    mission.beat()
    assert mission.attempt(attempt).outcome is Outcome.SUCCEEDED
