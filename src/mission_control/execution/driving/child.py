"""The agent's program as a child process: its lines as they come, and its end."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from mission_control.execution.driving.program import Start

LONGEST_LINE = 16_000_000  # bytes; what goes beyond is no line that anybody reads
LOOK_SECONDS = 0.5  # how often `pause` is called while nothing comes
_TAIL_LINES = 30


class Child:
    """One agent's program. SIGTERM to us goes on to it, and we stay until it has ended: its last words count."""

    def __init__(self, start: Start, environment: Mapping[str, str], workspace: Path) -> None:
        """Start it; raises OSError, e.g. FileNotFoundError when there is no such program."""
        self.is_told_to_stop = False
        self.last_words: deque[str] = deque(maxlen=_TAIL_LINES)  # of its errors, and of output that is no event
        self._begun: dict[int, bytes] = {}
        self._process: subprocess.Popen[bytes] | None = None
        signal.signal(signal.SIGTERM, self._pass_on)
        stdin = os.open(start.stdin or os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._process = subprocess.Popen(
                start.argv,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environment),
                cwd=workspace,
            )
        finally:
            os.close(stdin)
        if self.is_told_to_stop:  # before there was anybody to tell
            self._process.terminate()

    def _pass_on(self, number: int, frame: object) -> None:  # noqa: ARG002  the form of signal handlers
        self.stop()

    def stop(self) -> None:
        """Tell it to end, and force it to when it was told before."""
        if self._process is not None:
            end = self._process.kill if self.is_told_to_stop else self._process.terminate
            end()
        self.is_told_to_stop = True

    def listen(self, hear: Callable[[str], None], overhear: Callable[[str], None], pause: Callable[[], None]) -> int:
        """Its exit status, as subprocess has it, once it has ended. `hear` gets its output, `overhear` its errors.

        Not until the pipes close: what it leaves running may hold them, and is ended by the executor.
        """
        process = self._process
        assert process is not None and process.stdout is not None and process.stderr is not None
        with selectors.DefaultSelector() as selector:
            for stream, take in ((process.stdout, hear), (process.stderr, overhear)):
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, take)
            watch = _watch(selector, process.pid)
            try:
                while process.poll() is None:
                    for key, _ in selector.select(LOOK_SECONDS if watch is not None else LOOK_SECONDS / 5):
                        if key.fileobj != watch and not self._take(key.fileobj, key.data):  # type: ignore[arg-type]
                            selector.unregister(key.fileobj)
                    pause()
            finally:
                if watch is not None:
                    os.close(watch)
        for stream, take in ((process.stdout, hear), (process.stderr, overhear)):
            self._drain(stream, take)
        return process.returncode

    def _take(self, stream: IO[bytes], take: Callable[[str], None]) -> bool:
        """Read what is there; False at the end."""
        try:
            piece = os.read(stream.fileno(), 65536)
        except BlockingIOError:
            return True
        *lines, rest = (self._begun.pop(stream.fileno(), b"") + piece).split(b"\n")
        if len(rest) <= LONGEST_LINE:
            self._begun[stream.fileno()] = rest
        for line in lines:
            take(line.decode("utf-8", "replace").rstrip("\r"))
        return bool(piece)

    def _drain(self, stream: IO[bytes], take: Callable[[str], None]) -> None:
        """What is left in the pipe, and the last line even when it has no end."""
        until = time.monotonic() + LOOK_SECONDS  # something that it left running may write for ever
        while time.monotonic() < until and self._has_more(stream, take):
            pass
        if rest := self._begun.pop(stream.fileno(), b""):
            take(rest.decode("utf-8", "replace"))

    def _has_more(self, stream: IO[bytes], take: Callable[[str], None]) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            return bool(selector.select(0)) and self._take(stream, take)


def _watch(selector: selectors.BaseSelector, pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None where the system has none."""
    if not hasattr(os, "pidfd_open"):
        return None
    watch = os.pidfd_open(pid)
    selector.register(watch, selectors.EVENT_READ)
    return watch
