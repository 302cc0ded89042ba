"""What is only in files, not in the database: when it is said to be kept, its content and its name are on disk."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mission_control.domain.attempt import Outcome
from support import strace
from support.command import Command
from support.eventually import eventually
from support.real_mission import AT_THE_GATE, RealMission

CALLS = "fsync,fdatasync,rename,unlink"


def events(lines: list[str], home: Path) -> list[str]:
    """`sync PATH`, `rename to PATH` and `delete PATH`, in their order; paths are relative to `home`."""
    found = []
    for line in lines:
        if synced := re.search(r"f(?:data)?sync\(\d+<([^>]*)>\) += 0", line):
            found.append(f"sync {_short(synced[1], home)}")
        if renamed := re.search(r'rename\("([^"]*)", "([^"]*)"\) += 0', line):
            found.append(f"rename to {_short(renamed[2], home)}")
        if deleted := re.search(r'unlink\("([^"]*)"\) += 0', line):
            found.append(f"delete {_short(deleted[1], home)}")
    return found


def _short(path: str, home: Path) -> str:
    return re.sub(r"\.json\.\d+", ".json.PID", os.path.relpath(path, home))


def test_an_exit_file_that_stands_alone_is_on_disk_with_its_name_before_its_executor_ends(mission: RealMission) -> None:
    attempt = mission.start(AT_THE_GATE)
    assert attempt.executor is not None
    away = mission.home.parent / "away"
    away.mkdir()
    parts = [path.name for path in mission.home.iterdir() if path.name.startswith("mission.db")]

    def end_without_a_database() -> None:
        for part in parts:
            (mission.home / part).rename(away / part)
        mission.open_gate()

    lines = strace.calls_of(attempt.executor.pid, CALLS, mission.home.parent, end_without_a_database)
    folder = f"runs/T-{attempt.task_id}"
    assert events(lines, mission.home) == [
        f"rename to {folder}/1/exit.json",
        f"sync {folder}/1/exit.json",
        f"sync {folder}/1",
        f"sync {folder}",
        "sync runs",
    ]
    for part in parts:
        (away / part).rename(mission.home / part)
    mission.beat()
    assert mission.attempt(attempt).outcome is Outcome.SUCCEEDED


def test_an_end_that_is_recorded_at_once_costs_no_sync_but_that_of_the_record(mission: RealMission) -> None:
    """The record is durable; until it is made nothing was acknowledged, and a power cut finds the attempt lost."""
    attempt = mission.start(AT_THE_GATE)
    assert attempt.executor is not None
    lines = strace.calls_of(attempt.executor.pid, CALLS, mission.home.parent, mission.open_gate)
    assert events(lines, mission.home)[:2] == ["rename to runs/T-1/1/exit.json", "sync mission.db-wal"]
    assert eventually(lambda: mission.ended(attempt)).outcome is Outcome.SUCCEEDED


INIT = """
import sys
from pathlib import Path
from mission_control.app import create_mission

create_mission(Path(sys.argv[1])).close()
"""


def test_a_mission_that_was_made_is_on_disk_with_the_folders_that_lead_to_it(bare_missionctl: Command) -> None:
    home = bare_missionctl.home / "mission"  # in a folder that is not there yet
    lines = strace.calls_of_program(INIT, home, calls=CALLS, folder=bare_missionctl.home.parent)
    found = events(lines, home)
    assert found[-4:] == ["sync mission.toml", "sync .", "sync ..", "sync ../.."]


COPY = """
import sys
from pathlib import Path
from mission_control.store.sqlite import SqliteConnection

SqliteConnection(sys.argv[1]).copy_to(Path(sys.argv[2]))
"""


def test_a_backup_is_on_disk_and_its_journal_is_not_when_it_is_made(mission: RealMission) -> None:
    copy = mission.folder.home / "backups" / "copy.db"
    lines = strace.calls_of_program(COPY, mission.folder.database, copy, calls=CALLS, folder=mission.home.parent)
    found = events(lines, mission.home)
    assert "sync backups/copy.db" in found
    assert found[-2:] == ["delete backups/copy.db-journal", "sync backups"]
