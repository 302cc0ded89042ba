"""The unit under a real systemd: ready, watched, started again, and what it has started lives through all of it.

Once with `up` itself; elsewhere its place is taken by a small program that speaks to systemd by the same functions.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mission_control.ops.service import installing
from mission_control.ops.service.installing import Look, Site
from mission_control.ops.service.systemd import Systemd
from mission_control.ops.service.wanted import describe
from support.command import COMMAND, Command
from support.eventually import eventually, expect
from support.systemd import UserSystemd, user_systemd

NOW = datetime(2026, 2, 6, 10, tzinfo=UTC)
UNIT = "mission-control-m.service"
STAND_IN = """#!{python}
import os, pathlib, signal, subprocess, sys, time
from mission_control.config import process_environment, supervision_of
from mission_control.execution.service_notice import ServiceNotices

home = pathlib.Path(sys.argv[2])
notices = ServiceNotices(supervision_of(process_environment(), os.getpid()))

def stop(*_):
    notices.stopping("as asked")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
with open(home / "children", "a") as file:
    print(child.pid, file=file)
lines = [f"{{name}}={{process_environment().get(name)}}" for name in ("PATH", "A_KEY", "WATCHDOG_USEC")]
(home / "facts").write_text("\\n".join([*sys.argv[1:], *lines]))
assert notices.ready("stands in")
while True:
    time.sleep(notices.longest_silence_seconds / 2)
    if not (home / "hang").exists():
        assert notices.alive(time.monotonic())
"""


@pytest.fixture(scope="module")
def systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UserSystemd]:
    with user_systemd(tmp_path_factory.mktemp("systemd")) as own:
        yield own


@pytest.fixture
def site(systemd: UserSystemd) -> Site:
    environment = systemd.environment
    return Site(Systemd(environment, Path(environment["HOME"]), system=False), environment)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder whose name has all that systemd reads as something else."""
    home = tmp_path / '100%h $HOME [a]*? \\x41 "it\'s"\\' / "m"
    home.mkdir(parents=True)
    return home


@pytest.fixture
def installed(site: Site, home: Path, tmp_path: Path) -> Iterator[Look]:
    """The service, running; in the end removed, and what it had started ended."""
    program = tmp_path / "100%h $HOME" / "missionctl"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    (home / "service.env").write_text("A_KEY=secret\n")
    seen = look(site, home, program)
    deed = installing.install(site, seen, now=NOW)
    assert not deed.has_failed, deed
    yield look(site, home, program)
    if seen.path.exists():
        installing.remove(site, look(site, home, program), now=NOW)
    for child in children(home):
        os.kill(child, signal.SIGKILL)


def look(site: Site, home: Path, program: Path) -> Look:
    name = installing.choose_name(site, home, None)
    return installing.look(site, describe(home=home, program=program, environment=site.environment, name=name))


def children(home: Path) -> list[int]:
    """What was started and still lives."""
    pids = [int(line) for line in (home / "children").read_text().split()]
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.fixture
def installed_up(site: Site, home: Path) -> Iterator[Command]:
    """A mission whose `up` is the service; in the end removed, and nothing of the mission lives."""
    missionctl = Command(home)
    missionctl("init", home)
    missionctl("agent", "add", "ada")
    seen = look(site, home, COMMAND)
    deed = installing.install(site, seen, now=NOW)
    assert not deed.has_failed, deed
    yield missionctl
    installing.remove(site, look(site, home, COMMAND), now=NOW)
    missionctl("down", "--stop")


def main_pid(systemd: UserSystemd) -> int:
    return int(systemd.fact(UNIT, "MainPID"))


def test_it_is_started_with_the_paths_that_were_meant(systemd: UserSystemd, installed: Look, home: Path) -> None:
    """Installing has waited for READY=1: what the program wrote before is there."""
    assert systemd.fact(UNIT, "ActiveState") == "active"
    assert systemd.fact(UNIT, "StatusText") == "stands in"
    assert systemd.fact(UNIT, "UnitFileState") == "enabled"
    assert (home / "facts").read_text().split("\n") == [
        "--home",
        str(home),
        "up",
        f"PATH={installed.service.search_path}",
        "A_KEY=secret",
        "WATCHDOG_USEC=60000000",
    ]


