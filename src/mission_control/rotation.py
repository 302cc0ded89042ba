"""Logs that grew too large are put aside: NAME.log becomes NAME.log.1, what was .1 becomes .2, and the oldest goes.

By whoever is awake, not by writers: they open a log for each write, so the next line finds the new file. Who had it
open just then, or keeps it open as cron's shell does, goes on in what is now .1, and nothing is lost.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from mission_control.folder import open_private


def rotate_logs(folder: Path, *, max_bytes: int, keep: int) -> list[str]:
    """Put aside every log in `folder` with more than `max_bytes`; their names. Safe for several at once.

    Does nothing where another is at it, or where there is no such folder. A fault, such as a full disk, leaves a log
    as it is: it grows on, which doctor tells.
    """
    try:
        large = _large_in(folder, max_bytes)
        return _rotate(folder, max_bytes, keep) if large else []
    except OSError:
        return []


def _large_in(folder: Path, max_bytes: int) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(
            entry.name
            for entry in entries
            if entry.name.endswith(".log")
            and entry.is_file(follow_symlinks=False)
            and entry.stat(follow_symlinks=False).st_size > max_bytes
        )


def _rotate(folder: Path, max_bytes: int, keep: int) -> list[str]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return []
        large = _large_in(folder, max_bytes)  # somebody may have been at it while we came here
        for name in large:
            _put_aside(str(folder / name), keep)
        return large
    finally:
        os.close(descriptor)


def _put_aside(path: str, keep: int) -> None:
    """Up to the first free number, so that the gap is closed that whoever is killed in between leaves."""
    free = next((number for number in range(1, keep) if not os.path.lexists(f"{path}.{number}")), keep)
    for number in range(free - 1, 0, -1):
        os.rename(f"{path}.{number}", f"{path}.{number + 1}")
    os.rename(path, f"{path}.1")
    number = keep + 1
    while os.path.lexists(f"{path}.{number}"):  # from a time when more were kept
        os.unlink(f"{path}.{number}")
        number += 1
    try:
        # So that it is private whoever writes to it next, also a shell.
        os.close(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
