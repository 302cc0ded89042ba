"""The process tree of one attempt: started in its own session, watched, and ended to the last process."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from mission_control.execution import process

_PR_SET_CHILD_SUBREAPER = 36  # see prctl(2)
# Looked up once, before the forks: each executor would pay for it.
_LIBC = ctypes.CDLL(None, use_errno=True)
KILL_AGAIN_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0

# (argv, environment, output) -> pid. It leads a process group of its own.
Spawn = Callable[[Sequence[str], Mapping[str, str], int], int]


def become_subreaper() -> None:
    """Let orphaned descendants come back to this process, so that none escapes by a double fork (Linux)."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Tree:
    """What one executor started. Call only from the executor: it waits for *all* its children."""

    def __init__(self, wakeup: int) -> None:
        """`wakeup` is a descriptor that becomes readable when a child ends, see signal.set_wakeup_fd."""
        self._wakeup = wakeup
        self._main = 0
        self.status: int | None = None  # of the last one started, as waitpid gives it; null while it runs

    def start(self, spawn: Spawn, argv: Sequence[str], environment: Mapping[str, str], output: int) -> None:
        """Let `spawn` start the runner with output and errors going to the descriptor `output`; raises as that does."""
        self.status = None
        self._main = spawn(argv, environment, output)

    def reap(self) -> bool:
        """Collect what has ended; True while any child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._main:
                self.status = status

    def end(self, grace_seconds: float) -> int:
        """End everything that is left: SIGTERM, `grace_seconds`, then SIGKILL until nothing lives.

        Returns how many processes had to be told. Those that changed their session or ignore SIGTERM too.
        """
        if not self.reap():
            return 0
        told = process.send(self._living(), signal.SIGTERM)
        if not self._gone_within(grace_seconds):
            self.kill()
        return told

    def kill(self) -> None:
        """End everything that is left at once: SIGKILL until nothing lives."""
        if self.reap() and self._main and self.status is None:
            # Its process group in one step that no fork of a member can outrun. The number is ours while it lives.
            # It may have left the group, and what is in it may be of another user.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._main, signal.SIGKILL)
        pause = KILL_AGAIN_SECONDS
        while self.reap():
            process.send(self._living(), signal.SIGKILL)
            self._gone_within(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)  # what nobody can kill is not asked all the time

    def _living(self) -> list[process.Process]:
        return process.descendants([os.getpid()], process.table())

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.reap():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            # A grandchild's end is no SIGCHLD of ours until its parent is gone, so look at least now and then.
            if select.select([self._wakeup], [], [], min(left, 0.25))[0]:
                os.read(self._wakeup, 512)
        return True
