"""The database is missing, damaged, read-only or without its log: everybody says so, nobody makes it worse."""

from __future__ import annotations

import subprocess
from pathlib import Path

import apsw
import pytest

from mission_control.domain.attempt import Outcome
from support.command import Answer, Command
from support.eventually import eventually
from support.real_mission import AT_THE_GATE, RealMission
from support.small_disk import SmallDisk

COMMANDS = [("ls",), ("add", "a task"), ("heartbeat", "--all", "--wait"), ("show", "T-1"), ("status",)]


@pytest.fixture
def ada(missionctl: Command) -> Command:
    """A mission with an agent and a task, all of it in the log."""
    missionctl("agent", "add", "ada")
    missionctl("add", "the first", "--to", "ada", "--command", "true")
    return missionctl


def files(home: Path) -> dict[str, bytes]:
    """The database and its log, by name."""
    paths = (home / "mission.db", home / "mission.db-wal")
    return {path.name: path.read_bytes() for path in paths if path.exists()}


def write_back(home: Path) -> None:
    """Bring the log into the database file."""
    database = apsw.Connection(str(home / "mission.db"))
    assert database.pragma("journal_mode") == "wal"  # it is not known before something was read
    assert database.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE) == (0, 0)
    database.close()


def assert_refused(answer: Answer, reason: str) -> None:
    assert answer.out == ""
    assert answer.err.count("\n") == 1 and reason in answer.err, answer.err


def test_a_missing_database_is_refused_by_every_command_and_never_made_anew(ada: Command) -> None:
    (ada.home / "mission.db").rename(ada.home / "aside.db")
    for words in COMMANDS:
        assert_refused(ada(*words, expect=5), "is missing")
    assert not (ada.home / "mission.db").exists()
    (ada.home / "aside.db").rename(ada.home / "mission.db")
    assert [task["title"] for task in ada("ls", "--json").json] == ["the first"]


def test_a_damaged_database_is_refused_by_every_command_and_left_as_it_is(ada: Command) -> None:
    write_back(ada.home)
    with (ada.home / "mission.db").open("r+b") as file:
        file.write(b"no database of anybody" * 300)
    before = files(ada.home)
    for words in COMMANDS:
        assert_refused(ada(*words, expect=5), "is damaged")
    assert files(ada.home) == before


def test_a_database_without_its_log_is_refused_and_whole_again_with_it(ada: Command) -> None:
    log = ada.home / "mission.db-wal"
    log.rename(ada.home / "aside")
    assert_refused(ada("ls", expect=5), "is not the database of a mission")
    (ada.home / "aside").rename(log)
    assert [task["title"] for task in ada("ls", "--json").json] == ["the first"]
    ada("doctor")


def test_a_database_without_the_end_of_its_log_stands_as_it_was_before(ada: Command) -> None:
    """That the last changes are missing cannot be seen; that the rest is one whole can."""
    write_back(ada.home)
    ada("add", "the second", "--to", "ada", "--command", "true")
    log = ada.home / "mission.db-wal"
    log.write_bytes(log.read_bytes()[:-2000])
    (ada.home / "mission.db-shm").unlink()  # as after a restart
    assert [task["title"] for task in ada("ls", "--json").json] == ["the first"]
    ada("doctor")


def test_work_whose_database_is_damaged_meanwhile_keeps_its_outcome(mission: RealMission) -> None:
    attempt = mission.start(f"{AT_THE_GATE} exit 3")
    (mission.home / "sound").mkdir()
    sound = {path: path.read_bytes() for path in mission.home.glob("mission.db*")}
    for path in sound:
        path.rename(mission.home / "sound" / path.name)
    mission.folder.database.write_bytes(b"no database of anybody" * 300)
    mission.open_gate()
    eventually(lambda: not mission.processes())
    assert "attempt_not_recorded" in mission.executor_log()
    mission.folder.database.unlink()
    for path in sound:
        (mission.home / "sound" / path.name).rename(path)
    mission.beat()
    ended = mission.attempt(attempt)
    assert (ended.outcome, ended.exit_code) == (Outcome.FAILED, 3)


def test_a_read_only_disk_is_told_and_still_looked_at(small_disk: SmallDisk) -> None:
    command = Command(small_disk.place / "mission")
    command("init", command.home)
    command("agent", "add", "ada")
    command("add", "the first", "--to", "ada", "--command", "true")
    before = files(command.home)
    subprocess.run(["mount", "-o", "remount,ro", small_disk.place], check=True)
    for words in (("add", "a task"), ("heartbeat", "--all"), ("cancel", "T-1"), ("agent", "add", "bob")):
        assert_refused(command(*words, expect=5), "readonly")
    assert_refused(command("init", small_disk.place / "another", expect=5), "Read-only")
    assert [task["title"] for task in command("ls", "--json").json] == ["the first"]
    assert files(command.home) == before
    subprocess.run(["mount", "-o", "remount,rw", small_disk.place], check=True)
    command("add", "the second")
