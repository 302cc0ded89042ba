"""The old system's files on disk: each whole or as it was, and never over what somebody else wrote there."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mission_control.errors import Conflict, InvalidInput, StoreBusy
from mission_control.folder import make_private_directory, write_private
from mission_control.ops.legacy.exporting import as_old_files
from mission_control.ops.legacy.files import FILES, SUBFOLDER
from mission_control.store import exports
from mission_control.store.store import Store

RECORD = ".missionctl-export.json"  # what we wrote there last, so that we know it again


@dataclass(frozen=True)
class Record:
    """The checksum of each file as we wrote it, and how far the history had come."""

    newest: int = 0
    files: Mapping[str, str] = field(default_factory=dict)
    coming: Mapping[str, str] = field(default_factory=dict)  # as we are about to write it

    def holds(self, name: str, checksum: str | None) -> bool:
        """Whether a file that is so is of our making."""
        return checksum is not None and checksum in (self.files.get(name), self.coming.get(name))


def export(
    store: Store, folder: Path, *, over_foreign: bool = False, most_activities: int = exports.ALL
) -> dict[str, int]:
    """Write the five files into `folder`/database and say how many rows each has.

    Raises Conflict when files stand there that somebody else has written, unless `over_foreign`.
    """
    place = folder / SUBFOLDER
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise InvalidInput(f"{place} is no folder of its own. Name another one.")
    make_private_directory(place)
    with _alone(place):
        if not over_foreign and (foreign := foreign_files(place)):
            raise Conflict(
                f"{', '.join(foreign)} in {place} {'was' if len(foreign) == 1 else 'were'} not written by an export, "
                "or changed since. Nothing was written; name another folder, or overwrite with --yes."
            )
        newest = exports.newest_activity(store)  # before the rows are read: what comes meanwhile is due again
        rows = as_old_files(exports.everything(store, most_activities=most_activities))
        _write(place, rows, newest)
    return {name: len(of_file) for name, of_file in rows.items()}


def foreign_files(place: Path) -> list[str]:
    """Names of files there that are not as we wrote them, or not ours at all."""
    known = record(place)
    there = [name for name in FILES if os.path.lexists(place / name)]
    return [name for name in there if not known.holds(name, _checksum_at(place / name))]


def record(place: Path) -> Record:
    """What was written there last; an empty one where nothing was."""
    try:
        return Record(**json.loads((place / RECORD).read_bytes()))
    except (OSError, ValueError, TypeError):
        return Record()


def _write(place: Path, rows: Mapping[str, list[dict[str, Any]]], newest: int) -> None:
    """First it is noted what will be written, so that after a kill every file is still known to be ours."""
    texts = {name: _json(of_file) for name, of_file in rows.items()}
    sums = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
    known = record(place)
    there = {name: _checksum_at(place / name) for name in FILES}
    ours = {name: checksum for name, checksum in there.items() if checksum and known.holds(name, checksum)}
    _clear_up(place)
    _note(place, Record(0, ours, coming=sums))
    for name, text in texts.items():
        if ours.get(name) != sums[name]:
            write_private(place / name, text)
    _note(place, Record(newest, sums))


def _clear_up(place: Path) -> None:
    """Take away what an export was writing aside when it was killed."""
    for name in (*FILES, RECORD):
        for half in place.glob(f"{name}.*.new"):
            half.unlink()


def _note(place: Path, written: Record) -> None:
    write_private(place / RECORD, json.dumps(asdict(written)).encode())


def _json(rows: list[dict[str, Any]]) -> bytes:
    text = json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: legal JSON only when it is escaped
        return (json.dumps(rows, indent=2) + "\n").encode()


def _checksum_at(path: Path) -> str | None:
    """None for a link and for what is no file."""
    if path.is_symlink() or not path.is_file():
        return None
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One export into a folder at a time."""
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreBusy(f"Another export writes into {place}. Try again.") from None
    try:
        yield
    finally:
        os.close(descriptor)
