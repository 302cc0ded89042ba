"""A disk that keeps only what was synced, and fails when told to: SQLite's files, seen through a VFS of our own.

Every call goes on to the real files, so that SQLite reads what it wrote, and is noted. From the notes `Platters` tells
what a power cut at any moment could leave: what was synced, and any part of what was not, torn at sectors.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from pathlib import Path

import apsw

SECTOR = 512  # what a disk writes whole or not at all
PAGE = 4096  # what the system writes at once
# SQLite's own VFS syncs the folder with the first sync of such a file; of others, and of deletions, only if told to.
_SYNCS_ITS_FOLDER = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
_numbers = count(1)


class Kind(StrEnum):
    OPEN = "open"
    WRITE = "write"
    SYNC = "sync"
    TRUNCATE = "truncate"
    DELETE = "delete"
    FORGET = "forget"  # never called; noted for a sync that failed on a disk that forgets


@dataclass(frozen=True)
class Call:
    """One call that changes a file, a name, or what of them is safe."""

    kind: Kind
    name: str
    offset: int = 0  # of a write; the new size of a truncate
    content: bytes = b""
    syncs_folder: bool = False


@dataclass(frozen=True)
class Fault:
    """What goes wrong: call number `at`, counted from 0 among those of `kinds`; and all later ones if it lasts."""

    at: int
    error: Callable[[], apsw.Error]
    kinds: frozenset[Kind] = frozenset(Kind)
    lasts: bool = False
    forgets: bool = False  # what a failed sync was to write is never tried again, as on Linux


def io_error() -> apsw.Error:
    return apsw.IOError("injected: the disk failed")


def disk_full() -> apsw.Error:
    return apsw.FullError("injected: no room")


class Disk(apsw.VFS):
    """Under its `name` for SQLite, until it is closed."""

    def __init__(self, fault: Fault | None = None, *, lies_about_sync: int | None = None) -> None:
        """With `lies_about_sync` that sync, counted from 0, says that all is well and does nothing."""
        self.name = f"disk-{next(_numbers)}"
        super().__init__(self.name, "")
        self.calls: list[Call] = []
        self.has_failed = False
        self._fault = fault
        self._counted = 0
        self._lie = lies_about_sync
        self._syncs = count()

    def mend(self) -> None:
        """Nothing goes wrong from now on."""
        self._fault = None

    def close(self) -> None:
        self.unregister()

    def excepthook(self, *_: object) -> bool:
        """What SQLite does not mind, such as a journal that cannot be deleted, is for the test to judge."""
        return True

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  SQLite's name
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.happen(Call(Kind.OPEN, Path(path).name if path else ""))
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.happen(Call(Kind.DELETE, Path(filename).name, syncs_folder=syncdir))
        super().xDelete(filename, syncdir)

    def happen(self, call: Call) -> None:
        """Note the call, or raise what it meets."""
        fault = self._fault
        if fault and call.kind in fault.kinds:
            self._counted += 1
            if self._counted - 1 == fault.at or (fault.lasts and self._counted > fault.at):
                self.has_failed = True
                if fault.forgets and call.kind is Kind.SYNC:
                    self.calls.append(Call(Kind.FORGET, call.name))
                raise fault.error()
        if call.kind is Kind.SYNC and next(self._syncs) == self._lie:
            return
        self.calls.append(call)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._name = Path(path).name if path else ""
        self._disk = disk
        self._folder_is_unsynced = bool(flags[0] & _SYNCS_ITS_FOLDER and flags[0] & apsw.SQLITE_OPEN_CREATE)
        super().__init__("", name, flags)

    def excepthook(self, *_: object) -> bool:
        """See Disk."""
        return True

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.happen(Call(Kind.WRITE, self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.happen(Call(Kind.TRUNCATE, self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.happen(Call(Kind.SYNC, self._name, syncs_folder=self._folder_is_unsynced))
        self._folder_is_unsynced = False  # the bytes themselves need no real sync: nobody cuts the power of the test


class _Content:
    """Of one file: what is safe, what was changed since, and what processes read."""

    def __init__(self, safe: bytes = b"") -> None:
        self.safe = safe
        self.cached = bytearray(safe)
        self.unsynced: list[Call] = []
        self._has_forgotten = False

    def change(self, call: Call) -> None:
        _carry_out(call, self.cached)
        if self._has_forgotten and call.kind is Kind.WRITE:
            # What is in memory goes to the disk by pages, with what a failed sync had left in them.
            start, end = call.offset // PAGE * PAGE, -(-(call.offset + len(call.content)) // PAGE) * PAGE
            call = replace(call, offset=start, content=bytes(self.cached[start:end]))
        self.unsynced.append(call)

    def sync(self) -> None:
        content = bytearray(self.safe)
        for change in self.unsynced:
            _carry_out(change, content)
        self.safe, self.unsynced = bytes(content), []

    def forget(self) -> None:
        """What was not synced stands in memory until the power goes, and is never written."""
        self.unsynced, self._has_forgotten = [], True

    def after(self, survives: Callable[[], bool]) -> bytes:
        """What is safe, with the changes that survive: asked of each sector of a write, and of a truncate as one."""
        content = bytearray(self.safe)
        for change in self.unsynced:
            for part in _sectors(change):
                if survives():
                    _carry_out(part, content)
        return bytes(content)


def _sectors(change: Call) -> Iterator[Call]:
    if change.kind is Kind.TRUNCATE:
        yield change
        return
    start, end = change.offset, change.offset + len(change.content)
    while start < end:
        stop = min((start // SECTOR + 1) * SECTOR, end)
        yield replace(change, offset=start, content=change.content[start - change.offset : stop - change.offset])
        start = stop


def _carry_out(change: Call, content: bytearray) -> None:
    end = change.offset + len(change.content)
    if change.kind is Kind.TRUNCATE:
        del content[end:]
    content.extend(bytes(max(end - len(content), 0)))
    content[change.offset : end] = change.content


class Platters:
    """What is safe on the disk and what is only on its way there, after some calls."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """`files` are safe from the beginning."""
        self._seen = {name: _Content(content) for name, content in files.items()}  # by processes
        self._safe_names = dict(self._seen)

    def apply(self, call: Call) -> None:
        match call.kind:
            case Kind.OPEN:
                self._seen.setdefault(call.name, _Content())
            case Kind.WRITE | Kind.TRUNCATE:
                self._seen[call.name].change(call)
            case Kind.SYNC:
                self._seen[call.name].sync()
            case Kind.FORGET:
                self._seen[call.name].forget()
            case Kind.DELETE:
                self._seen.pop(call.name, None)
        if call.syncs_folder:
            self._safe_names = dict(self._seen)

    def kept(self) -> dict[str, bytes]:
        """All that was written, as after the death of every process."""
        return {name: bytes(content.cached) for name, content in self._seen.items()}

    def after_power_cut(self, chance: random.Random | None = None) -> dict[str, bytes]:
        """What was synced, with any part that `chance` picks of what was not; without a chance nothing of it."""
        found = {}
        for name in sorted({*self._seen, *self._safe_names}):
            old, new = self._safe_names.get(name), self._seen.get(name)
            content = new if chance is not None and chance.random() < 0.5 else old
            if content is not None:
                found[name] = content.after(_survival(chance))
        return found


def _survival(chance: random.Random | None) -> Callable[[], bool]:
    """One file is luckier than another; some are torn in every sector."""
    if chance is None:
        return lambda: False
    luck = chance.choice((0.1, 0.5, 0.9, 1.0))
    return lambda: chance.random() < luck
