"""The database is busy, full or gone when an attempt ends: its outcome is never lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB of our own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted, so nothing is said about full ones: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return ballast


def test_an_outcome_is_recorded_once_a_full_disk_has_room_again(small_disk: Path) -> None:
    mission = RealMission(small_disk / "mission")
    attempt = mission.start(f"{AT_THE_GATE} exit 3")
    executor = attempt.executor
    assert executor is not None
    ballast = fill(small_disk)
    mission.open_gate()
    children = f"/proc/{executor.pid}/task/{executor.pid}/children"
    eventually(lambda: not Path(children).read_text().split())
    assert mission.attempt(attempt).is_live
    assert process.is_alive(executor), "it gave up"
    ballast.unlink()
    ended = mission.ended(attempt)
    assert (ended.outcome, ended.exit_code) == (Outcome.FAILED, 3)
    mission.close()
