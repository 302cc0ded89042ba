"""Copies of the whole crontab in the mission's backups: private, dated, never overwritten."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from mission_control.errors import NotFound
from mission_control.folder import make_private_directory, open_private

PREFIX = "crontab-"


def keep_copy(backups: Path, crontab: bytes, at: datetime) -> Path:
    """Write a copy that survives a power cut, and return where it is."""
    make_private_directory(backups)
    path = backups / f"{PREFIX}{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
    with os.fdopen(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
        file.write(crontab)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(backups, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return path


def newest_copy(backups: Path) -> Path:
    """The latest copy, by the date in its name. Raises NotFound."""
    copies = sorted(backups.glob(f"{PREFIX}*Z"))
    if not copies:
        raise NotFound(f"There is no copy of a crontab in {backups}. Name one with --to FILE.")
    return copies[-1]


def read_copy(path: Path) -> bytes:
    """What was saved. Raises NotFound."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound(f"There is no file {path}. The copies lie in the mission's folder backups.") from None
