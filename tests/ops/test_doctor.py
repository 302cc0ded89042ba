"""Doctor on real missions with real faults: each is named, none is a crash, and only what is safe is mended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from mission_control.clock import SystemClock
from mission_control.folder import Folder
from mission_control.ops import doctor
from mission_control.ops.doctor import machine
from mission_control.ops.doctor.finding import Level
from mission_control.store import schema
from support.clock import START
from support.command import Command
from support.database import ask
from support.eventually import eventually
from support.factories import TaskFactory

NFS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
31 22 0:26 / /home/team\\040share rw,relatime shared:9 - nfs4 server:/export rw,vers=4.2
32 22 0:27 / /home/team rw,relatime - fuse.sshfs somebody@server: rw
33 22 0:28 / /home/local rw,relatime - btrfs /dev/sdb rw
"""


def faults(missionctl: Command, **environment: Any) -> list[dict[str, Any]]:
    """What doctor holds against the mission; it must end with 7 when that is anything, else with 0."""
    answer = missionctl("doctor", "--json", expect=7, **environment).json
    assert answer["healthy"] is False
    return [finding for finding in answer["findings"] if finding["level"] == "fault"]


def warnings(missionctl: Command) -> list[dict[str, Any]]:
    """What doctor warns of in a mission that is otherwise in order."""
    findings = missionctl("doctor", "--json").json["findings"]
    return [finding for finding in findings if finding["level"] == "warning"]


def change(missionctl: Command, statement: str) -> None:
    """Change the database past the board."""
    connection = apsw.Connection(str(missionctl.home / "mission.db"))
    connection.execute(statement)
    connection.close()


