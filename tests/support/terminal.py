"""The command as a person at a terminal sees it: a real pseudo-terminal of a given width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from support.command import COMMAND, Command


def on_terminal(
    command: Command,
    *arguments: object,
    columns: int = 100,
    typed: str = "",
    program: Path = COMMAND,
    expect: int | None = None,
    **environment: str,
) -> str:
    """All that the command shows on a terminal of so many columns; `typed` is what the person answers.

    `program` is called in its place, e.g. a shell script that calls it. Its exit code must be `expect`, where that is
    given.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [program, *(str(argument) for argument in arguments)],
        cwd=command._folder(),
        env={**command._environment(), "TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    shown = _read_all(lambda: os.read(ours, 65536))
    code = process.wait(timeout=60)
    os.close(ours)
    assert expect in (None, code), f"ended {code}\n{shown.decode()}"
    return shown.decode().replace("\r\n", "\n")


ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_HOME = "\x1b[H"  # every picture of a live view begins in the upper left corner


class LiveView:
    """A command that draws on its terminal again and again, and the person before it."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int, theirs: int) -> None:
        """`theirs` is kept open, so that the terminal can be looked at when the command has left."""
        self.process = process
        self._terminal = terminal
        self._theirs = theirs
        self._shown = b""

    @property
    def shown(self) -> str:
        """All that was written so far."""
        try:
            while part := os.read(self._terminal, 65536):
                self._shown += part
        except BlockingIOError:
            pass
        return self._shown.decode(errors="replace")

    @property
    def picture(self) -> list[str]:
        """The lines of the last picture, without colours."""
        return re.split(r"[\r\n]+", ESCAPE.sub("", self.shown.rpartition(_HOME)[2]))

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    @property
    def echoes(self) -> bool:
        """Whether the terminal is as a shell needs it."""
        modes = termios.tcgetattr(self._theirs)[3]
        return bool(modes & termios.ECHO and modes & termios.ICANON)


@contextmanager
def live_view(
    command: Command,
    *arguments: object,
    columns: int = 80,
    lines: int = 24,
    stdin: int | None = None,
    **environment: str,
) -> Iterator[LiveView]:
    """The command on a terminal of its own, which controls it as a person's does."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    with subprocess.Popen(
        [COMMAND, *(str(argument) for argument in arguments)],
        cwd=command._folder(),
        env={**command._environment(), "TERM": "xterm-256color", **environment},
        stdin=theirs if stdin is None else stdin,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0),  # noqa: PLW1509  there are no threads here
    ) as process:
        try:
            yield LiveView(process, ours, theirs)
        finally:
            process.kill()
    os.close(theirs)
    os.close(ours)


def _read_all(read: Callable[[], bytes]) -> bytes:
    """Until the last process has left the terminal, which Linux says with EIO and macOS with nothing."""
    parts = []
    while True:
        try:
            part = read()
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)
