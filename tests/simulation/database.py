"""The database of a simulated mission: real SQL in memory, which breaks where it is told to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from mission_control.errors import StoreBusy, Unavailable
from mission_control.store.dialect import SQLITE, Dialect
from mission_control.store.schema import migrate
from mission_control.store.sqlite import SqliteConnection
from mission_control.store.store import Row, Store
from support.clock import START


class Killed(BaseException):  # as SIGKILL does it passes every `except Exception`
    """Whoever acts has been killed between two of its side effects."""


class Fault(StrEnum):
    """What a fuse does when it has burnt down."""

    KILL = "killed"
    BUSY = "found the database busy"
    FULL = "found the disk full"


@dataclass
class Fuse:
    """Counts side effects of whoever acts; the last one does not happen."""

    left: int | None = None  # null: not lit
    fault: Fault = Fault.KILL

    def burn(self) -> Fault | None:
        """The fault, when this side effect is the one that must not happen."""
        if self.left is None:
            return None
        self.left -= 1
        if self.left > 0:
            return None
        self.left = None
        return self.fault


class FragileConnection:
    """Notes what is touched, burns the fuse, and at a power cut forgets what was not made durable."""

    dialect: Dialect = SQLITE

    def __init__(self, fuse: Fuse) -> None:
        self.touched_tasks: set[int] = set()
        self.touched_attempts: set[int] = set()  # by rowid
        self._fuse = fuse
        self._real = SqliteConnection(":memory:")
        self._real._apsw.set_update_hook(self._note)
        self._durable: bytes | None = None  # how it stood before what a power cut would undo; null: nothing would be
        self._is_relaxed = False

    @property
    def in_transaction(self) -> bool:
        return self._real.in_transaction

    @property
    def is_in_place(self) -> bool:
        return self._real.is_in_place

    @property
    def changed(self) -> int:
        return self._real.changed

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        match self._fuse.burn() if _changes_something(sql) else None:
            case Fault.KILL:
                self._roll_back()
                raise Killed
            case Fault.BUSY | Fault.FULL if sql.endswith("BEGIN IMMEDIATE"):
                raise StoreBusy("simulated: the database is busy")
            case Fault.FULL if self.in_transaction and not sql.startswith("ROLLBACK"):
                self._roll_back()
                raise Unavailable("simulated: the disk is full")
        if not self.in_transaction:
            self._begin(relaxed=sql == SQLITE.begin_relaxed)
        rows = self._real.execute(sql, parameters)
        if not self.in_transaction and not self._is_relaxed and _changes_something(sql):
            self._durable = None  # committed, and with it what was relaxed before
        return rows

    def _roll_back(self) -> None:
        """As SQLite does by itself for who is no longer there, or when the disk is full."""
        if self.in_transaction:
            self._real.execute("ROLLBACK")

    def _begin(self, *, relaxed: bool) -> None:
        self._is_relaxed = relaxed  # what begins now, be it one statement alone
        if relaxed and self._durable is None:
            self._durable = self._real._apsw.serialize("main")

    def read(self, sql: str, **parameters: Any) -> list[Row]:
        """For those who watch: burns no fuse."""
        return self._real.execute(sql, parameters)

    def cut_power(self) -> None:
        """Undo what was committed without waiting for the disk."""
        if self._durable is not None:
            self._real._apsw.deserialize("main", self._durable)
            self._durable = None

    def close(self) -> None:
        self._real._apsw.set_update_hook(None)
        self._real.close()

    def _note(self, kind: int, database: str, table: str, rowid: int) -> None:
        """Told of every changed row, those of transactions that are rolled back later included."""
        if table == "task":
            self.touched_tasks.add(rowid)
        elif table == "attempt":
            self.touched_attempts.add(rowid)


@cache
def _changes_something(sql: str) -> bool:
    """Whether there is a difference between being killed before this statement and after it."""
    words = next((line for line in sql.splitlines() if not line.startswith("--")), "")
    return not words.startswith(("SELECT", "WITH")) and sql != SQLITE.end_relaxed


def new_database(fuse: Fuse) -> tuple[FragileConnection, Store]:
    """An empty mission's database."""
    connection = FragileConnection(fuse)
    store = Store(connection)
    migrate(store, now=START)
    return connection, store