def state(home: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file; -shm is SQLite's own and holds nothing of ours."""
    files = [path for path in sorted(home.rglob("*")) if path.is_file() and not path.name.endswith("-shm")]
    return {str(path): (path.stat().st_mode, path.read_bytes()) for path in files}


@pytest.fixture
def ada(missionctl: Command) -> Command:
    """A mission with one agent."""
    missionctl("agent", "add", "ada")
    return missionctl


@pytest.fixture
def executing(ada: Command) -> Iterator[dict[str, Any]]:
    """The live attempt of a task that takes long; ended with the test."""
    ada("add", "Take long", "--to", "ada", "--command", "sleep 600", "--max-attempts", "1")
    ada("heartbeat", "ada")
    (live,) = ada("status", "--json").json["live"]
    yield live
    if ada("status", "--json", expect=0).json["live"]:
        os.kill(live["pid"], signal.SIGCONT)
        ada("cancel", "T-1")
        ada("task", "wait", "T-1", expect=1)


def test_a_sound_mission_has_no_fault_and_doctor_changes_nothing(ada: Command) -> None:
    before = state(ada.home)
    assert warnings(ada) == []
    assert state(ada.home) == before


def test_a_sound_board_is_in_order_on_both_databases(address: str, task: TaskFactory, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    Folder(tmp_path).make()
    task("Second", after=[task("First")], to=("ada", "bob"))
    findings = doctor.examine(tmp_path, {"MISSIONCTL_DATABASE": address}, SystemClock())
    not_ok = [finding for finding in findings if finding.level is not Level.OK]
    of_months_ago = ["heartbeats", "heartbeats", "backup"]  # of both agents the last; and there is none
    assert [finding.check for finding in not_ok] == of_months_ago


def test_a_database_elsewhere_is_looked_after_like_one_in_the_home(missionctl: Command, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    for path in missionctl.home.glob("mission.db*"):
        path.rename(str(path).replace(str(missionctl.home / "mission.db"), str(elsewhere)))
    elsewhere.chmod(0o644)
    (found,) = faults(missionctl, MISSIONCTL_DATABASE=str(elsewhere))
    assert (found["check"], str(elsewhere) in found["fact"]) == ("permissions", True)


def test_every_fault_of_the_settings_is_named_with_its_source(missionctl: Command) -> None:
    (missionctl.home / "mission.toml").write_text('slots = "many"\nunheard_of = 1\n')
    told = [f["fact"] for f in faults(missionctl, MISSIONCTL_LEASE_SECONDS="-1") if f["check"] == "settings"]
    assert len(told) == 3
    assert [fact.partition(":")[0] for fact in told] == ["mission.toml", "mission.toml", "environment MISSIONCTL_…"]


def test_the_levels_of_isolation_that_can_be_had_are_told(missionctl: Command) -> None:
    findings = missionctl("doctor", "--json").json["findings"]
    (told,) = [finding["fact"] for finding in findings if finding["check"] == "isolation"]
    assert told.startswith("process is set; to be had here: process")
    assert [finding["level"] for finding in findings if finding["check"] == "groups"] == ["ok"]


def test_an_isolation_that_cannot_be_had_is_a_fault_with_what_to_install(missionctl: Command) -> None:
    found = faults(missionctl, MISSIONCTL_ISOLATION="bubblewrap", PATH="/nowhere")
    assert [(f["check"], "apt-get install bubblewrap" in f["fact"]) for f in found] == [("isolation", True)]
    assert [f["check"] for f in faults(missionctl, MISSIONCTL_CGROUP=str(missionctl.home))] == ["groups"]


def test_a_path_for_isolated_attempts_that_is_not_there_is_a_fault(missionctl: Command) -> None:
    (missionctl.home / "mission.toml").write_text('isolation = "landlock"\nwritable_paths = ["/no/such/path"]\n')
    assert "there is no /no/such/path" in [finding["fact"] for finding in faults(missionctl)]


def test_slots_for_a_runner_that_does_not_exist_are_warned_of(missionctl: Command) -> None:
    (missionctl.home / "mission.toml").write_text("runner_slots = { shell = 4, shall = 2 }\n")
    assert ["'shall'" in f["fact"] for f in warnings(missionctl) if f["check"] == "runner slots"] == [True]


def test_what_others_can_read_is_found_and_made_private(missionctl: Command) -> None:
    database, logs = missionctl.home / "mission.db", missionctl.home / "logs"
    database.chmod(0o644)
    logs.chmod(0o755)
    assert {finding["check"] for finding in faults(missionctl)} == {"permissions"}
    missionctl("doctor", "--fix")
    assert (database.stat().st_mode & 0o777, logs.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_home_that_others_can_change_is_a_fault_and_one_they_can_list_a_warning(missionctl: Command) -> None:
    missionctl.home.chmod(0o777)
    assert [finding["check"] for finding in faults(missionctl)] == ["permissions"]
    missionctl.home.chmod(0o755)
    assert "permissions" in [finding["check"] for finding in warnings(missionctl)]
    missionctl("doctor", "--fix")
    assert missionctl.home.stat().st_mode & 0o777 == 0o700


def test_a_missing_folder_is_found_and_made(missionctl: Command) -> None:
    shutil.rmtree(missionctl.home / "backups")
    assert [finding["check"] for finding in faults(missionctl)] == ["folder"]
    answer = missionctl("doctor", "--fix", "--json").json
    assert answer["mended"] == [f"made {missionctl.home / 'backups'}"]
    assert (missionctl.home / "backups").is_dir()


@pytest.mark.parametrize("fix", [[], ["--fix"]])
@pytest.mark.parametrize("content", [b"", b"not a database " * 1000, None], ids=["empty", "foreign", "missing"])
def test_a_database_that_cannot_be_read_is_a_fault_and_left_as_it_is(
    missionctl: Command, content: bytes | None, fix: list[str]
) -> None:
    for path in missionctl.home.glob("mission.db*"):
        path.unlink()
    if content is not None:
        (missionctl.home / "mission.db").write_bytes(content)
        (missionctl.home / "mission.db").chmod(0o600)
    findings = missionctl("doctor", *fix, "--json", expect=7).json["findings"]
    assert [f["check"] for f in findings if f["level"] == "fault"] == ["database"]
    left = (missionctl.home / "mission.db").read_bytes() if (missionctl.home / "mission.db").exists() else None
    assert left == content


def test_what_doctor_says_of_a_missing_database_can_be_done(missionctl: Command) -> None:
    (missionctl.home / "mission.db").unlink()
    assert "missionctl init DIR" in missionctl("doctor", expect=7).out
    copy = missionctl.home / "backups" / "before-migration-mission.db"
    copy.touch()
    assert str(copy) in missionctl("doctor", expect=7).out


def test_damaged_pages_are_a_fault(ada: Command) -> None:
    for number in range(200):
        change(ada, f"INSERT INTO setting (name, value) VALUES ('filler {number}', '{'x' * 500}')")
    change(ada, "PRAGMA wal_checkpoint(TRUNCATE)")
    database = ada.home / "mission.db"
    content = bytearray(database.read_bytes())
    content[-3 * 4096 :] = os.urandom(3 * 4096)
    database.write_bytes(content)
    assert {finding["check"] for finding in faults(ada)} == {"database"}


def test_a_newer_database_is_a_fault_and_never_changed(missionctl: Command) -> None:
    change(missionctl, "INSERT INTO migration VALUES (99, 'from the future', '2099-01-01T00:00:00.000000Z')")
    (found,) = faults(missionctl)
    assert "schema 99" in found["fact"]
    missionctl("doctor", "--fix", expect=7)
    assert list((missionctl.home / "backups").iterdir()) == []


def test_a_pending_migration_is_applied_after_a_backup(
    missionctl: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = tmp_path / "migrations"
    shutil.copytree(schema._FOLDER, newer)
    number = schema.SCHEMA_NUMBER + 1
    (newer / f"{number:04}_more.sql").write_text("CREATE TABLE more (id BIG_KEY);\n")
    monkeypatch.setattr(schema, "_FOLDER", str(newer))
    monkeypatch.setattr(schema, "SCHEMA_NUMBER", number)
    pending = doctor.examine(missionctl.home, {}, SystemClock())
    assert [finding.check for finding in pending if finding.level is Level.FAULT] == ["database"]
    doctor.mend(missionctl.home, {}, SystemClock())
    assert doctor.is_healthy(doctor.examine(missionctl.home, {}, SystemClock()))
    (copy,) = (missionctl.home / "backups").iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    before = schema.connect(str(copy))
    assert schema.schema_number(before) == number - 1
    before.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE status_count SET tasks = tasks + 1 WHERE status = 'done'",
        "UPDATE task SET unmet = 5",
        "UPDATE assignment SET claimable = FALSE",
        "UPDATE assignment SET rank = 1",
        "UPDATE assignment SET wake_at = '2099-01-01T00:00:00.000000Z'",
    ],
)
def test_a_counter_or_queue_that_differs_from_the_tasks_is_a_fault(ada: Command, statement: str) -> None:
    ada("add", "Wait", "--to", "ada", "--command", "true")
    change(ada, statement)
    assert {finding["check"] for finding in faults(ada)} == {"counters"}


def test_an_attempt_without_executor_is_found_and_recorded_as_lost(ada: Command, executing: dict[str, Any]) -> None:
    os.kill(executing["pid"], signal.SIGKILL)
    eventually(lambda: not ada("status", "--json", expect=7).json["healthy"])
    (found,) = faults(ada)
    assert (found["check"], "T-1/1" in found["fact"]) == ("attempts", True)
    ada("doctor", "--fix")
    (attempt,) = ada("show", "T-1", "--json").json["attempts"]
    assert attempt["outcome"] == "lost"


def test_an_executor_that_no_longer_renews_its_lease_is_a_warning(ada: Command) -> None:
    ada("add", "Take long", "--to", "ada", "--command", "sleep 600")
    ada("heartbeat", "ada", MISSIONCTL_LEASE_SECONDS="0.2")
    (live,) = ada("status", "--json").json["live"]
    os.kill(live["pid"], signal.SIGSTOP)
    try:
        eventually(lambda: "leases" in [finding["check"] for finding in warnings(ada)])
    finally:
        os.kill(live["pid"], signal.SIGCONT)
        ada("cancel", "T-1")
        ada("task", "wait", "T-1", expect=1)


def test_a_process_that_outlived_its_attempt_is_found_and_ended(ada: Command) -> None:
    ada("add", "End", "--to", "ada", "--command", "true")
    ada("heartbeat", "ada", "--wait")
    mark = {"MISSIONCTL_MARK": f"{ada.home}:T-1/1"}
    with subprocess.Popen(["sleep", "600"], env={**os.environ, **mark}) as orphan:
        (found,) = faults(ada)
        assert (found["check"], f"process {orphan.pid}" in found["fact"]) == ("processes", True)
        ada("doctor", "--fix")
        assert orphan.wait() == -signal.SIGTERM


def test_an_agent_with_an_unknown_runner_or_an_illegal_schedule_is_a_fault(ada: Command) -> None:
    change(ada, "UPDATE agent SET runner = 'gone', schedule = 'now and then'")
    assert [finding["check"] for finding in faults(ada)] == ["agents", "agents"]


def test_tasks_that_nobody_can_take_are_warned_of(ada: Command) -> None:
    ada("add", "For nobody")
    ada("add", "First", "--to", "ada", "--command", "true")
    ada("add", "Second", "--to", "ada", "--command", "true", "--after", "T-2")
    ada("cancel", "T-2")
    ada("add", "Cannot be done", "--to", "ada", "--command", "true")
    change(ada, "UPDATE task SET command = NULL WHERE id = 4")
    told = [finding["fact"] for finding in warnings(ada) if finding["check"] == "tasks"]
    assert [fact[:3] for fact in told] == ["T-1", "T-4", "T-3"]


def test_a_clock_that_was_set_back_is_a_fault(ada: Command) -> None:
    change(ada, "UPDATE activity SET at = '2999-01-01T00:00:00.000000Z'")
    assert [finding["check"] for finding in faults(ada)] == ["clock"]


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/home/team share/mission", "nfs4"),
        ("/home/team/mission", "fuse.sshfs"),
        ("/home/teams", "ext4"),
        ("/home/local", "btrfs"),
    ],
)
def test_the_file_system_is_that_of_the_innermost_mount(place: str, kind: str) -> None:
    assert machine.file_system_of(Path(place), NFS) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "9p", "fuse.sshfs"])
