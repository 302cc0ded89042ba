"""Removing what is old enough: folders of attempts, lines of history. Never of live attempts or unfinished tasks.

In small batches, because making files is slow for a while after many were removed. Whoever is killed half way leaves
a folder that the next round removes to its end; only then it is noted as removed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from mission_control import log
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.errors import MissionControlError, StoreBusy
from mission_control.folder import PRIVATE_DIRECTORY, Folder
from mission_control.store import retention
from mission_control.store.store import Store

LOG = "upkeep.log"
MARK = "run/pruned"  # touched by each round
BATCH_FILES = 500  # of one round
BATCH_LINES = 500
MOST_MEASURED = 1_000_000  # folders that a dry run looks into
PAUSE_WITH_MORE = timedelta(minutes=1)
PAUSE = timedelta(hours=1)
_TASK = re.compile(r"T-([0-9]{1,18})\Z")


@dataclass(frozen=True)
class Limits:
    """What is older than these goes; null: nothing."""

    attempts: datetime | None
    activities: datetime | None


@dataclass(frozen=True)
class Pruned:
    """What went. `has_more`: a batch was full."""

    folders: int = 0
    files: int = 0
    lines: int = 0
    has_more: bool = False

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(self.folders + other.folders, self.files + other.files, self.lines + other.lines, other.has_more)


def limits_of(config: Config, now: datetime) -> Limits:
    """As the settings want it."""

    def before(days: float | None) -> datetime | None:
        return None if days is None else now - timedelta(days=days)

    return Limits(before(config.attempts_retention_days), before(config.activities_retention_days))


def prune_if_due(store: Store, config: Config, clock: Clock) -> None:
    """One batch, at most once a minute while there is more, else once an hour. Faults are logged, none is raised."""
    now = clock.now()
    mark = config.home / MARK
    if not _is_due(mark, now):
        return
    try:
        pruned = prune_batch(store, config, clock, limits_of(config, now))
        _plan(mark, now + (PAUSE_WITH_MORE if pruned.has_more else PAUSE))
    except StoreBusy:
        return
    except (MissionControlError, OSError) as fault:
        log.append(Folder(config.home).logs / LOG, "upkeep_failed", now, duty="prune", error=str(fault))
        return
    if pruned.folders or pruned.lines:
        counts = {"folders": pruned.folders, "files": pruned.files, "lines": pruned.lines}
        log.append(Folder(config.home).logs / LOG, "pruned", now, **counts)


def _is_due(mark: Path, now: datetime) -> bool:
    """The mark's time is when the next round is due; one beyond the longest pause is of a clock that was set back."""
    try:
        due_at = mark.stat().st_mtime
    except OSError:
        return True
    return due_at <= now.timestamp() or due_at > (now + PAUSE).timestamp()


def _plan(mark: Path, at: datetime) -> None:
    mark.touch(0o600)
    os.utime(mark, (at.timestamp(),) * 2)


def prune_batch(store: Store, config: Config, clock: Clock, limits: Limits) -> Pruned:
    """One batch of each kind. Safe for several at once."""
    pruned = Pruned()
    if limits.attempts is not None:
        pruned += _prune_attempts(store, config, clock, limits.attempts)
    if limits.activities is not None:
        with store.transaction():
            lines = retention.remove_activities(store, limits.activities, BATCH_LINES)
        pruned = Pruned(pruned.folders, pruned.files, lines, pruned.has_more or lines == BATCH_LINES)
    return pruned


def prune_all(store: Store, config: Config, clock: Clock, limits: Limits) -> Pruned:
    """Batch after batch until nothing is old enough."""
    pruned = prune_batch(store, config, clock, limits)
    while pruned.has_more:
        pruned += prune_batch(store, config, clock, limits)
    return pruned


def measure(store: Store, config: Config, limits: Limits) -> Pruned:
    """What would go. Changes nothing."""
    folder = Folder(config.home)
    places: list[Path] = []
    if limits.attempts is not None:
        found = retention.attempts(store, host=config.host, before=limits.attempts, limit=MOST_MEASURED)
        places = [place for task, number in found if (place := folder.attempt(task, number)).exists()]
        places += orphaned(store, folder, limits.attempts)
    files = sum(len(below) + len(names) for place in places for _, below, names in os.walk(place)) + len(places)
    lines = 0 if limits.activities is None else retention.count_activities(store, limits.activities)
    return Pruned(len(places), files, lines)


def _prune_attempts(store: Store, config: Config, clock: Clock, before: datetime) -> Pruned:
    folder = Folder(config.home)
    folders = files = 0
    for task_id, number in retention.attempts(store, host=config.host, before=before, limit=BATCH_FILES):
        place = folder.attempt(task_id, number)
        was_there = place.exists()
        removed, is_gone = remove_some(place, BATCH_FILES - files)
        files += removed
        if not is_gone:
            return Pruned(folders, files, has_more=True)
        with store.transaction():
            retention.note_files_removed(store, task_id, number, clock.now())
        folders += was_there
        _remove_if_empty(place.parent)
    for place in orphaned(store, folder, before):
        removed, is_gone = remove_some(place, BATCH_FILES - files)
        files += removed
        if not is_gone:
            return Pruned(folders, files, has_more=True)
        folders += 1
    return Pruned(folders, files)


def orphaned(store: Store, folder: Folder, before: datetime) -> Iterator[Path]:
    """Folders of tasks that were deleted, and in which nothing has changed since `before`."""
    if not folder.runs.is_dir():
        return
    with os.scandir(folder.runs) as entries:
        for entry in entries:
            named = _TASK.match(entry.name)
            if named is None or not entry.is_dir(follow_symlinks=False):
                continue
            is_old = entry.stat(follow_symlinks=False).st_mtime < before.timestamp()
            if is_old and not retention.is_known(store, int(named[1])):
                yield Path(entry.path)


def remove_some(place: Path, most: int) -> tuple[int, bool]:
    """Remove up to `most` files and folders of a tree: how many went, and whether all of it is gone.

    Links are removed, never followed. Folders that their owner may not change, as caches of agents' programs are, are
    opened first.
    """
    removed = 0
    todo: list[tuple[str, bool]] = [(str(place), False)] if os.path.lexists(place) else []
    while todo:
        path, is_emptied = todo.pop()
        if removed >= most:
            return removed, False
        if is_emptied:
            with suppress(FileNotFoundError):
                os.rmdir(path)
            removed += 1
            continue
        todo.append((path, True))
        for entry in _entries(path):
            if entry.is_dir(follow_symlinks=False):
                todo.append((entry.path, False))
            elif removed >= most:
                return removed, False
            else:
                with suppress(FileNotFoundError):
                    os.unlink(entry.path)
                removed += 1
    return removed, True


def _entries(path: str) -> list[os.DirEntry[str]]:
    """None where another has removed it meanwhile."""
    with suppress(FileNotFoundError):
        if os.lstat(path).st_mode & 0o700 != PRIVATE_DIRECTORY:
            os.chmod(path, PRIVATE_DIRECTORY)
        with os.scandir(path) as entries:
            return list(entries)
    return []


def _remove_if_empty(place: Path) -> None:
    try:
        place.rmdir()
    except OSError:
        return  # another attempt's folder is in it, or it is gone
