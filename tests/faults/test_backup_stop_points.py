"""kill -9 at every step of a backup, a restore and an export: whatever has a name is whole, nothing is half."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mission_control.ops.backup import checking
from mission_control.ops.legacy.writing import RECORD
from support.backups import board, finished, make, settings_and_memory
from support.command import Command
from support.legacy import old_agent, old_notification

STRICKEN = Path(__file__).with_name("stricken_command.py")
BACKUP = "mission_control.ops.backup"
COPIES = "mission_control.store.copies"

# In the order in which the command comes to them: (function, right before or after, which of its calls).
STEPS_OF_BACKUP = [
    (f"{BACKUP}.making:_copy_database", "before", 1),
    (f"{COPIES}:settle", "before", 1),
    (f"{BACKUP}.making:_copy_database", "after", 1),
    (f"{BACKUP}.making:copy_folder", "after", 2),
    (f"{BACKUP}.making:_copy_files", "after", 1),
    (f"{BACKUP}.manifest:Manifest.write", "after", 1),
    (f"{BACKUP}.making:sync_folders", "after", 1),
    (f"{BACKUP}.shelf:finish", "before", 1),
]
STEPS_OF_KEEPING = [
    (f"{BACKUP}.shelf:keep", "before", 1),
    (f"{BACKUP}.shelf:_remove_one", "before", 1),
    (f"{BACKUP}.shelf:_remove_one", "after", 2),
    (f"{BACKUP}.shelf:_remove_some", "after", 1),
]
STEPS_BEFORE_THE_DECISION = [
    (f"{BACKUP}.checking:check", "after", 1),
    (f"{BACKUP}.restoring:_Restoring._stage", "before", 1),
    (f"{BACKUP}.restoring:copy_file", "after", 1),
    (f"{COPIES}:make_current", "before", 1),
    (f"{COPIES}:raise_numbers", "after", 1),
    (f"{BACKUP}.restoring:_Restoring._stage", "after", 1),
    (f"{BACKUP}.journal:Journal.write", "before", 1),
]
STEPS_AFTER_THE_DECISION = [
    (f"{BACKUP}.journal:Journal.write", "after", 1),
    *((f"{BACKUP}.journal:Step._keep", when, nth) for nth in (1, 2, 3) for when in ("before", "after")),
    *((f"{BACKUP}.journal:Step.carry_out", "after", nth) for nth in (1, 2, 3, 4, 5, 6)),
]
# Each file of an export is written aside and renamed; before the first and after the last so is the record of what is
# ours: seven renames in all.
STEPS_OF_EXPORT = [("before", 1), ("after", 1), ("after", 2), ("before", 4), ("after", 6), ("before", 7), ("after", 7)]


def name_of(step: object) -> str:
    return str(step).rpartition(".")[2] if isinstance(step, str) else str(step)


def strike(missionctl: Command, target: str, when: str, nth: int, *words: str) -> None:
    """Give a command that is killed at this step."""
    (missionctl.home / "struck").unlink(missing_ok=True)
    stricken = subprocess.run(
        [sys.executable, STRICKEN, target, when, str(nth), str(missionctl.home), *words],
        cwd=missionctl.home,
        env={**missionctl._environment(), "PYTHONPATH": str(STRICKEN.parents[1])},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (missionctl.home / "struck").exists(), stricken.stdout.decode() + stricken.stderr.decode()
    assert stricken.returncode == -signal.SIGKILL, stricken.stderr.decode()


@pytest.fixture
def ada(missionctl: Command) -> Command:
    """A mission with a task that is done and one that waits."""
    missionctl("agent", "add", "ada")
    missionctl("add", "Before", "--to", "ada", "--command", "true")
    missionctl("heartbeat", "ada", "--wait")
    missionctl("add", "Waits", "--to", "ada", "--command", "true")
    return missionctl


@pytest.mark.slow
@pytest.mark.parametrize(("target", "when", "nth"), STEPS_OF_BACKUP, ids=name_of)
def test_a_backup_killed_at_any_step_leaves_none_and_the_next_one_clears_up(
    ada: Command, target: str, when: str, nth: int
) -> None:
    before, shelf = board(ada), ada.home / "backups"
    strike(ada, target, when, nth, "backup")
    assert finished(shelf) == []
    assert board(ada) == before
    backup = make(ada)
    assert os.listdir(shelf) == [backup.name]
    assert checking.check(backup).contents.tasks == 2


@pytest.mark.slow
@pytest.mark.parametrize(("target", "when", "nth"), STEPS_OF_KEEPING, ids=name_of)
def test_a_removal_killed_at_any_step_leaves_no_half_backup(ada: Command, target: str, when: str, nth: int) -> None:
    shelf = ada.home / "backups"
    make(ada), make(ada)
    strike(ada, target, when, nth, "backup", "--keep", "1")
    left = [checking.check(shelf / name) for name in finished(shelf)]
    assert left, "at least the newest one"
    ada("backup", "--keep", "1")
    assert len(os.listdir(shelf)) == len(finished(shelf)) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("target", "when", "nth"), STEPS_BEFORE_THE_DECISION, ids=name_of)
def test_a_restore_killed_before_it_is_decided_has_changed_nothing(
    ada: Command, target: str, when: str, nth: int
) -> None:
    before, then = board(ada), settings_and_memory(ada.home)
    backup = make(ada)
    _go_on(ada)
    after, now = board(ada), settings_and_memory(ada.home)
    strike(ada, target, when, nth, "restore", "latest", "--yes")
    assert (board(ada), settings_and_memory(ada.home)) == (after, now)
    assert "the mission is whole" in ada("restore", "--finish", expect=3).err
    ada("restore", backup, "--yes")
    assert (board(ada), settings_and_memory(ada.home)) == (before, then)
    _assert_tidy(ada)


@pytest.mark.slow
@pytest.mark.parametrize(("target", "when", "nth"), STEPS_AFTER_THE_DECISION, ids=name_of)
def test_a_restore_killed_after_it_is_decided_is_refused_by_all_and_finished_by_one(
    ada: Command, target: str, when: str, nth: int
) -> None:
    before, then = board(ada), settings_and_memory(ada.home)
    make(ada)
    _go_on(ada)
    after = board(ada)
    strike(ada, target, when, nth, "restore", "latest", "--yes")
    for words in (["ls"], ["add", "Lost"], ["heartbeat", "--all"], ["restore", "latest", "--yes"], ["backup"]):
        assert "missionctl restore --finish" in ada(*words, expect=5).err
    kept = Path(ada("restore", "--finish", "--json").json["kept"])
    assert (board(ada), settings_and_memory(ada.home)) == (before, then)
    _assert_tidy(ada)
    assert ada("add", "New").out == "T-4\n", "T-3 was given out"
    ada("restore", kept, "--yes")
    assert board(ada) == after


@pytest.mark.slow
def test_a_restore_may_be_killed_again_and_again(ada: Command) -> None:
    before, then = board(ada), settings_and_memory(ada.home)
    make(ada)
    _go_on(ada)
    step = f"{BACKUP}.journal:Step.carry_out"
    strike(ada, step, "after", 1, "restore", "latest", "--yes")
    for nth in (2, 3, 4):
        strike(ada, step, "after", nth, "restore", "--finish")
        ada("ls", expect=5)
    ada("restore", "--finish")
    assert (board(ada), settings_and_memory(ada.home)) == (before, then)


@pytest.mark.slow
def test_an_export_killed_at_any_step_leaves_each_file_whole_and_the_next_one_ends_it(
    ada: Command, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Each is as it was or as it shall be, and known as ours: nobody has to say --yes."""
    ada("export", tmp_path / "old")
    before = _old_files(tmp_path / "old")
    ada("add", "Another")
    ada("task", "comment", "T-1", "changed")
    ada("import", _more_of_the_old_system(tmp_path / "more"))
    ada("export", tmp_path / "fresh")
    after = _old_files(tmp_path / "fresh")
    assert [name for name in before if before[name] == after[name]] == []
    for when, nth in STEPS_OF_EXPORT:
        with subtests.test(when=when, nth=nth):
            folder = tmp_path / f"{when}-{nth}"
            shutil.copytree(tmp_path / "old", folder)
            strike(ada, "os:rename", when, nth, "export", str(folder))
            found = _old_files(folder)
            assert [name for name in found if found[name] not in (before[name], after[name])] == []
            ada("export", folder)
            assert _old_files(folder) == after
            assert sorted(os.listdir(folder / "database")) == sorted([*after, RECORD])


def _old_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "database").glob("[!.]*.json")}


def _more_of_the_old_system(folder: Path) -> Path:
    """Something for each of its files."""
    folder.mkdir()
    (folder / "agents.json").write_text(json.dumps([old_agent("ada"), old_agent("dexter")]))
    (folder / "notifications.json").write_text(json.dumps([old_notification(1, mentioned_agent_id="ada")]))
    return folder


def _go_on(missionctl: Command) -> None:
    missionctl("add", "After", "--to", "ada", "--command", "true")
    missionctl("heartbeat", "ada", "--wait")
    (missionctl.home / "memory" / "note.md").write_text("After\n")
    (missionctl.home / "mission.toml").write_text("slots = 7\n")


def _assert_tidy(missionctl: Command) -> None:
    """Nothing that was prepared is left."""
    assert not (missionctl.home / "run" / "restore.json").exists()
    assert not list(missionctl.home.glob("*restoring*"))
