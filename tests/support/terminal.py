"""The command as a person at a terminal sees it: a real pseudo-terminal of a given width."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Callable

from support.command import COMMAND, Command


def on_terminal(
    command: Command,
    *arguments: object,
    columns: int = 100,
    typed: str = "",
    expect: int | None = None,
    **environment: str,
) -> str:
    """All that the command shows on a terminal of so many columns; `typed` is what the person answers.

    Its exit code must be `expect`, where that is given.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [COMMAND, *(str(argument) for argument in arguments)],
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
