"""The folder that backups stand in: finished ones by name, unfinished ones aside, and removing the oldest.

A backup is made in a folder that its maker keeps locked, and gets its name when it is whole. One that is removed
loses its name first. So whatever has the name of a backup is a whole one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mission_control.errors import NotFound, Unavailable
from mission_control.folder import make_private_directory, sync
from mission_control.ops.backup import manifest

TRIES = 100
PAUSE_SECONDS = 0.01
MOST_FILES_AT_ONCE = 500  # removed by one call: deleting much makes making slow, see docs/performance.md
# Whole names: the folder may be one that others use, too.
_NAME = re.compile(r"backup-\d{8}-\d{6}(-\d+)?\Z")
_UNFINISHED = re.compile(r"\.unfinished-backup-\d{8}-\d{6}-\d+\Z")
_REMOVING = re.compile(r"\.removing-backup-\d{8}-\d{6}(-\d+)*\Z")


def finished(shelf: Path) -> list[Path]:
    """All whole backups, oldest first."""
    try:
        names = [name for name in os.listdir(shelf) if _NAME.match(name) and (shelf / name).is_dir()]
    except OSError:
        return []
    return [shelf / name for name in sorted(names, key=_order)]


def _order(name: str) -> tuple[str, int]:
    _, day, second, *repeated = name.split("-")
    return f"{day}-{second}", int(repeated[0]) if repeated else 1


def made_at(backup: Path) -> datetime:
    """When it was made, by its name."""
    return datetime.strptime(backup.name[7:22], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)


def find(shelf: Path, word: str) -> Path:
    """The backup that a person means: a path, a name on this shelf, or `latest`. Raises NotFound."""
    if word == "latest":
        if there := finished(shelf):
            return there[-1]
        raise NotFound(f"There is no backup in {shelf}. Make one with: missionctl backup")
    for path in (Path(word).expanduser(), shelf / word):
        if path.is_dir():
            return path.absolute()
    raise NotFound(f"There is no backup {word}. See: missionctl backup list")


@contextmanager
def place_for_new(shelf: Path, now: datetime) -> Iterator[Path]:
    """An empty folder aside. It gets its name with `finish`; when that was not called, it goes."""
    make_private_directory(shelf)
    clear(shelf)
    aside = shelf / f".unfinished-backup-{now:%Y%m%d-%H%M%S}-{os.getpid()}"
    descriptor = _made_and_locked(aside)
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)  # gone already where it was finished
        os.close(descriptor)


def _made_and_locked(aside: Path) -> int:
    """The descriptor that holds a new folder. Before it does, another backup may take the folder for a leftover."""
    for _ in range(TRIES):
        with contextlib.suppress(FileExistsError):  # somebody is just about to remove it
            os.mkdir(aside, 0o700)
        descriptor = _lock(aside)
        if descriptor is not None:
            if _has_name(descriptor, aside):
                return descriptor
            os.close(descriptor)
        time.sleep(PAUSE_SECONDS)
    raise Unavailable(f"{aside} was taken away by other backups again and again. Try again.")


def _has_name(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def finish(aside: Path, now: datetime) -> Path:
    """Give a whole backup its name; all of it must be on disk."""
    for number in range(1, 1000):
        name = aside.parent / (f"backup-{now:%Y%m%d-%H%M%S}" + (f"-{number}" if number > 1 else ""))
        if os.path.lexists(name):
            continue
        try:
            os.rename(aside, name)
        except OSError as fault:
            if fault.errno in (errno.EEXIST, errno.ENOTEMPTY):  # somebody was faster
                continue
            raise
        sync(aside.parent)
        return name
    raise Unavailable(f"{aside.parent} takes no more backups of this second. Try again.")


def keep(shelf: Path, number: int, mission_id: str) -> list[Path]:
    """Let the newest `number` backups of this mission stay and remove its others, not all of their files at once.

    Returns those. What is damaged, or of another mission, is left to a person.
    """
    ours = [backup for backup in finished(shelf) if _mission_of(backup) == mission_id]
    gone = [backup for backup in ours[:-number] if _take_name(backup)]
    if gone:
        sync(shelf)
    clear(shelf)
    return gone


def _take_name(backup: Path) -> bool:
    """False when somebody else was faster. One that had the same name before may still be on its way out."""
    number = 1
    while True:
        try:
            os.rename(backup, backup.with_name(f".removing-{backup.name}-{number}"))
            return True
        except FileNotFoundError:
            return False
        except OSError as fault:
            if fault.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        number += 1


def _mission_of(backup: Path) -> str | None:
    try:
        return manifest.read(backup).contents.mission_id
    except manifest.BackupDamaged:
        return None


def clear(shelf: Path) -> None:
    """Go on with removing, and remove what a maker left that is gone."""
    room = MOST_FILES_AT_ONCE
    for path in sorted(shelf.iterdir()):
        if _REMOVING.match(path.name) and room > 0:
            room -= _remove_some(path, room)
        elif _UNFINISHED.match(path.name) and (descriptor := _lock(path)) is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)


def leftovers(shelf: Path) -> list[Path]:
    """Unfinished backups whose maker is gone."""
    try:
        found = [path for path in shelf.iterdir() if _UNFINISHED.match(path.name)]
    except OSError:
        return []
    return [path for path in found if _is_left(path)]


def _is_left(path: Path) -> bool:
    descriptor = _lock(path)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


def _remove_some(folder: Path, most: int) -> int:
    """Remove at most so many files of a folder, and the folder itself once it is empty; how many it were."""
    removed = 0
    with contextlib.suppress(FileNotFoundError):  # another removes it, too; what it leaves is for the next time
        for _, folders, files, descriptor in os.fwalk(folder, topdown=False, follow_symlinks=False):
            for name in (*files, *folders):
                if removed >= most:
                    return removed
                _remove_one(name, descriptor)
                removed += 1
        os.rmdir(folder)
    return removed


def _remove_one(name: str, directory: int) -> None:
    with contextlib.suppress(FileNotFoundError):  # another removes it, too
        try:
            os.unlink(name, dir_fd=directory)
        except (IsADirectoryError, PermissionError):  # a folder, as Linux and macOS say it
            os.rmdir(name, dir_fd=directory)


def _lock(folder: Path) -> int | None:
    """A descriptor that holds the folder; None when somebody else does, or it is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
