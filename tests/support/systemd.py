"""The real systemd: how it understands a unit, and one of its own that really runs units."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.eventually import eventually

_PROGRAMS = [Path(place) / "systemd" for place in ("/usr/lib/systemd", "/lib/systemd")]
_CGROUPS = [path for name in ("systemd", "unified") if (path := Path("/sys/fs/cgroup", name)).is_dir()]
_NOBODY = 65534


def systemd_program() -> Path:
    found = next((path for path in _PROGRAMS if path.exists()), None)
    if found is None:
        pytest.skip("NOT TESTED: systemd is not installed here")
    return found


@dataclass(frozen=True)
class Understood:
    """What systemd makes of a unit."""

    description: str
    command: list[str]
    environment: list[str]
    facts: Mapping[str, str]


def understand(units: Mapping[str, str]) -> dict[str, Understood]:
    """Each unit as systemd has loaded it, from its own dump. It refuses to dump for root, who becomes nobody."""
    program = systemd_program()
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home, "config/systemd/user")
        folder.mkdir(parents=True)
        for name, text in units.items():
            (folder / name).write_text(text, encoding="utf-8")
        wants = "".join(f"Wants={name}\n" for name in units)
        (folder / "all.target").write_text(f"[Unit]\n{wants}")
        runtime = Path(home, "run")
        runtime.mkdir(mode=0o700)
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", str(_NOBODY), home], check=True)
        dropped = ["setpriv", f"--reuid={_NOBODY}", "--clear-groups"] if os.getuid() == 0 else []
        told = subprocess.run(
            [*dropped, program, "--user", "--test", "--unit=all.target", "--log-target=console", "--log-level=warning"],
            env={
                "HOME": home,
                "PATH": os.environ["PATH"],
                "XDG_RUNTIME_DIR": str(runtime),
                "XDG_CONFIG_HOME": str(folder.parents[1]),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    if "-> Unit all.target" not in told.stdout:
        pytest.skip(f"NOT TESTED: this systemd dumps no units: {told.stderr[-300:]}")
    assert not re.search(r"\.service:\d+:", told.stderr), told.stderr  # its complaints about lines
    return {name: _read_dump(told.stdout, name) for name in units}


def _read_dump(dump: str, name: str) -> Understood:
    start = dump.index(f"-> Unit {name}:\n")
    section = dump[start:].partition("\n\t-> Unit ")[0]
    facts = dict(re.findall(r"^\t+(\w[\w ]*): (.*)$", section, re.MULTILINE))
    return Understood(
        description=facts["Description"],
        command=_unquoted(facts["Command Line"]),
        environment=re.findall(r"^\t+Environment: (.*)$", section, re.MULTILINE),
        facts=facts,
    )


def _unquoted(line: str) -> list[str]:
    """The words of a command line as systemd prints it; `$$` stands for a dollar until the program is started."""
    found = re.findall(r'"((?:\\.|[^"\\])*)"|(\S+)', line)
    return [re.sub(r"\\(.)", r"\1", quoted) if quoted else plain for quoted, plain in found]


@dataclass(frozen=True)
class UserSystemd:
    """A systemd of our own that runs units, apart from the machine's."""

    pid: int
    environment: Mapping[str, str]  # with a systemctl that speaks to it

    def systemctl(self, *words: str) -> str:
        done = subprocess.run(
            ["systemctl", "--user", *words], env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"systemctl {words} ended {done.returncode}: {done.stderr}"
        return done.stdout.strip()

    def fact(self, unit: str, name: str) -> str:
        return self.systemctl("show", "--value", f"--property={name}", unit)


@contextmanager
def user_systemd(folder: Path) -> Iterator[UserSystemd]:
    """A user's systemd in a mount namespace and a cgroup of its own, so that the machine's notices nothing."""
    program = systemd_program()
    if os.getuid() != 0 or not _CGROUPS or shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("NOT TESTED: a systemd of our own needs root, cgroups, unshare and nsenter")
    runtime, cgroups = "/run/user/0", [path / f"mission-control-test-{os.getpid()}" for path in _CGROUPS]
    environment = {
        "HOME": str(folder),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "XDG_RUNTIME_DIR": runtime,
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    for cgroup in cgroups:
        cgroup.mkdir()
    enter = "".join(f"echo $$ > {shlex.quote(str(cgroup))}/cgroup.procs && " for cgroup in cgroups)
    script = (
        f"mount -t tmpfs none /run && mkdir -p -m 700 /run/systemd/system {runtime} && {enter}"
        f"exec {program} --user --unit=basic.target --log-target=console --log-level=info"
    )
    (folder / "bin").mkdir(parents=True)
    with open(folder / "systemd.log", "wb") as log:
        systemd = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    wrapper = folder / "bin" / "systemctl"
    real = shutil.which("systemctl")
    wrapper.write_text(f'#!/bin/sh\nexec nsenter --target {systemd.pid} --mount {real} "$@"\n')
    wrapper.chmod(0o755)
    own = UserSystemd(systemd.pid, environment)
    try:
        if not _answers(own, systemd):
            pytest.skip(f"NOT TESTED: no systemd of our own here: {(folder / 'systemd.log').read_text()[-300:]}")
        yield own
    finally:
        systemd.terminate()
        systemd.wait(20)
        _clear(cgroups)


def _answers(own: UserSystemd, systemd: subprocess.Popen[bytes]) -> bool:
    """Whether it came up; False when it ended instead."""

    def settled() -> bool:
        if systemd.poll() is not None:
            return True
        asked = subprocess.run(
            ["systemctl", "--user", "is-active", "basic.target"], env=own.environment, capture_output=True, check=False
        )
        return asked.stdout.strip() == b"active"

    eventually(settled)
    return systemd.poll() is None


def _clear(cgroups: list[Path]) -> None:
    """Cgroups vanish when nothing is in them any more; whatever is still there was started by the test's own units."""
    for cgroup in cgroups:
        for procs in cgroup.rglob("cgroup.procs"):
            for pid in procs.read_text().split():
                os.kill(int(pid), 9)
    end = time.monotonic() + 10
    for cgroup in cgroups:
        for folder in sorted((path for path in [cgroup, *cgroup.rglob("*")] if path.is_dir()), reverse=True):
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.01)
