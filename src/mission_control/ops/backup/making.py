"""Making a backup while everything runs: aside, on disk, and only then by its name."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.errors import InvalidInput, Unavailable
from mission_control.folder import Folder, write_private
from mission_control.ops.backup import crontab, manifest, shelf
from mission_control.ops.backup.copying import Copied, copy_file, copy_folder, describe, sync_folders, walk
from mission_control.ops.backup.manifest import Manifest
from mission_control.store import copies
from mission_control.store.copies import Contents


@dataclass(frozen=True)
class Backup:
    """A whole backup."""

    path: Path
    manifest: Manifest


def make_backup(config: Config, clock: Clock, *, into: Path | None = None, with_runs: bool = False) -> Backup:
    """Copy the database in one state, then settings, memory, reports and crontab, and with `with_runs` all attempts.

    It holds at least all that was accepted before. `into` is another folder than the mission's own `backups`.
    Raises InvalidInput, Unavailable; nothing is left behind then.
    """
    home = config.home
    place = _checked_place(home, into)
    now = clock.now()
    try:
        with shelf.place_for_new(place, now) as aside:
            contents, copied = _copy_database(config, aside), Copied()
            database = manifest.DUMP if config.is_on_a_server else manifest.DATABASE
            copied.files[database] = describe(aside / database)
            _copy_files(home, aside, copied, with_runs=with_runs)
            made = _describe(contents, copied, now)
            made.write(aside)
            sync_folders(aside)
            return Backup(shelf.finish(aside, now), made)
    except OSError as fault:
        where = f" ({fault.filename})" if fault.filename else ""
        raise Unavailable(f"No backup was made in {place}: {fault.strerror}{where}.") from fault


def _checked_place(home: Path, into: Path | None) -> Path:
    """Where the backup goes: not into a folder that is itself copied."""
    if into is None:
        return Folder(home).backups
    place = Path(os.path.realpath(into.expanduser()))
    for name in (*manifest.MEMORY, manifest.RUNS):
        if place.is_relative_to(os.path.realpath(home / name)):
            raise InvalidInput(f"{into} lies in {home / name}, which a backup copies. Name a folder elsewhere.")
    return place


def _copy_database(config: Config, aside: Path) -> Contents:
    if config.is_on_a_server:
        from mission_control.store import dumps  # only where there is a server

        return dumps.dump(config.database_address, aside / manifest.DUMP)
    return copies.copy_file(config.database_address, aside / manifest.DATABASE)


def _copy_files(home: Path, aside: Path, copied: Copied, *, with_runs: bool) -> None:
    copy_file(home / manifest.SETTINGS, aside / manifest.SETTINGS, manifest.SETTINGS, copied)
    for name in (*manifest.MEMORY, *([manifest.RUNS] if with_runs else [])):
        copy_folder(home, aside, name, copied)
    if (text := crontab.read()) is not None:
        write_private(aside / manifest.CRONTAB, text)
        copied.files[manifest.CRONTAB] = describe(aside / manifest.CRONTAB)


def describe_replaced(kept: Path, now: datetime) -> bool:
    """Make a backup of what a restore has replaced, so that it can be put back like any other.

    False where its database cannot be used, or nothing was replaced: then it is only evidence.
    """
    try:
        contents = copies.settle(kept / manifest.DATABASE)
        _describe(contents, _found(kept), now).write(kept)
    except (Unavailable, OSError):
        return False
    return True


def _found(folder: Path) -> Copied:
    found = Copied()
    for path, status in walk(folder):
        match stat.S_IFMT(status.st_mode):
            case stat.S_IFREG:
                found.files[path] = describe(folder / path)
            case stat.S_IFDIR:
                found.folders.append(path)
            case _:
                found.left_out.append(path)
    found.files.pop(manifest.NAME, None)
    return found


def _describe(contents: Contents, copied: Copied, now: datetime) -> Manifest:
    return Manifest(
        made_at=now,
        contents=contents,
        files=copied.files,
        folders=tuple(copied.folders),
        left_out=tuple(copied.left_out),
    )
