"""SQLite through apsw: one file, WAL, every commit on disk before it is acknowledged."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import apsw

from mission_control.errors import (
    CommitUnknown,
    Conflict,
    InvalidInput,
    MissionControlError,
    StoreBusy,
    StoreDamaged,
    Unavailable,
)
from mission_control.folder import open_private, sync
from mission_control.store.dialect import SQLITE, Dialect
from mission_control.store.store import Row

BUSY_SECONDS = 10.0  # how long a statement waits for another writer
CHECKPOINT_PAGES = 4000  # a commit that finds the log this long writes it back itself; heartbeats do it before
PRAGMAS = (
    "synchronous = FULL",
    "foreign_keys = ON",
    f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    "temp_store = MEMORY",  # or what a savepoint may have to undo, of 16 pages or more, goes through a file of its own
)
PAGES_AT_ONCE = 2_000  # of a copy, between which other writers get their turn


class SqliteConnection:
    """One apsw connection with our settings."""

    dialect: Dialect = SQLITE

    def __init__(self, path: str, *, create: bool = False, alone: bool = False, vfs: str | None = None) -> None:
        """Open the file at `path` (`:memory:` for tests). Without `create` a missing file is refused, never made.

        `alone`: only while nobody else has it open, and nobody else can open it until this is closed.
        """
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
        if not create and path != ":memory:" and not os.path.exists(path):
            raise StoreDamaged(
                f"The database {path} is missing. If it was moved, put it back together with its -wal file; "
                "otherwise restore the last backup."
            )
        self._path = path
        self._columns: dict[str, tuple[str, ...]] = {}  # of the rows that a statement gives, once it has given one
        new = create and not (os.path.exists(path) and os.path.getsize(path))
        try:
            if new and path != ":memory:":
                os.close(open_private(path, os.O_RDWR | os.O_CREAT))
            self._file = _file_at(path)
            self._apsw = apsw.Connection(path, flags=flags, vfs=vfs)
            self._apsw.set_busy_handler(_Patience())
            # Closing must not checkpoint: the last of many short commands would pay for all before it.
            self._apsw.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            if alone:
                self._apsw.execute("PRAGMA locking_mode = EXCLUSIVE")  # first, before it is read
            if create:
                self._begin_log()
            for pragma in PRAGMAS:
                self._apsw.execute(f"PRAGMA {pragma}")
        except OSError as fault:
            raise Unavailable(f"The database {path} cannot be made: {fault.strerror}.") from fault
        except apsw.Error as fault:
            raise self._ours(fault) from fault

    def _begin_log(self) -> None:
        """Give a database that is still empty its write-ahead log, for good; one that is not ours keeps what it has."""
        if self._apsw.execute("SELECT count(*) FROM sqlite_schema").get:
            return
        # A disk that fails here is no error to SQLite: it goes on in the old mode, in which a commit is less safe.
        if self._apsw.pragma("journal_mode", "WAL") not in ("wal", "memory"):
            raise Unavailable(
                f"The database {self._path} cannot be made: its disk refuses a write-ahead log. Try again."
            )

    @property
    def in_transaction(self) -> bool:
        return self._apsw.in_transaction

    @property
    def is_in_place(self) -> bool:
        return self._file == _file_at(self._path)

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        try:
            if parameters is None:
                self._apsw.execute(sql)
                return []
            cursor = self._apsw.execute(
                sql, {name: value if type(value) in _AS_IT_IS else _plain(value) for name, value in parameters.items()}
            )
            names = self._columns.get(sql) or self._learn_columns(sql, cursor)
            return [dict(zip(names, row, strict=True)) for row in cursor]
        except (OverflowError, UnicodeEncodeError) as fault:
            raise InvalidInput(f"A value cannot be stored: {fault}.") from fault
        except apsw.Error as fault:
            if sql == "COMMIT" and isinstance(fault, apsw.IOError):
                # All of it may stand in the log already. Whoever opens the database first after us then takes it for
                # committed; whoever writes first while it is still open writes over it.
                raise CommitUnknown(
                    f"The disk failed while a change was written to {self._path} ({fault}). All of it was kept or "
                    "nothing: look before you repeat it. Then: missionctl doctor"
                ) from fault
            raise self._ours(fault) from fault

    @property
    def changed(self) -> int:
        return self._apsw.changes()

    def _learn_columns(self, sql: str, cursor: apsw.Cursor) -> tuple[str, ...]:
        try:
            found = self._columns[sql] = tuple(column[0] for column in cursor.get_description())
        except apsw.ExecutionCompleteError:  # it ended without a row
            return ()
        return found

    def close(self) -> None:
        self._apsw.close()

    def copy_to(self, target: Path) -> None:
        """A consistent copy in a new private file, while others go on writing. Raises FileExistsError."""
        os.close(open_private(target, os.O_RDWR | os.O_CREAT | os.O_EXCL))
        try:
            copy = apsw.Connection(str(target))
            try:
                # One state for all steps: a copy that others change between two steps begins anew, maybe for ever.
                with self._apsw, copy.backup("main", self._apsw, "main") as backup:
                    self._apsw.execute("SELECT 1 FROM sqlite_schema").fetchall()
                    while not backup.done:
                        backup.step(PAGES_AT_ONCE)
            finally:
                copy.close()
            # Or a power cut could bring the copy's own journal back, which would make it empty again.
            sync(target.parent)
        except apsw.Error as fault:
            raise self._ours(fault) from fault

    def _ours(self, fault: apsw.Error) -> MissionControlError:
        match fault:
            case apsw.BusyError() | apsw.LockedError():
                return StoreBusy(
                    f"The database {self._path} was held by another writer for {BUSY_SECONDS:g} s. Try again."
                )
            case apsw.CorruptError() | apsw.NotADBError():
                return StoreDamaged(
                    f"The database {self._path} is damaged ({fault}). It was left as it is. "
                    "See: missionctl doctor, then restore the last backup."
                )
            case _ if self._has_no_room(fault):
                return Unavailable(f"The disk that holds {self._path} is full. Make room and try again.")
            case apsw.CantOpenError() | apsw.IOError() | apsw.ReadOnlyError() | apsw.PermissionsError():
                return Unavailable(f"The database {self._path} cannot be used: {fault}.")
            case apsw.ConstraintError():
                return Conflict(f"The database refused the change: {fault}.")
        return Unavailable(f"The database {self._path} failed: {fault}.")

    def _has_no_room(self, fault: apsw.Error) -> bool:
        """Also where SQLite calls it an I/O error, as when the index of its log cannot grow."""
        system_error = self._apsw.system_errno if hasattr(self, "_apsw") else 0
        return isinstance(fault, apsw.FullError) or (isinstance(fault, apsw.IOError) and system_error == errno.ENOSPC)


def _file_at(path: str) -> tuple[int, int] | None:
    """Which file has this name now; None when there is none, or it is in memory."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class _Patience:
    """Waits for another writer in short random steps: SQLite's own growing steps starve one of several writers."""

    def __init__(self) -> None:
        self._since = 0.0

    def __call__(self, calls: int) -> bool:
        if calls == 0:
            self._since = time.monotonic()
        if time.monotonic() - self._since > BUSY_SECONDS:
            return False
        longest = 0.003 if calls < 50 else 0.02
        time.sleep(0.0002 + longest * os.urandom(1)[0] / 256)
        return True


def library_version() -> str:
    """The version of the SQLite that is in use, e.g. `3.54.1`."""
    return apsw.sqlite_lib_version()


@lru_cache(maxsize=8)  # one instant stands in several columns of several statements
def text_of_instant(moment: datetime) -> str:
    """`2026-02-06T10:00:00.000000Z`: of one length, so that texts compare as instants do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


_AS_IT_IS = frozenset({int, str, float, bool, type(None)})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return text_of_instant(value)
    if isinstance(value, StrEnum):
        return value.value
    return value
