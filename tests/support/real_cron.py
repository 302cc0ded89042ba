"""The real cron of Debian, with a spool and a /run of its own: a mount namespace that ends with the test.

Where it is not installed, its package is unpacked beside the test; nothing is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PRIVATE = """
mount --make-rprivate / &&
mount -t tmpfs spool /var/spool && mkdir -p /var/spool/cron && mkdir -m 1730 /var/spool/cron/crontabs &&
mount -t tmpfs run /run && echo ready && exec cat
"""


class NoRealCron(Exception):
    """Why there is none on this machine."""


@dataclass(frozen=True)
class RealCron:
    """`crontab` and `cron`, both inside the namespace of `keeper`."""

    programs: Path
    keeper: int
    folder: Path

    @property
    def path(self) -> str:
        """A PATH whose `crontab` is the real one, on the private spool."""
        return os.pathsep.join([str(self.folder), os.environ.get("PATH", os.defpath)])

    def crontab(self, *words: str, given: bytes = b"") -> bytes:
        done = subprocess.run([self.folder / "crontab", *words], input=given, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def running(self) -> Iterator[None]:
        """cron at work; ended by its pid."""
        cron = subprocess.Popen([*self._inside(), str(self.programs / "usr/sbin/cron"), "-f"])
        try:
            yield
        finally:
            cron.terminate()
            cron.wait(timeout=20)

    def put_crontab_on_path(self) -> None:
        self.folder.mkdir()
        script = self.folder / "crontab"
        script.write_text(f'#!/bin/sh\nexec {" ".join(self._inside())} {self.programs}/usr/bin/crontab "$@"\n')
        script.chmod(0o755)

    def _inside(self) -> list[str]:
        return ["nsenter", f"--mount=/proc/{self.keeper}/ns/mnt", "--"]


@contextmanager
def real_cron(folder: Path) -> Iterator[RealCron]:
    """A cron of nobody else's. Raises NoRealCron."""
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("nsenter")):
        raise NoRealCron("a spool of its own needs Linux, root, unshare and nsenter")
    programs = _programs(folder)
    keeper = subprocess.Popen(
        ["unshare", "--mount", "/bin/sh", "-c", _PRIVATE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with keeper:
        assert keeper.stdout is not None and keeper.stdin is not None and keeper.stderr is not None
        if keeper.stdout.readline() != b"ready\n":
            raise NoRealCron(f"no mounts of its own: {keeper.stderr.read().decode()}")
        made = RealCron(programs, keeper.pid, folder / "real")
        made.put_crontab_on_path()
        yield made
        keeper.stdin.close()  # which ends it, and with it the namespace


def _programs(folder: Path) -> Path:
    """The folder that holds usr/sbin/cron and usr/bin/crontab."""
    if Path("/usr/sbin/cron").exists() and Path("/usr/bin/crontab").exists():
        return Path("/")
    if not shutil.which("apt-get"):
        raise NoRealCron("cron is not installed")
    unpacked = folder / "package"
    unpacked.mkdir()
    fetch = ["apt-get", "-q", "download", "cron"]
    done = subprocess.run(fetch, cwd=unpacked, capture_output=True, check=False, timeout=60, text=True)
    packages = list(unpacked.glob("cron_*.deb"))
    if done.returncode != 0 or not packages:
        raise NoRealCron(f"cron is not installed, and apt-get download cron said: {done.stderr.strip()}")
    subprocess.run(["dpkg", "-x", packages[0], unpacked], check=True)
    return unpacked
