"""The process tree of one attempt: started in its own session, watched, and ended to the last process."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from mission_control.execution import process

_PR_SET_CHILD_SUBREAPER = 36  # see prctl(2)
# Looked up once, before the forks: each executor would pay for it.
_LIBC = ctypes.CDLL(None, use_errno=True)
_SIGNALS_TO_RESET = [number for number in signal.valid_signals() if number not in (signal.SIGKILL, signal.SIGSTOP)]
KILL_AGAIN_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0


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

    def start(self, argv: Sequence[str], environment: Mapping[str, str], output: int) -> None:
        """Start the runner with output and errors going to the descriptor `output` and nothing to read.

        Raises OSError when the program cannot be started.
        """
        self.status = None
        self._main = os.posix_spawnp(
            argv[0],
            list(argv),
            dict(environment),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setpgroup=0,
            setsigmask=[],
            setsigdef=_SIGNALS_TO_RESET,
        )

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
            pause = KILL_AGAIN_SECONDS
            while self.reap():
                process.send(self._living(), signal.SIGKILL)
                self._gone_within(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)  # what nobody can kill is not asked all the time
        return told

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
