"""Backups made while everything runs: whole, private, checked, and kept in bounds."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mission_control.config import Config
from mission_control.errors import SchemaMismatch
from mission_control.ops.backup import checking, crontab, manifest, shelf
from mission_control.ops.backup.making import make_backup
from mission_control.ops.backup.manifest import BackupDamaged
from support.backups import change_manifest, files, finished, make, modes, titles
from support.clock import FakeClock
from support.command import Command
from support.eventually import eventually


@pytest.fixture
def full(missionctl: Command) -> Command:
    """A mission with something of everything that a backup holds, and more."""
    missionctl("agent", "add", "ada", "--role", "builds")
    missionctl("add", "Count", "--to", "ada", "--command", "echo counted")
    missionctl("heartbeat", "ada", "--wait")
    (missionctl.home / "memory" / "ada").mkdir(mode=0o700, exist_ok=True)
    (missionctl.home / "memory" / "ada" / "WORKING.md").write_text("Where I was: at 7.\n")
    (missionctl.home / "reports" / "standup-2026-02-06.md").write_text("# Standup\n")
    (missionctl.home / "agents" / "ada" / "check").write_text("#!/bin/sh\n")
    (missionctl.home / "agents" / "ada" / "check").chmod(0o755)
    return missionctl


def test_a_backup_holds_database_settings_memory_and_reports(full: Command) -> None:
    backup = make(full)
    found = files(backup)
    for name in ("mission.toml", "agents/ada/SOUL.md", "memory/ada/WORKING.md", "reports/standup-2026-02-06.md"):
        assert found[name] == (full.home / name).read_bytes()
    assert titles(backup / "mission.db") == {"Count"}
    assert not [name for name in found if name.startswith(("runs/", "logs/", "run/"))]


def test_with_runs_it_also_holds_what_attempts_left(full: Command) -> None:
    assert files(make(full, "--runs"))["runs/T-1/1/output.log"] == b"counted\n"


def test_it_is_private_whatever_the_mission_is(full: Command) -> None:
    (full.home / "memory" / "ada").chmod(0o755)
    (full.home / "memory" / "ada" / "WORKING.md").chmod(0o644)
    assert modes(make(full)) == {"drwx------", "-rw-------", "-rwx------"}


def test_its_manifest_names_every_file_with_its_checksum_and_what_is_in_it(full: Command) -> None:
    backup = make(full)
    content = json.loads((backup / "manifest.json").read_text())
    found = files(backup)
    del found["manifest.json"]
    assert {name: file["sha256"] for name, file in content["files"].items()} == {
        name: hashlib.sha256(text).hexdigest() for name, text in found.items()
    }
    assert (content["contents"]["tasks"], content["contents"]["attempts"], content["contents"]["agents"]) == (1, 1, 1)
    assert content["contents"]["numbers"] == {"task": 1, "token": 1}


def test_links_are_not_followed_and_are_told(full: Command, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of somebody else")
    (full.home / "memory" / "ada" / "link").symlink_to(tmp_path / "secret")
    (full.home / "memory" / "bob").symlink_to(tmp_path)
    os.mkfifo(full.home / "memory" / "ada" / "pipe")
    answer = full("backup", "--json")
    assert set(answer.json["left_out"]) == {"memory/ada/link", "memory/bob", "memory/ada/pipe"}
    assert "memory/bob was left out" in answer.err
    assert b"of somebody else" not in b"".join(files(Path(answer.json["path"])).values())
    assert not [mode for mode in modes(Path(answer.json["path"])) if mode[0] not in "-d"]


def test_a_folder_that_is_itself_a_link_is_left_out(full: Command, tmp_path: Path) -> None:
    (full.home / "reports").rename(tmp_path / "elsewhere")
    (full.home / "reports").symlink_to(tmp_path / "elsewhere")
    answer = full("backup", "--json")
    assert answer.json["left_out"] == ["reports"]
    assert checking.check(Path(answer.json["path"])).left_out == ("reports",)


def test_it_goes_where_it_is_told_but_not_into_what_it_copies(full: Command, tmp_path: Path) -> None:
    backup = make(full, tmp_path / "disk" / "backups")
    assert backup.parent == tmp_path / "disk" / "backups"
    assert titles(backup / "mission.db") == {"Count"}
    assert "which a backup copies" in full("backup", full.home / "memory" / "ada", expect=2).err
    assert [entry["name"] for entry in full("backup", "list", backup.parent, "--json").json] == [backup.name]


def test_the_crontab_is_saved_where_there_is_a_program_that_answers(
    full: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "crontab").write_text("#!/bin/sh\n[ \"$1\" = -l ] && printf '0 3 * * * other # \\351\\n'\n")
    (programs / "crontab").chmod(0o755)
    backup = Path(full("backup", "--json", PATH=f"{programs}:{os.environ['PATH']}").json["path"])
    assert (backup / "crontab.txt").read_bytes() == b"0 3 * * * other # \xe9\n"
    (programs / "crontab").write_text("#!/bin/sh\necho no crontab for you >&2; exit 1\n")
    backup = Path(full("backup", "--json", PATH=f"{programs}:{os.environ['PATH']}").json["path"])
    assert not (backup / "crontab.txt").exists()
    (programs / "crontab").write_text("#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr(crontab, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    assert crontab.read() is None


def test_keep_removes_the_oldest_and_nothing_else(full: Command) -> None:
    backups = full.home / "backups"
    (backups / "backup-of-mine").mkdir()
    (backups / "replaced-20260101-000000").mkdir()
    made = [make(full) for _ in range(3)]
    answer = full("backup", "--keep", "2", "--json").json
    assert answer["removed"] == [path.name for path in made[:2]]
    assert finished(backups) == sorted([made[2].name, answer["name"], "backup-of-mine"])
    assert (backups / "replaced-20260101-000000").is_dir()


def test_several_who_remove_at_once_are_in_nobodys_way(full: Command) -> None:
    for _ in range(4):
        make(full, "--runs")
    with ThreadPoolExecutor(3) as several:
        for done in [several.submit(make, full, "--keep", "1") for _ in range(3)]:
            done.result()
    make(full, "--keep", "1")
    assert len(list((full.home / "backups").iterdir())) == 1


def test_keep_leaves_what_is_of_others_on_the_same_disk(full: Command, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    other = Command(tmp_path / "other")
    other("init", other.home)
    foreign = [make(other, disk), make(other, disk)]
    strange = [disk / ".unfinished-symphony", disk / ".removing-stains"]
    for folder in strange:
        folder.mkdir()
    ours = [make(full, disk), make(full, disk)]
    (foreign[0] / "manifest.json").write_text("damaged")
    assert full("backup", disk, "--keep", "1", "--json").json["removed"] == [path.name for path in ours]
    assert all(path.is_dir() for path in (*foreign, *strange))
    assert "of another mission" in full("restore", foreign[1], "--dry-run").err


def test_a_large_backup_is_removed_in_several_steps_and_never_seen_half(tmp_path: Path) -> None:
    (tmp_path / "backup-20260102-000000").mkdir()
    (tmp_path / ".removing-backup-20260101-000000" / "runs" / "T-1").mkdir(parents=True)
    for number in range(25):
        (tmp_path / ".removing-backup-20260101-000000" / "runs" / "T-1" / f"{number}").touch()
    most, shelf.MOST_FILES_AT_ONCE = shelf.MOST_FILES_AT_ONCE, 10
    try:
        shelf.clear(tmp_path)
        (removing,) = [path for path in tmp_path.iterdir() if path.name.startswith(".removing-")]
        assert len(list((removing / "runs" / "T-1").iterdir())) == 15
        assert [path.name for path in shelf.finished(tmp_path)] == ["backup-20260102-000000"]
        shelf.clear(tmp_path)
        shelf.clear(tmp_path)
        assert finished(tmp_path) == [path.name for path in tmp_path.iterdir()]
    finally:
        shelf.MOST_FILES_AT_ONCE = most


def test_two_of_the_same_second_get_two_names_in_order(config: Config, clock: FakeClock, full: Command) -> None:
    config = Config(home=full.home)
    paths = [make_backup(config, clock).path for _ in range(11)]
    assert [path.name for path in paths[:2]] == ["backup-20260206-100000", "backup-20260206-100000-2"]
    assert shelf.finished(full.home / "backups") == paths
    assert shelf.made_at(paths[10]) == datetime(2026, 2, 6, 10, tzinfo=UTC)


@pytest.mark.parametrize("spoil", ["byte", "missing", "strange", "link", "longer", "manifest", "numbers", "outside"])
def test_whatever_was_done_to_a_backup_is_found(full: Command, tmp_path: Path, spoil: str) -> None:
    backup = make(full)
    soul = backup / "agents" / "ada" / "SOUL.md"
    match spoil:
        case "byte":
            soul.write_bytes(soul.read_bytes().swapcase())
        case "missing":
            soul.unlink()
        case "strange":
            (backup / "agents" / "more.md").touch()
        case "link":
            soul.rename(tmp_path / "SOUL.md")
            soul.symlink_to(tmp_path / "SOUL.md")
        case "longer":
            soul.write_bytes(soul.read_bytes() + b"\n")
        case "manifest":
            (backup / "manifest.json").write_text("{")
        case "numbers":
            content = json.loads((backup / "manifest.json").read_text())["contents"]
            change_manifest(backup, contents={**content, "tasks": 9})
        case "outside":
            content = json.loads((backup / "manifest.json").read_text())["files"]
            change_manifest(backup, files={**content, "../../mission.toml": content["mission.toml"]})
    with pytest.raises(BackupDamaged):
        checking.check(backup)
    (listed,) = full("backup", "list", "--check", "--json").json
    assert listed["fault"]
    before = files(full.home)
    assert "Traceback" not in full("restore", backup, "--yes", expect=5).err
    assert files(full.home) == before


def test_a_backup_of_a_later_program_is_refused_and_says_so(full: Command) -> None:
    backup = make(full)
    content = json.loads((backup / "manifest.json").read_text())["contents"]
    change_manifest(backup, contents={**content, "schema": 999})
    with pytest.raises(SchemaMismatch, match="schema 999"):
        checking.glance(backup)
    change_manifest(backup, format=manifest.FORMAT + 1)
    with pytest.raises(BackupDamaged, match="Update missionctl"):
        checking.glance(backup)


def test_a_damaged_database_is_not_backed_up_as_if_it_were_whole(full: Command) -> None:
    make(full)
    for path in full.home.glob("mission.db*"):
        path.unlink()
    (full.home / "mission.db").write_bytes(b"no database" * 1000)
    full("backup", expect=5)
    assert [path.name for path in (full.home / "backups").iterdir()] == finished(full.home / "backups")


def _write_for_long(missionctl: Command, name: str) -> subprocess.Popen[bytes]:
    """A process that adds tasks until it is ended, and says each once it was acknowledged."""
    script = (
        "import sys\n"
        "from mission_control.app import open_mission\n"
        "from mission_control.domain.draft import NewTask\n"
        "mission = open_mission(sys.argv[1])\n"
        "for number in range(100_000):\n"
        "    title = f'{sys.argv[2]} {number}'\n"
        "    mission.board.add(NewTask(title=title), actor='tester')\n"
        "    open(f'{sys.argv[1]}.{sys.argv[2]}', 'a').write(title + '\\n')\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script, str(missionctl.home), name],
        cwd=missionctl.home.parent,
        stdin=subprocess.DEVNULL,
    )


def _acknowledged(missionctl: Command) -> set[str]:
    """Whole lines only: the writer may be at one just now."""
    found: set[str] = set()
    for path in missionctl.home.parent.glob(f"{missionctl.home.name}.w*"):
        *whole, _ = path.read_text().split("\n")
        found |= set(whole)
    return found


@pytest.mark.slow
def test_every_backup_made_while_several_write_holds_all_that_was_acknowledged_before(missionctl: Command) -> None:
    writers = [_write_for_long(missionctl, f"w{number}") for number in range(3)]
    try:
        eventually(lambda: len(_acknowledged(missionctl)) > 50)
        for _ in range(4):
            before = _acknowledged(missionctl)
            backup = make(missionctl)
            assert before <= titles(backup / "mission.db")
            checking.check(backup)
        with ThreadPoolExecutor(3) as several:
            together = [several.submit(make, missionctl) for _ in range(3)]
            assert len({backup.result() for backup in together}) == 3
        for backup in shelf.finished(missionctl.home / "backups"):
            assert checking.check(backup).contents.tasks >= 50
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert _acknowledged(missionctl) <= titles(make(missionctl) / "mission.db")
