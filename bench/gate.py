"""A gate that holds a queue back until everything is queued and every slot is taken: then all start at one moment."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

PATIENCE_SECONDS = 120.0


class Gate:
    """A file that is locked until the gate is opened. Linux only: waiters are counted in /proc/locks."""

    def __init__(self, path: Path) -> None:
        """Make the file and lock it."""
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    @property
    def command(self) -> list[str]:
        """What a task runs to take a slot until the gate is opened; flock belongs to util-linux."""
        return ["flock", "--shared", str(self.path), "true"]

    def wait_for(self, slots: int) -> None:
        """Come back when so many stand before the gate. Raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._waiting() < slots:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Only {self._waiting()} of {slots} slots were taken in {PATIENCE_SECONDS:g} s.")
            time.sleep(0.02)

    def open(self) -> float:
        """Let all go, and return the wall-clock time of that."""
        now = time.time()
        os.close(self._descriptor)
        return now

    def _waiting(self) -> int:
        ours = f":{os.fstat(self._descriptor).st_ino} "
        with open("/proc/locks", encoding="ascii") as file:
            return sum("->" in line and ours in line for line in file)
