"""A kernel of our own: user-mode Linux, a program, with this machine's files and none of its settings.

For what a machine may not have, or must not be asked for by a test: here cgroup v2 with all its controllers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = "linux.uml"
INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
case {root} in /tmp/*) mkdir -p {root} && mount -r -t hostfs -o {root} none {root};; esac
mount -t tmpfs run /run
mount -t cgroup2 groups /sys/fs/cgroup
ip link set lo up 2>/dev/null
export PATH={path} HOME=/tmp LANG=C.UTF-8 TZ=UTC PYTHONDONTWRITEBYTECODE=1
cd {root}
{command} </dev/null 2>&1
echo "ended with $?"
echo o > /proc/sysrq-trigger
sleep 60
"""


def require_small_kernel() -> None:
    """Have user-mode Linux; installed where this is Debian and we are root, else the test is skipped."""
    if shutil.which(PROGRAM):
        return
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("user-mode-linux is not installed, and only root of a Debian can have it installed")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", "-qq", "-y", "install", "user-mode-linux"], env=quiet, capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"user-mode-linux cannot be installed here: {done.stderr.decode(errors='replace')[-300:]}")


def run_in_small_kernel(command: str, folder: Path, *, seconds: float) -> tuple[int, str]:
    """Exit code and output of a shell command run by root of a freshly booted kernel, which is gone afterwards."""
    init = folder / "init"
    init.write_text(INIT.format(path=os.environ["PATH"], root=ROOT, command=command))
    init.chmod(0o700)
    kernel = ["rootfstype=hostfs", "rootflags=/", "ro", "mem=768M", "loglevel=0", "con=null", "con0=fd:0,fd:1"]
    done = subprocess.run(
        [PROGRAM, *kernel, f"init={init}"],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder), "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    output = done.stdout.decode(errors="replace").replace("\r\n", "\n")
    said, found, code = output.rpartition("ended with ")
    assert found, output
    return int(code.split()[0]), said
