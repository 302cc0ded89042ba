"""Getting the other queues: Python packages into an environment in the cache, programs from Debian."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from comparison import say
from mission import environment

REQUIREMENTS = Path(__file__).parent / "queues" / "requirements.txt"


class Missing(Exception):
    """A peer that cannot be had here; the text says what is missing and how to get it."""


@cache
def python() -> Path:
    """The Python of the peers' environment, made anew when the requirements change. Raises Missing."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mission-control-bench"
    installed = home / "installed.txt"
    wanted = REQUIREMENTS.read_text()
    executable = home / "bin" / "python"
    if installed.exists() and installed.read_text() == wanted:
        return executable
    say(f"Installing the peers into {home} …")
    pip: list[str | Path] = [
        executable,
        "-m",
        "pip",
        "install",
        "-qqq",
        "--disable-pip-version-check",
        "--requirement",
        REQUIREMENTS,
    ]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True, stdout=sys.stderr)
        subprocess.run(pip, check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as fault:
        raise Missing(f"its packages could not be installed: {fault}") from fault
    installed.write_text(wanted)
    return executable


@cache
def find_program(name: str, package: str) -> str:
    """Where the program lies; root installs its Debian package. Raises Missing."""
    if found := shutil.which(name):
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Missing(f"{name} is not installed. On Debian: sudo apt-get install {package}")
    say(f"Installing {package} …")
    # With RUNLEVEL=1 Debian starts no service for what is only a program to us.
    quiet = environment() | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    install = ["apt-get", "install", "--yes", "--quiet=2", "--no-install-recommends", package]
    done = subprocess.run(install, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if done.returncode != 0 or (found := shutil.which(name)) is None:
        raise Missing(f"{name} could not be installed. Try: apt-get update && apt-get install {package}")
    return found
