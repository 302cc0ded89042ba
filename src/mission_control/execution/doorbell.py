"""Waking whoever waits for work: a named pipe for each waiting process, one byte to ring.

A pipe needs no import, has no limit on the length of its path as a unix socket has, and one without a reader tells
the writer at once, so that what a killed process left behind is cleared by the next ring.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from mission_control.folder import make_private_directory

_PREFIX = "doorbell-"


class Doorbell:
    """The bell of one waiting process."""

    def __init__(self, folder: Path) -> None:
        make_private_directory(folder)
        self._path = folder / f"{_PREFIX}{os.getpid()}"
        aside = folder / f"hanging-{os.getpid()}"  # one without a reader yet would be cleared by whoever rings
        aside.unlink(missing_ok=True)
        os.mkfifo(aside, 0o600)
        self.descriptor = os.open(aside, os.O_RDONLY | os.O_NONBLOCK)  # readable when somebody rang
        self._writer = os.open(aside, os.O_WRONLY | os.O_NONBLOCK)  # keeps the pipe from ending
        aside.rename(self._path)

    def ring(self) -> None:
        """As `ring` below, by the waiting process itself: a signal handler or another thread of it."""
        try:
            os.write(self._writer, b"!")
        except BlockingIOError:
            pass  # full: it has been rung often enough

    def clear(self) -> None:
        """Forget the rings so far. To be called before looking at the board, or a ring could be missed."""
        try:
            while os.read(self.descriptor, 4096):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self.descriptor)
        os.close(self._writer)


def ring(folder: Path) -> None:
    """Wake everybody who waits at this mission on this machine. Best effort: they look by themselves now and then."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.startswith(_PREFIX):
            _ring_one(folder / name)


def _ring_one(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as fault:
        if fault.errno == errno.ENXIO:  # nobody has it open: its process was killed
            path.unlink(missing_ok=True)
        return
    try:
        os.write(descriptor, b"!")
    except OSError:
        pass  # full: it has been rung often enough
    finally:
        os.close(descriptor)