def test_network_file_systems_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n31 22 0:26 / {tmp_path} rw - {kind} server:/export rw\n")
    monkeypatch.setattr(machine, "MOUNTS", mounts)
    assert machine.examine_file_system(tmp_path).level is Level.FAULT


def test_a_disk_without_room_is_a_fault() -> None:
    assert machine.judge_room(10**6, None).level is Level.FAULT
    assert machine.judge_room(10**12, 0).level is Level.FAULT
    assert machine.judge_room(5 * 10**8, 1000).level is Level.WARNING
    assert machine.judge_room(10**12, None).level is Level.OK


def test_a_routine_that_fails_or_was_overlooked_is_told(ada: Command) -> None:
    assert "routines" not in {finding["check"] for finding in ada("doctor", "--json").json["findings"]}
    ada("routine", "add", "Tidy up", "--every", "0 3 * * *", "--to", "ada", "--command", "true")
    told = [f for f in ada("doctor", "--json").json["findings"] if f["check"] == "routines"]
    assert [finding["level"] for finding in told] == ["ok"]
    store = schema.open_store(str(ada.home / "mission.db"))
    ask(store, "UPDATE routine SET fault = 'There is no agent bob.', next_at = '2026-02-06T10:00:00.000000Z'")
    store.close()
    told = [f for f in ada("doctor", "--json").json["findings"] if f["check"] == "routines"]
    assert [finding["level"] for finding in told] == ["warning", "warning"]
    assert ["There is no agent bob" in told[0]["fact"], "2026-02-06 10:00 UTC" in told[1]["fact"]] == [True, True]


