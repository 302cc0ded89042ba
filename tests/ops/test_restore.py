"""Putting a backup back: all of it or nothing, nothing lost, no number given out twice."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from mission_control.app import open_mission
from mission_control.clock import SystemClock
from mission_control.config import Config
from mission_control.errors import Conflict, Unavailable
from mission_control.folder import Folder
from mission_control.ops.backup import restoring
from mission_control.ops.backup.quiet import held_quiet
from mission_control.store import copies, schema, sqlite
from mission_control.store.copies import Numbers
from support.backups import board, files, make, modes, settings_and_memory, titles
from support.command import Command
from support.eventually import eventually
from support.real_mission import AT_THE_GATE, RealMission


@pytest.fixture
def ada(missionctl: Command) -> Command:
    """A mission with one agent and a task that it has done."""
    missionctl("agent", "add", "ada")
    missionctl("add", "Before", "--to", "ada", "--command", "true")
    missionctl("heartbeat", "ada", "--wait")
    (missionctl.home / "memory" / "ada").mkdir(mode=0o700, exist_ok=True)
    (missionctl.home / "memory" / "ada" / "WORKING.md").write_text("Before\n")
    return missionctl


def go_on(missionctl: Command) -> None:
    """What happens after the backup: everything that it holds changes."""
    missionctl("add", "After", "--to", "ada", "--command", "true")
    missionctl("heartbeat", "ada", "--wait")
    (missionctl.home / "memory" / "ada" / "WORKING.md").write_text("After\n")
    (missionctl.home / "memory" / "ada" / "2026-02-07.md").touch()
    (missionctl.home / "agents" / "bob").mkdir(exist_ok=True)
    (missionctl.home / "mission.toml").write_text("slots = 7\n")


def numbers(missionctl: Command) -> Numbers:
    store = schema.open_store(str(missionctl.home / "mission.db"))
    try:
        return copies.numbers(store)
    finally:
        store.close()


def change(missionctl: Command, statement: str) -> None:
    """Change the database past the board."""
    connection = apsw.Connection(str(missionctl.home / "mission.db"))
    connection.execute(statement)
    connection.close()


def test_everything_is_as_it_was(ada: Command) -> None:
    before, files_before = board(ada), settings_and_memory(ada.home)
    backup = make(ada)
    go_on(ada)
    ada("restore", backup.name, "--yes")
    assert (board(ada), settings_and_memory(ada.home)) == (before, files_before)
    assert not (ada.home / "agents" / "bob").exists()
    (last,) = ada("events", "--json").json[-1:]
    assert (last["kind"], backup.name in last["message"]) == ("restored", True)
    assert [f for f in ada("doctor", "--json").json["findings"] if f["level"] == "fault"] == []
    assert modes(ada.home / "memory") <= {"drwx------", "-rw-------"}


def test_what_is_replaced_is_kept_and_can_be_put_back_the_same_way(ada: Command) -> None:
    backup = make(ada)
    go_on(ada)
    after, files_after = board(ada), settings_and_memory(ada.home)
    kept = Path(ada("restore", "latest", "--yes", "--json").json["kept"])
    assert titles(kept / "mission.db") == {"Before", "After"}
    assert (kept / "memory" / "ada" / "WORKING.md").read_text() == "After\n"
    ada("restore", kept.name, "--yes")
    assert (board(ada), settings_and_memory(ada.home)) == (after, files_after)
    ada("restore", backup, "--yes")
    assert titles(ada.home / "mission.db") == {"Before"}


def test_neither_task_numbers_nor_tokens_are_given_out_twice(ada: Command) -> None:
    backup = make(ada)
    for _ in range(3):
        go_on(ada)
    then = numbers(ada)
    ada("restore", backup, "--yes")
    assert numbers(ada) == then
    assert ada("add", "New", "--to", "ada", "--command", "true").out == f"T-{then.task + 1}\n"
    ada("heartbeat", "ada", "--wait")
    (attempt,) = ada("show", f"T-{then.task + 1}", "--json").json["attempts"]
    assert attempt["token"] == then.token + 1
    later = make(ada)
    ada("restore", backup, "--yes")
    ada("restore", later, "--yes")
    assert numbers(ada) == Numbers(then.task + 1, then.token + 1)


def test_what_later_attempts_left_makes_room_for_others_of_their_numbers(ada: Command) -> None:
    ada("add", "Count", "--to", "ada", "--command", "echo one")
    backup = make(ada)
    ada("heartbeat", "ada", "--wait")
    assert ada("task", "logs", "T-2").out == "one\n"
    kept = Path(ada("restore", backup, "--yes", "--json").json["kept"])
    assert not (ada.home / "runs" / "T-2" / "1").exists()
    assert (ada.home / "runs" / "T-1" / "1").is_dir(), "the backup knows this one"
    assert (Path(f"{kept}-runs") / "T-2" / "1" / "output.log").read_text() == "one\n"
    ada("task", "edit", "T-2", "--command", "echo two")
    ada("heartbeat", "ada", "--wait")
    assert ada("task", "logs", "T-2").out == "two\n"


def test_with_runs_what_attempts_left_is_put_back_too(ada: Command) -> None:
    backup = make(ada, "--runs")
    runs = files(ada.home / "runs")
    shutil.rmtree(ada.home / "runs" / "T-1")
    ada("restore", backup, "--yes")
    assert files(ada.home / "runs") == runs


def test_a_dry_run_checks_everything_and_changes_nothing(ada: Command) -> None:
    backup = make(ada)
    go_on(ada)
    before = _written(ada.home)
    told = ada("restore", "latest", "--dry-run", "--json").json
    assert (told["dry_run"], told["tasks"], told["replaced_tasks"]) == (True, 1, 2)
    assert _written(ada.home) == before
    (backup / "agents" / "ada" / "SOUL.md").unlink()
    assert "SOUL.md is missing" in ada("restore", "latest", "--dry-run", expect=5).err


def test_without_a_terminal_it_must_be_said_in_earnest(ada: Command) -> None:
    backup = make(ada)
    before = _written(ada.home)
    assert "--yes" in ada("restore", backup, expect=2).err
    ada("restore", "--yes", expect=2)
    ada("restore", "backup-20000101-000000", "--yes", expect=3)
    assert _written(ada.home) == before


def _written(home: Path) -> dict[str, bytes]:
    """All that is written; a database by what it holds, for reading it may write its log back."""
    found = {name: content for name, content in files(home).items() if content}
    databases = [name for name in found if "mission.db" in name and not name.startswith("backups/")]
    for name in databases:
        del found[name]
    return {**found, "tasks": repr(sorted(titles(home / "mission.db"))).encode()}


# What is in the way


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.touch()
    with open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_it_is_refused_while_the_resident_process_runs(ada: Command) -> None:
    backup = make(ada)
    with _locked(ada.home / "run" / "dispatcher"):
        assert "resident process" in ada("restore", backup, "--yes", expect=4).err
    ada("restore", backup, "--yes")


@contextmanager
def closed(mission: RealMission) -> Iterator[None]:
    """Its database is not open in this process."""
    mission.opened.close()
    yield
    mission.opened = open_mission(str(mission.home))
    mission.board = mission.opened.board


def test_it_is_refused_while_an_attempt_runs(mission: RealMission) -> None:
    live = mission.start(AT_THE_GATE)
    mission.command("backup")
    with closed(mission):
        assert live.name in mission.command("restore", "latest", "--yes", expect=4).err
        mission.open_gate()
        eventually(lambda: mission.command("status", "--json").json["live"] == [])
        eventually(lambda: not mission.processes())
        mission.command("restore", "latest", "--yes")
    (report,) = mission.beat(wait=True)
    assert report["reaped"][0]["id"] == live.name
    assert report["reaped"][0]["outcome"] == "succeeded", "what it left says how it ended"


def test_a_restored_attempt_whose_executor_is_gone_is_recovered_by_the_next_heartbeat(mission: RealMission) -> None:
    live = mission.start(AT_THE_GATE, max_attempts=2)
    mission.command("backup")
    mission.command("cancel", f"T-{live.task_id}")
    mission.ended(live)
    eventually(lambda: not mission.processes())
    (mission.folder.attempt(live.task_id, live.number) / "exit.json").unlink()
    with closed(mission):
        mission.command("restore", "latest", "--yes")
    shown = mission.command("show", f"T-{live.task_id}", "--json").json
    assert shown["status"] == "in_progress"
    mission.open_gate()
    (report,) = mission.beat(wait=True)
    assert [(reaped["id"], reaped["outcome"]) for reaped in report["reaped"]] == [(live.name, "lost")]
    assert mission.command("show", f"T-{live.task_id}", "--json").json["status"] == "done"


def test_it_is_refused_while_somebody_has_the_database_open(ada: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    make(ada)
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    reader = schema.open_store(str(ada.home / "mission.db"))
    try:
        with pytest.raises(Conflict, match="open"), held_quiet(Config(home=ada.home), SystemClock().now()):
            pass
    finally:
        reader.close()
    with held_quiet(Config(home=ada.home), SystemClock().now()) as store:
        assert store is not None


def test_whoever_waited_for_the_database_meanwhile_does_not_get_the_replaced_one(ada: Command) -> None:
    backup = make(ada)
    go_on(ada)
    path = ada.home / "mission.db"
    with copies.held_alone(path):
        waiting = ada.start("add", "Added while it was restored")
        eventually(lambda: _has_open(waiting.pid, path))
        shutil.copy(backup / "mission.db", f"{path}.new")
        os.rename(f"{path}.new", path)
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, out) == (5, "")
    assert "moved or replaced" in err
    assert titles(path) == {"Before"}


def _has_open(pid: int, path: Path) -> bool:
    opened = Path(f"/proc/{pid}/fd")
    return any(os.path.samefile(link, path) for link in opened.iterdir() if link.exists())


# Where the mission was lost, or is another


@pytest.mark.parametrize("content", [b"no database at all" * 500, b"", None], ids=["damaged", "empty", "missing"])
def test_a_mission_without_a_usable_database_is_restored_and_the_remains_are_kept(
    ada: Command, content: bytes | None
) -> None:
    backup = make(ada)
    go_on(ada)
    then = numbers(ada)
    database = ada.home / "mission.db"
    log = (ada.home / "mission.db-wal").read_bytes()
    assert log, "there is something in it that must not come into the new one"
    database.unlink()
    if content:  # with its log alone SQLite would bring everything back
        log = log[:32]
        (ada.home / "mission.db-wal").write_bytes(log)
    if content is not None:
        database.write_bytes(content)
    kept = Path(ada("restore", backup, "--yes", "--json").json["kept"])
    assert titles(database) == {"Before"}
    assert (kept / "mission.db-wal").read_bytes() == log
    if content is not None:
        assert (kept / "mission.db").read_bytes() == content
    assert numbers(ada).task >= then.task
    assert numbers(ada).token > then.token


def test_broken_settings_are_no_obstacle(ada: Command) -> None:
    backup = make(ada)
    (ada.home / "mission.toml").write_text("slots = many many\n")
    ada("restore", backup, "--yes")
    ada("ls")


def test_a_backup_goes_to_a_new_machine(ada: Command, tmp_path: Path) -> None:
    before = board(ada)
    backup = make(ada, tmp_path / "disk")
    shutil.rmtree(ada.home)
    new = tmp_path / "new"
    new.mkdir(mode=0o700)
    Command(new)("--home", new, "restore", backup, "--yes")
    assert board(Command(new)) == before
    assert Command(new)("add", "New").out == "T-2\n"


def test_a_backup_of_an_older_schema_comes_up_to_date(
    ada: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = make(ada)
    newer = tmp_path / "migrations"
    shutil.copytree(schema._FOLDER, newer)
    number = schema.SCHEMA_NUMBER + 1
    (newer / f"{number:04}_more.sql").write_text("CREATE TABLE more (id BIG_KEY);\n")
    monkeypatch.setattr(schema, "_FOLDER", str(newer))
    monkeypatch.setattr(schema, "SCHEMA_NUMBER", number)
    restoring.restore(backup, ada.home, {}, SystemClock(), actor="tester")
    store = schema.open_store(str(ada.home / "mission.db"))
    assert schema.schema_number(store) == number
    store.close()


def test_which_database_is_meant_is_never_guessed(ada: Command, tmp_path: Path) -> None:
    backup = make(ada)
    (ada.home / "mission.toml").write_text(f'database = "{tmp_path}/other.db"\n')
    shutil.copy(backup / "mission.db", tmp_path / "other.db")
    before = _written(ada.home)
    assert "MISSIONCTL_DATABASE" in ada("restore", backup, "--yes", expect=2).err
    assert _written(ada.home) == before
    ada("restore", backup, "--yes", MISSIONCTL_DATABASE="mission.db")


def test_a_database_elsewhere_is_replaced_where_it_lies(ada: Command, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (ada.home / "mission.toml").write_text(f'database = "{elsewhere}/board.db"\n')
    ada("backup", MISSIONCTL_DATABASE="mission.db")
    os.rename(ada.home / "mission.db", elsewhere / "board.db")
    os.rename(ada.home / "mission.db-wal", elsewhere / "board.db-wal")
    ada("add", "Later")
    ada("restore", "latest", "--yes")
    assert titles(elsewhere / "board.db") == {"Before"}
    assert not (ada.home / "mission.db").exists()


def test_what_cannot_be_replaced_in_one_step_is_refused_before_anything_is_changed(
    ada: Command, tmp_path: Path
) -> None:
    backup = make(ada)
    (ada.home / "reports").rename(tmp_path / "reports")
    (ada.home / "reports").symlink_to(tmp_path / "reports")
    before = _written(ada.home)
    assert "is a link" in ada("restore", backup, "--yes", expect=4).err
    assert _written(ada.home) == before
    assert not (ada.home / ".restoring").exists()


def test_a_half_restored_mission_is_refused_by_every_door(ada: Command) -> None:
    (ada.home / "run" / "restore.json").write_text("{}")
    make_nothing = (["ls"], ["heartbeat", "--all"], ["backup"], ["restore", "backups", "--yes"])
    for words in make_nothing:
        assert "missionctl restore --finish" in ada(*words, expect=5).err
    with pytest.raises(Unavailable, match="cannot be understood"):
        restoring.finish(Folder(ada.home), None, SystemClock())


def test_finishing_where_nothing_was_interrupted_says_so(ada: Command) -> None:
    assert "the mission is whole" in ada("restore", "--finish", expect=3).err


def test_it_cannot_be_done_from_inside_an_attempt(ada: Command) -> None:
    make(ada)
    ada("add", "Undo", "--to", "ada", "--command", "missionctl restore latest --yes", "--max-attempts", "1")
    ada("heartbeat", "ada")
    ada("task", "wait", "T-2", expect=1)
    assert ada("show", "T-2", "--json").json["attempts"][0]["exit_code"] == 6  # not for agents at work
    assert titles(ada.home / "mission.db") == {"Before", "Undo"}


def test_nothing_of_the_process_that_holds_a_mission_is_left_when_it_is_killed(ada: Command) -> None:
    backup = make(ada)
    script = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from mission_control.clock import SystemClock\n"
        "from mission_control.config import Config\n"
        "from mission_control.ops.backup.quiet import held_quiet\n"
        "with held_quiet(Config(home=Path(sys.argv[1])), SystemClock().now()):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, ada.home], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    assert "resident process" in ada("restore", backup, "--yes", expect=4).err
    holder.kill()
    holder.communicate()
    ada("add", "Goes on")
    ada("restore", backup, "--yes")
