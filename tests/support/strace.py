"""strace: to see which calls a real process makes to the system, and to let one of them fail or be its last."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from support.command import COMMAND, Answer, Command


@cache
def program() -> str:
    """Where it is, installed when that can be done; otherwise the test is skipped, with the reason."""
    if sys.platform != "linux":
        pytest.skip("there is no strace here, so nothing is said about failing system calls")
    if not shutil.which("strace") and os.geteuid() == 0 and shutil.which("apt-get"):
        apt = ["apt-get", "-o", "DPkg::Lock::Timeout=60", "-qq", "-y"]
        for words in (["update"], ["install", "strace"]):
            subprocess.run([*apt, *words], check=False, capture_output=True, timeout=100)
    found = shutil.which("strace")
    if not found:
        pytest.skip(
            "strace is missing, so nothing is said about failing system calls. Install it: apt-get install strace"
        )
    tried = subprocess.run(
        [found, "-e", "inject=getcwd:error=EIO", "true"], check=False, capture_output=True, text=True
    )
    if tried.returncode:
        pytest.skip(f"strace may not trace, so nothing is said about failing system calls: {tried.stderr.strip()}")
    return found


@dataclass(frozen=True)
class Injection:
    """What happens instead of, or right before, the nth of these calls: `error=EIO`, `signal=KILL`."""

    call: str
    what: str
    nth: int | str = 1  # `2+` means the second and all that follow

    @property
    def words(self) -> tuple[str, ...]:
        return "-e", f"trace={self.call}", "-e", f"inject={self.call}:{self.what}:when={self.nth}"


def run(command: Command, injection: Injection, *arguments: object) -> tuple[Answer, int]:
    """Run the command, and what it starts, under this injection; also how many calls were hit."""
    notes = command.home.parent / "strace"
    shutil.rmtree(notes, ignore_errors=True)
    notes.mkdir()
    words = tuple(str(argument) for argument in arguments)
    done = subprocess.run(
        [program(), "-ff", "-qq", "-o", str(notes / "of"), *injection.words, COMMAND, *words],
        cwd=command._folder(),
        env=command._environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
    )
    hit = sum(path.read_text(errors="replace").count("(INJECTED)") for path in notes.iterdir())
    if injection.what == "signal=KILL":
        hit = sum("killed by SIGKILL" in path.read_text(errors="replace") for path in notes.iterdir())
    return Answer(words, done.returncode, done.stdout, done.stderr), hit


def calls_of(pid: int, calls: str, folder: Path, act: Callable[[], object]) -> list[str]:
    """The lines of strace about these calls of a process that lives, from before `act` to its end."""
    notes = folder / "strace"
    words = [program(), "-y", "-e", f"trace={calls}", "-o", str(notes), "-p", str(pid)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        act()
        assert tracer.wait(60) == 0, tracer.stderr.read()
    return notes.read_text().splitlines()


def calls_of_program(program_text: str, *arguments: object, calls: str, folder: Path) -> list[str]:
    """The lines of strace about these calls of a Python program, run to its end."""
    notes = folder / "strace"
    python = [sys.executable, "-P", "-c", program_text, *(str(argument) for argument in arguments)]
    subprocess.run([program(), "-y", "-e", f"trace={calls}", "-o", notes, *python], check=True, timeout=60)
    return notes.read_text().splitlines()
