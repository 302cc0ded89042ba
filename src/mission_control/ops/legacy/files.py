"""The old system's folder as it lies on the disk: found, read, and compared once more before anything is written."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mission_control.errors import InvalidInput
from mission_control.ops.legacy.faults import Fault, Faults
from mission_control.ops.legacy.scan import Row, scan

AGENTS, TASKS, MESSAGES = "agents.json", "tasks.json", "messages.json"
NOTIFICATIONS, ACTIVITIES = "notifications.json", "activities.json"
FILES = (AGENTS, TASKS, MESSAGES, NOTIFICATIONS, ACTIVITIES)
SUBFOLDER = "database"
MOST_BYTES = 64_000_000  # of one file

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_CHANGED = "it changed while it was read. Stop the old system and try again"


@dataclass(frozen=True)
class Fingerprint:
    """Which file it was and what stood in it."""

    state: tuple[int, ...]  # device, inode, size, time of the last change
    digest: bytes


@dataclass(frozen=True)
class Folder:
    """What was read. `rows` has an entry for each file that is there; `ignored` names other JSON files."""

    path: Path
    rows: Mapping[str, list[Row]]
    ignored: tuple[str, ...]
    fingerprints: Mapping[str, Fingerprint]

    def check_unchanged(self) -> None:
        """Raises ImportRefused when a file is no longer what was read: no mixture of two states is taken over."""
        faults = Faults()
        for name in FILES:
            try:
                content = _read(self.path, name)
            except InvalidInput as fault:
                faults.add(Fault(str(fault), name))
                continue
            if self.fingerprints.get(name) != (content and content[1]):
                faults.add(Fault(_CHANGED, name))
        faults.refuse()


def read_folder(path: Path) -> Folder:
    """All rows of the files in `path` or `path/database`. Raises ImportRefused with every fault of the files."""
    faults = Faults()
    place = _find(path)
    rows: dict[str, list[Row]] = {}
    fingerprints: dict[str, Fingerprint] = {}
    for name in FILES:
        try:
            if content := _read(place, name):
                text, fingerprints[name] = _decoded(content[0]), content[1]
                rows[name] = scan(name, text, faults)
        except InvalidInput as fault:
            faults.add(Fault(str(fault), name))
    faults.refuse()
    return Folder(place, rows, _others(place), fingerprints)


def _find(path: Path) -> Path:
    """The folder that holds the files."""
    for place in (path, path / SUBFOLDER):
        if any(os.path.lexists(place / name) for name in FILES):
            return place
    raise InvalidInput(
        f"Neither {path} nor {path / SUBFOLDER} holds one of {', '.join(FILES)}. Name the folder of the old system."
    )


def _others(place: Path) -> tuple[str, ...]:
    return tuple(sorted(name for name in os.listdir(place) if name.endswith(".json") and name not in FILES))


def _read(place: Path, name: str) -> tuple[bytes, Fingerprint] | None:
    """The file's bytes; None when there is no such file. Raises InvalidInput."""
    try:
        # Never through a link, which may lead anywhere; without waiting, should it be a pipe.
        descriptor = os.open(place / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as fault:
        if os.path.islink(place / name):
            raise InvalidInput("it is a symbolic link. Put the file itself there") from None
        raise InvalidInput(f"it cannot be read: {fault.strerror}") from None
    try:
        return _read_open(descriptor)
    except OSError as fault:
        raise InvalidInput(f"it cannot be read: {fault.strerror}") from None
    finally:
        os.close(descriptor)


def _read_open(descriptor: int) -> tuple[bytes, Fingerprint]:
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        raise InvalidInput("it is not a regular file")
    with open(descriptor, "rb", closefd=False) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InvalidInput(f"it is larger than {MOST_BYTES:,} bytes")
    state = _state(os.fstat(descriptor))
    if state != _state(before) or len(content) != before.st_size:
        raise InvalidInput(_CHANGED)
    return content, Fingerprint(state, hashlib.sha256(content).digest())


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _decoded(content: bytes) -> str:
    if content.startswith(_BYTE_ORDER_MARKS):
        raise InvalidInput("it starts with a byte order mark. Save it as UTF-8 without one")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        raise InvalidInput(f"line {line} is not valid UTF-8 (byte {fault.start:,} of the file)") from None
