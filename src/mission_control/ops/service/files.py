"""Reading and changing files of services: whole or not at all, and never through a link."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from mission_control.errors import Conflict
from mission_control.folder import make_private_directory, open_private

MOST_BYTES = 1_000_000  # no file of a service is larger


def read(path: Path) -> str | None:
    """The text of a file; None when there is nothing. What we would never have written reads as an empty text."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as fault:
        if fault.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            return ""
        raise
    try:
        content = os.read(descriptor, MOST_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def put(path: Path, text: str, *, mode: int, replace: bool) -> None:
    """Let the file have this text, on disk when we return. Raises Conflict when it came up and `replace` is not set."""
    make_private_directory(path.parent)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(open_private(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(aside, path)
        else:
            os.link(aside, path)
    except FileExistsError:
        raise Conflict(f"{path} has just come up; somebody else made it. Look at it, then try again.") from None
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def delete(path: Path) -> None:
    """The file is gone, on disk when we return."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def delete_link(link: Path, to: Path) -> None:
    """A link to that file is gone; anything else stays."""
    if link.is_symlink() and os.path.normpath(link.parent / os.readlink(link)) == str(to):
        link.unlink()


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
