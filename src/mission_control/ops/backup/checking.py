"""Whether a backup is still what it was when it was made, and whether this program can put it back."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from mission_control.errors import MissionControlError, StoreDamaged
from mission_control.ops.backup import manifest
from mission_control.ops.backup.copying import describe, walk
from mission_control.ops.backup.manifest import BackupDamaged, Manifest
from mission_control.store import copies

FAULTS_SHOWN = 10


def check(backup: Path) -> Manifest:
    """Read every byte: names, sizes, checksums, every page of the database, its age and what it holds.

    Raises BackupDamaged with what differs, SchemaMismatch when only a later program can read it.
    """
    made = glance(backup)
    _refuse(backup, _differing(backup, made))
    if made.has_dump:
        _check_dump(backup)
    else:
        try:
            found = copies.examine_file(backup / manifest.DATABASE)
        except StoreDamaged as damaged:
            raise BackupDamaged(f"{backup} is damaged: {damaged}") from None
        if found != made.contents:
            raise BackupDamaged(f"{backup} is damaged: its database does not hold what {manifest.NAME} says.")
    return made


def _check_dump(backup: Path) -> None:
    """Its table of contents; what is in it, only a server can tell."""
    from mission_control.store import dumps

    dumps.check(backup / manifest.DUMP)


def glance(backup: Path) -> Manifest:
    """The same without reading files: names and sizes."""
    made = manifest.read(backup)
    copies.check_age(made.contents.schema, f"The backup {backup}")
    if (manifest.DATABASE in made.files) == made.has_dump:
        raise BackupDamaged(f"{backup} is no backup: its {manifest.NAME} names no database, or two.")
    _refuse(backup, _missing_or_strange(backup, made))
    return made


def why_unfit(backup: Path, *, deep: bool) -> str | None:
    """Why it cannot be relied on; None for a good one."""
    try:
        check(backup) if deep else glance(backup)
    except (MissionControlError, OSError) as fault:
        return str(fault)
    return None


def _missing_or_strange(backup: Path, made: Manifest) -> Iterator[str]:
    found = dict(walk(backup))
    for path, file in made.files.items():
        status = found.get(path)
        if status is None:
            yield f"{path} is missing"
        elif not stat.S_ISREG(status.st_mode):
            yield f"{path} is no file"
        elif status.st_size != file.bytes:
            yield f"{path} has {status.st_size:,} bytes instead of {file.bytes:,}"
    for path in sorted(found.keys() - {*made.files, *made.folders, *made.left_out, manifest.NAME}):
        yield f"{path} does not belong to it"


def _differing(backup: Path, made: Manifest) -> Iterator[str]:
    for path, file in made.files.items():
        if describe(backup / path).sha256 != file.sha256:
            yield f"{path} has changed: its checksum differs"


def _refuse(backup: Path, faults: Iterator[str]) -> None:
    told = list(faults)
    if told:
        more = f"; and {len(told) - FAULTS_SHOWN} more" if len(told) > FAULTS_SHOWN else ""
        raise BackupDamaged(f"{backup} is damaged: {'; '.join(told[:FAULTS_SHOWN])}{more}. Use another one.")
