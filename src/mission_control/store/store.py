"""One open database: transactions and named queries, whatever the dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from mission_control.errors import Unavailable
from mission_control.store.dialect import Dialect
from mission_control.store.queries import Queries

Row = dict[str, Any]  # stays inside this folder; rows.py turns it into domain objects


class Connection(Protocol):
    """One connection of a driver. Raises only errors of ours, see errors.py."""

    dialect: Dialect

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open. SQLite ends one by itself after e.g. a full disk."""

    @property
    def is_in_place(self) -> bool:
        """False once the file that was opened no longer has the name it was opened by."""

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run one statement (or, without parameters, several) and return the rows of the last."""

    @property
    def changed(self) -> int:
        """How many rows the last statement changed, without what triggers did."""

    def close(self) -> None:
        """Give everything back; the object is not used again."""


class _CurtainError(Exception):
    """Ends a rehearsal."""


class Store:
    """Named queries in transactions. Not for threads; a process that forks opens none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._queries = Queries(connection.dialect)
        self._depth = 0

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        """All or nothing. Inside another transaction: a part of it that can fail alone.

        One that is not `durable` survives the death of every process, but a power cut may undo it. It is for one
        statement, so inside another transaction it is no part that would have to be undone.
        """
        if durable:
            with self._scope(self.dialect.begin_write):
                yield
            return
        if self._depth:
            yield
            return
        try:
            with self._scope(self.dialect.begin_relaxed):
                yield
        finally:
            if self.dialect.end_relaxed:
                self._connection.execute(self.dialect.end_relaxed)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Several reads of one and the same state."""
        with self._scope(self.dialect.begin_read):
            yield

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """A transaction that is always rolled back: what would happen, without happening."""
        try:
            with self.transaction():
                yield
                raise _CurtainError
        except _CurtainError:
            pass

    @contextmanager
    def _scope(self, begin: str) -> Iterator[None]:
        name = f"depth_{self._depth}"
        outermost = self._depth == 0
        if not outermost and not self._connection.in_transaction:
            raise Unavailable("The database gave the transaction up after a fault; nothing of it was kept. Try again.")
        self._connection.execute(begin if outermost else f"SAVEPOINT {name}")
        self._depth += 1
        try:
            yield
            self._connection.execute("COMMIT" if outermost else f"RELEASE SAVEPOINT {name}")
        except BaseException:
            self._undo("ROLLBACK" if outermost else f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")
            raise
        finally:
            self._depth -= 1

    def _undo(self, statements: str) -> None:
        """Roll back; a database that rolled back by itself (disk full, I/O error) has nothing left to undo."""
        try:
            self._connection.execute(statements)
        except Unavailable:
            pass

    def rows(self, query: str, /, **parameters: Any) -> list[Row]:
        """All rows of a named query, e.g. `task.get`."""
        return self._connection.execute(self._queries[query], parameters)

    def row(self, query: str, /, **parameters: Any) -> Row | None:
        """The only row of a named query, or None."""
        found = self.rows(query, **parameters)
        return found[0] if found else None

    def changes(self, query: str, /, **parameters: Any) -> bool:
        """Run a named query that changes at most one row; whether it did."""
        self._connection.execute(self._queries[query], parameters)
        return self._connection.changed == 1

    def script(self, sql: str) -> None:
        """Several statements without parameters, as migrations are."""
        self._connection.execute(sql)

    def hold(self, name: str) -> None:
        """Let no other transaction pass its own `hold` of this name until this one ends."""
        self.rows("lock.hold", name=name)

    def number(self, what: str) -> int:
        """The next `task` or `token` number: grows, never reused; who puts an older copy back must raise it."""
        row = self.row(f"number.next_{what}")
        assert row is not None
        return int(row["value"])

    def check_place(self) -> None:
        """Raises Unavailable when the database was moved away or replaced since it was opened.

        SQLite does not notice: a process that stays would write into a file that nobody reads any more.
        """
        if not self._connection.is_in_place:
            raise Unavailable("The database was moved or replaced. What has its name now must be opened anew.")

    def close(self) -> None:
        self._connection.close()


def instant(value: Any) -> datetime | None:
    """A stored instant as aware datetime: Postgres gives one, SQLite gives the text."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value)