# Heartbeats, logs, the server's clock


def facts(missionctl: Command, check: str) -> list[tuple[str, str]]:
    """What doctor says about one thing in a mission without faults: level and fact."""
    findings = missionctl("doctor", "--json").json["findings"]
    return [(finding["level"], finding["fact"]) for finding in findings if finding["check"] == check]


def test_who_has_missed_three_heartbeats_is_named_with_what_gives_them(ada: Command) -> None:
    ada("agent", "add", "bob")
    ada("agent", "pause", "bob")
    assert facts(ada, "heartbeats") == [("ok", "nobody has missed three")]
    change(ada, "UPDATE agent SET last_heartbeat_at = '2026-01-05T10:00:00.000000Z'")
    fact = "ada has missed three heartbeats: the last was at 2026-01-05 10:00 UTC"
    assert facts(ada, "heartbeats") == [("warning", fact)]
    ada("heartbeat", "ada")
    assert facts(ada, "heartbeats") == [("ok", "nobody has missed three")]


def test_a_resident_process_is_said_and_cron_beside_it_is_fine(ada: Command) -> None:
    assert facts(ada, "up")[0][1].startswith("no resident process here")
    pid = ada("up", "--detach", "--json").json["pid"]
    try:
        assert facts(ada, "up") == [("ok", f"the resident process {pid} gives heartbeats; cron may give them besides")]
    finally:
        ada("down")


