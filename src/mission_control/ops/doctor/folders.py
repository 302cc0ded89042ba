"""Checks of the mission's folder: what must be there is there, and nobody else can read or change it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mission_control.config import SETTINGS_FILE
from mission_control.folder import DIRECTORIES, PRIVATE_DIRECTORY, PRIVATE_FILE, Folder
from mission_control.ops.doctor.finding import Finding, fault, ok, warning

OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO
CHANGE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
FIX = "missionctl doctor --fix"


def examine_folders(home: Path, database: Path | None) -> Iterator[Finding]:
    """Missing folders and permissions, a finding each; one line when all is well. `database` null: not a file."""
    findings = [*_examine_missing(home), *_examine_home(home), *_examine_open(home, database)]
    yield from findings or [ok("folder", f"{home} is complete and private")]


def _examine_missing(home: Path) -> Iterator[Finding]:
    for name in missing(home):
        yield fault("folder", f"{home / name} is missing", FIX)


def _examine_home(home: Path) -> Iterator[Finding]:
    """Reading the home shows names only; who can write there can replace the database."""
    mode = home.stat().st_mode
    if mode & CHANGE_BY_OTHERS:
        yield fault("permissions", f"{home} can be changed by others: {_octal(mode)} instead of 0700", FIX)
    elif mode & OF_OTHERS:
        yield warning("permissions", f"{home} can be read by others: {_octal(mode)} instead of 0700", FIX)


def _examine_open(home: Path, database: Path | None) -> Iterator[Finding]:
    for path in open_to_others(home, database):
        private = PRIVATE_DIRECTORY if path.is_dir() else PRIVATE_FILE
        mode = path.stat().st_mode
        yield fault("permissions", f"{path} is open to others: {_octal(mode)} instead of {_octal(private)}", FIX)


def missing(home: Path) -> list[str]:
    """Names of directories that a mission has and this one has not."""
    return [name for name in DIRECTORIES if not (home / name).is_dir()]


def open_to_others(home: Path, database: Path | None) -> list[Path]:
    """What of ours others can read or change. Links are not followed: what they name is not ours to judge."""
    ours = [home / name for name in (*DIRECTORIES, SETTINGS_FILE)]
    if database is not None:
        ours.extend(database.with_name(database.name + ending) for ending in ("", "-wal", "-shm"))
    for name in ("agents", "memory", "logs", "backups"):
        ours.extend(_entries(home / name))
    return [path for path in ours if _is_open(path)]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []  # missing is a finding of its own


def _is_open(path: Path) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return not stat.S_ISLNK(mode) and bool(mode & OF_OTHERS)


def mend_folders(home: Path, database: Path | None) -> Iterator[str]:
    """Make what is missing and close what is open; tells each."""
    for name in missing(home):
        yield f"made {home / name}"
    Folder(home).make()
    for path in [home] if _is_open(home) else []:
        path.chmod(PRIVATE_DIRECTORY)
        yield f"made {path} private"
    for path in open_to_others(home, database):
        path.chmod(PRIVATE_DIRECTORY if path.is_dir() else PRIVATE_FILE)
        yield f"made {path} private"


def _octal(mode: int) -> str:
    return f"{stat.S_IMODE(mode):04o}"
