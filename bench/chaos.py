"""Somebody who kills processes of a mission at random, each kind in turn, and remembers how many of each."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from mission_control.execution import process

DISPATCHER, LAUNCHER, EXECUTOR, TASK, HEARTBEAT = "dispatcher", "launcher", "executor", "task", "heartbeat"
# A dispatcher and its launcher take a while to come back: killed as often as the rest, they would hardly ever work.
SHARES = {DISPATCHER: 1, LAUNCHER: 1, EXECUTOR: 10, TASK: 6, HEARTBEAT: 4}


class Residents:
    """Commands that must always run: started again whenever one has ended. Linux only."""

    def __init__(self, start: Callable[[str], subprocess.Popen[bytes]], kinds: Iterable[str]) -> None:
        """`start` starts the command of a kind."""
        self._start = start
        self.running = {kind: start(kind) for kind in kinds}
        self.exits: Counter[tuple[str, int]] = Counter()

    def look_after(self) -> None:
        for kind, running in self.running.items():
            if running.poll() is not None:
                self.exits[kind, running.returncode] += 1
                self.running[kind] = self._start(kind)


class Chaos:
    """Kills with SIGKILL what belongs to the mission in `home`."""

    def __init__(self, home: Path, residents: Residents, seed: int) -> None:
        self._mark = f"MISSIONCTL_MARK={os.path.realpath(home)}:".encode()
        self._home = f"BENCH_MISSION={home}".encode()
        self._residents = residents
        self._random = random.Random(seed)
        self.killed: Counter[str] = Counter()

    def strike(self) -> None:
        """Kill one process of a kind drawn by lot; nobody when none of that kind is alive now."""
        (wanted,) = self._random.choices([*SHARES], [*SHARES.values()])
        victims = [entry for entry in process.table().values() if self._kind(entry) == wanted]
        if victims:
            self.killed[wanted] += process.send([self._random.choice(victims)], signal.SIGKILL)

    def left_over(self) -> list[int]:
        """Pids of everything of the mission that is alive."""
        return [entry.pid for entry in process.table().values() if self._kind(entry) is not None]

    def _kind(self, entry: process.Process) -> str | None:
        residents = {running.pid: kind for kind, running in self._residents.running.items()}
        if entry.is_zombie:
            return None
        if entry.pid in residents:
            return residents[entry.pid]
        words = _environment(entry.pid)
        if any(word.startswith(self._mark) for word in words):
            return TASK
        if self._home not in words:
            return None
        return LAUNCHER if entry.parent in residents else EXECUTOR


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