def test_a_log_that_nobody_rotates_is_named_and_put_aside(ada: Command) -> None:
    (ada.home / "mission.toml").write_text("log_max_bytes = 1000\n")
    log = ada.home / "logs" / "ada-cron.log"
    log.touch(0o600)
    log.write_text("x" * 2001)
    assert [level for level, _ in facts(ada, "logs")] == ["warning"]
    assert "put ada-cron.log aside as ada-cron.log.1" in ada("doctor", "--fix", "--json").json["mended"]
    assert [level for level, _ in facts(ada, "logs")] == ["ok"]
    log.write_text("x" * 1001)
    ada("heartbeat", "ada")
    assert (ada.home / "logs" / "ada-cron.log.2").stat().st_size == 2001, "as every heartbeat does"


@pytest.mark.parametrize(("seconds", "level"), [(0, Level.OK), (9, Level.OK), (11, Level.FAULT), (-11, Level.FAULT)])
def test_a_clock_that_differs_from_the_servers_is_a_fault(seconds: int, level: Level) -> None:
    (finding,) = machine.examine_server_clock(START + timedelta(seconds=seconds), START)
    assert finding.level is level
    assert list(machine.examine_server_clock(None, START)) == []


def test_a_program_that_drives_somebody_and_is_not_there_is_named(ada: Command, tmp_path: Path) -> None:
    assert facts(ada, "runners") == []
    ada("agent", "add", "bob", "--runner", "codex")
    missing = ada("doctor", "--json", PATH=str(tmp_path)).json["findings"]
    (told,) = [finding for finding in missing if finding["check"] == "runners"]
    assert told["level"] == "warning" and "codex: there is no codex on PATH" in told["fact"]
    (tmp_path / "codex").write_text("#!/bin/sh\n")
    (tmp_path / "codex").chmod(0o755)
    there = ada("doctor", "--json", PATH=str(tmp_path)).json["findings"]
    (told,) = [finding for finding in there if finding["check"] == "runners"]
    assert told["level"] == "ok" and str(tmp_path / "codex") in told["fact"]