def test_executors_live_through_a_restart_of_the_dispatcher(systemd: UserSystemd, installed: Look, home: Path) -> None:
    (executor,) = children(home)
    before = main_pid(systemd)
    systemd.systemctl("restart", UNIT)
    assert main_pid(systemd) != before
    assert executor in children(home)
    systemd.systemctl("stop", UNIT)
    assert systemd.fact(UNIT, "Result") == "success"
    assert executor in children(home)


@pytest.mark.parametrize("force", [signal.SIGKILL, "hang"])
def test_a_dispatcher_that_is_killed_or_hangs_is_started_again(
    systemd: UserSystemd, installed: Look, home: Path, force: signal.Signals | str
) -> None:
    drop_in = installed.path.with_name(f"{installed.path.name}.d")
    drop_in.mkdir()
    (drop_in / "quick.conf").write_text("[Service]\nRestartSec=100ms\nWatchdogSec=1\n")
    systemd.systemctl("daemon-reload")
    systemd.systemctl("restart", UNIT)
    before, executors = main_pid(systemd), children(home)
    if isinstance(force, signal.Signals):
        os.kill(before, force)
    else:
        (home / "hang").touch()
    eventually(lambda: int(systemd.fact(UNIT, "NRestarts")) > 0)
    (home / "hang").unlink(missing_ok=True)
    eventually(lambda: systemd.fact(UNIT, "ActiveState") == "active" and main_pid(systemd) not in (0, before))
    assert set(executors) <= set(children(home))
    (drop_in / "quick.conf").unlink()
    drop_in.rmdir()


def test_up_is_ready_and_when_it_stands_still_another_takes_over_what_it_started(
    systemd: UserSystemd, installed_up: Command, home: Path, site: Site
) -> None:
    """Installing has waited for its READY=1. SIGSTOP: it says nothing more to the watchdog, and cannot even end."""
    assert systemd.fact(UNIT, "ActiveState") == "active"
    drop_in = site.supervisor.folder / f"{UNIT}.d"
    drop_in.mkdir()
    (drop_in / "quick.conf").write_text("[Service]\nRestartSec=100ms\nWatchdogSec=2\n")
    systemd.systemctl("daemon-reload")
    systemd.systemctl("restart", UNIT)
    before = main_pid(systemd)
    installed_up("add", "Long", "--to", "ada", "--command", "until [ -e gate ]; do sleep 0.05; done; echo $PPID")
    (attempt,) = expect(lambda: [one for one in attempts(installed_up) if one["started_at"]])
    os.kill(before, signal.SIGSTOP)
    eventually(lambda: systemd.fact(UNIT, "ActiveState") == "active" and main_pid(systemd) not in (0, before))
    assert int(systemd.fact(UNIT, "NRestarts")) >= 1
    (home / attempt["log"]).with_name("workspace").joinpath("gate").touch()
    installed_up("task", "wait", "T-1", "--timeout", "30s")
    assert installed_up("logs", "T-1").out == f"{attempt['pid']}\n"
    assert [one["outcome"] for one in attempts(installed_up)] == ["succeeded"]
    installed_up("add", "Next", "--to", "ada", "--command", "echo by the next one")
    installed_up("task", "wait", "T-2", "--timeout", "30s")
    (drop_in / "quick.conf").unlink()
    drop_in.rmdir()


def attempts(missionctl: Command) -> list[Any]:
    found: list[Any] = missionctl("show", "T-1", "--json").json["attempts"]
    return found


def test_removing_leaves_nothing_but_what_executes(
    systemd: UserSystemd, site: Site, installed: Look, home: Path
) -> None:
    executors = children(home)
    deed = installing.remove(site, installed, now=NOW)
    assert all(said.is_good for said in deed.said)
    assert systemd.fact(UNIT, "LoadState") == "not-found"
    assert [path.name for path in installed.path.parent.rglob("*mission-control*")] == []
    assert children(home) == executors
