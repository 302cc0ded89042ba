"""An isolated attempt touches only what it may, is ended like any other, and never runs with less than asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mission_control.domain.attempt import Attempt, Outcome
from mission_control.execution import process
from support.eventually import eventually
from support.real_mission import RealMission

MakeMission = Callable[..., RealMission]
LEVELS = ["landlock", "bubblewrap"]


@pytest.fixture(scope="session")
def bubblewrap() -> None:
    """The program bwrap; installed where this is Debian and we are root."""
    if shutil.which("bwrap"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("bubblewrap is not installed, and only root of a Debian can have it installed")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", "-y", "install", "bubblewrap"], env=quiet, capture_output=True, check=True)


@pytest.fixture(scope="session")
def landlock() -> None:
    """A kernel with Landlock."""
    if sys.platform != "linux":
        pytest.skip("Landlock is a part of Linux")
    import sandlock

    if sandlock.landlock_abi_version() < sandlock.min_landlock_abi():
        pytest.skip(f"this kernel has Landlock {sandlock.landlock_abi_version()}, too old")


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    """Each level of isolation that can be had here; the others are skipped, with the reason."""
    request.getfixturevalue(request.param)
    return str(request.param)


@pytest.fixture
def isolated(level: str, make_mission: MakeMission) -> RealMission:
    return make_mission(isolation=level)


def output(mission: RealMission, attempt: Attempt) -> str:
    return mission.output(attempt).decode()


def test_an_isolated_attempt_works_in_its_workspace_with_a_temporary_folder_of_its_own(isolated: RealMission) -> None:
    attempt = isolated.run('pwd; echo made > file; echo kept > "$TMPDIR/kept"; head -c 3 /etc/passwd')
    folder = isolated.folder.attempt(attempt.task_id, 1)
    assert (attempt.outcome, attempt.error) == (Outcome.SUCCEEDED, None)
    assert output(isolated, attempt).split() == [str(folder / "workspace"), "roo"]
    assert (folder / "workspace" / "file").read_text() == "made\n"
    assert (folder / "tmp" / "kept").read_text() == "kept\n"


@pytest.mark.parametrize(
    "path", ["{home}/mission.db", "{home}/made", "{attempt}/exit.json", "/etc/made", "{outside}/made", "/made"]
)
def test_an_isolated_attempt_changes_nothing_else(isolated: RealMission, tmp_path: Path, path: str) -> None:
    attempt_folder = isolated.folder.attempt(1, 1)
    target = path.format(home=isolated.home, attempt=attempt_folder, outside=tmp_path)
    before = Path(target).read_bytes()[:16] if os.path.exists(target) else None
    attempt = isolated.run(f"echo overwritten > {target}")
    if not target.startswith("/tmp/"):  # there bubblewrap shows it a folder of its own, which it may change
        assert attempt.outcome is Outcome.FAILED
    if path != "{attempt}/exit.json":  # which its executor has written since
        assert (Path(target).read_bytes()[:16] if os.path.exists(target) else None) == before
    assert isolated.exit_file(attempt).outcome is attempt.outcome


def test_an_isolated_attempt_reads_nothing_of_others(isolated: RealMission, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret of somebody")
    attempt = isolated.run(
        f"cat {tmp_path}/secret {isolated.home}/mission.db {isolated.home}/mission.toml /proc/1/environ; ls /root; true"
    )
    assert attempt.outcome is Outcome.SUCCEEDED
    assert "secret of" not in output(isolated, attempt)
    assert "SQLite" not in output(isolated, attempt)
    assert output(isolated, attempt).count("denied") + output(isolated, attempt).count("No such file") >= 4


def test_paths_may_be_opened_for_isolated_attempts(level: str, make_mission: MakeMission, tmp_path: Path) -> None:
    readable, writable = tmp_path / "readable", tmp_path / "writable"
    for folder in (readable, writable):
        folder.mkdir()
    (readable / "fact").write_text("known")
    mission = make_mission(isolation=level, readable_paths=[str(readable)], writable_paths=[str(writable)])
    attempt = mission.run(f"cat {readable}/fact; echo said > {writable}/word; echo no > {readable}/fact")
    assert attempt.outcome is Outcome.FAILED
    assert output(mission, attempt).startswith("known")
    assert (writable / "word").read_text() == "said\n"
    assert (readable / "fact").read_text() == "known"


def test_a_path_to_be_opened_that_is_not_there_fails_the_attempt(level: str, make_mission: MakeMission) -> None:
    mission = make_mission(isolation=level, readable_paths=["/no/such/path"])
    attempt = mission.run("echo never")
    assert attempt.outcome is Outcome.FAILED
    assert attempt.error is not None and "/no/such/path" in attempt.error
    assert mission.output(attempt) == b""


def test_what_scripts_use_of_a_system_is_there(isolated: RealMission) -> None:
    attempt = isolated.run(
        "set -e; echo out >> /dev/stdout; echo err >> /dev/stderr; echo x > /dev/null; head -c 1 /dev/urandom > random;"
        " ls /proc/self/fd | wc -l; id -u; test -w . ; cat /etc/hosts > hosts; exit 3"
    )
    assert (attempt.outcome, attempt.exit_code, attempt.error) == (Outcome.FAILED, 3, "exit status 3")
    assert output(isolated, attempt).split()[:2] == ["out", "err"]
    assert output(isolated, attempt).split()[2:] == ["4", str(os.getuid())]  # 0, 1, 2 and the folder that ls reads


def test_root_in_a_bubblewrap_cannot_undo_it(bubblewrap: None, make_mission: MakeMission) -> None:
    mission = make_mission(isolation="bubblewrap")
    attempt = mission.run(
        "mount -o remount,rw,bind /usr; echo x > /usr/made; kill -9 1; ps -A | wc -l; grep CapEff /proc/self/status"
    )
    assert not os.path.exists("/usr/made")
    *_, processes, capabilities = output(mission, attempt).strip().splitlines()
    assert int(processes) < 8
    assert capabilities.split()[1] == "0" * 16


@pytest.mark.parametrize("ending", ["timeout", "success", "cancel", "killed executor"])
def test_what_changed_its_session_in_isolation_ends_with_the_attempt(isolated: RealMission, ending: str) -> None:
    escape = "setsid sh -c 'trap \"\" TERM; touch escaped; while :; do sleep 1; done' & "
    escape += "until [ -e escaped ]; do sleep 0.01; done; "
    if ending in ("timeout", "success"):
        attempt = isolated.run(f"{escape} {'exec sleep 1000' if ending == 'timeout' else 'true'}", timeout=3)
        assert attempt.outcome is (Outcome.TIMED_OUT if ending == "timeout" else Outcome.SUCCEEDED)
    else:
        attempt = isolated.start(f"{escape} exec sleep 1000")
        eventually((isolated.folder.attempt(1, 1) / "workspace" / "escaped").exists)
        end_from_outside(isolated, attempt, ending)
    assert isolated.processes() == []


def end_from_outside(mission: RealMission, attempt: Attempt, ending: str) -> None:
    executor = attempt.executor
    assert executor is not None
    if ending == "cancel":
        mission.board.cancel(attempt.task_id, actor="tester")
        assert mission.opened.tell(attempt)
        assert mission.ended(attempt).outcome is Outcome.CANCELLED
        return
    os.kill(executor.pid, 9)
    eventually(lambda: not process.is_alive(executor))
    mission.beat()
    assert mission.attempt(attempt).outcome is Outcome.LOST


def test_an_isolated_runner_that_handles_sigterm_may_finish_within_its_grace(
    level: str, make_mission: MakeMission
) -> None:
    mission = make_mission(isolation=level, grace_seconds=30)
    attempt = mission.run("trap 'echo tidy; exit 0' TERM; while :; do sleep 0.05; done", timeout=1)
    assert attempt.outcome is Outcome.TIMED_OUT
    assert mission.output(attempt).endswith(b"tidy\n")


def test_limits_hold_in_isolation(level: str, make_mission: MakeMission) -> None:
    mission = make_mission(isolation=level, max_file_bytes=1_000_000, max_processes=20)
    written = mission.run("true; head -c 10G /dev/zero > big")
    assert written.error is not None and written.error.startswith("file size limit of 1,000,000 bytes reached")
    forked = mission.run("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do sleep 60 & done; wait")
    assert forked.error is not None and forked.error.startswith("limit of 20 processes reached")


def test_a_bubblewrap_that_is_missing_fails_the_attempt_and_runs_nothing(make_mission: MakeMission) -> None:
    mission = make_mission(isolation="bubblewrap")
    task = mission.add("echo ran")
    mission.beat(PATH=f"{Path(sys.executable).parent}")
    attempt = mission.attempt(task)
    assert attempt.outcome is Outcome.FAILED
    assert attempt.error is not None and "needs the program bwrap" in attempt.error
    assert mission.output(attempt) == b""


def test_a_bubblewrap_that_cannot_be_set_up_fails_the_attempt_with_its_words(
    bubblewrap: None, make_mission: MakeMission
) -> None:
    attempt = make_mission(isolation="bubblewrap").run("/no/such/program")
    assert attempt.outcome is Outcome.FAILED
    assert attempt.error is not None and attempt.error.startswith("bubblewrap cannot start it: bwrap: ")


def test_a_landlock_without_its_package_fails_the_attempt_and_runs_nothing(
    make_mission: MakeMission, tmp_path: Path
) -> None:
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "sandlock.py").write_text("raise ImportError('not installed')")
    mission = make_mission(isolation="landlock")
    task = mission.add("echo ran")
    mission.beat(PYTHONPATH=str(shadow))
    attempt = mission.attempt(task)
    assert attempt.outcome is Outcome.FAILED
    assert attempt.error is not None and "mission-control-agents[landlock]" in attempt.error
    assert mission.output(attempt) == b""
