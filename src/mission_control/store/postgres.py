"""Postgres through psycopg 3, imported only when the settings name one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.rows import dict_row

from mission_control.errors import CommitUnknown, Conflict, InvalidInput, MissionControlError, StoreBusy, Unavailable
from mission_control.store.dialect import POSTGRES, Dialect
from mission_control.store.store import Row


class PostgresConnection:
    """One psycopg connection; transactions are begun and ended by the Store."""

    dialect: Dialect = POSTGRES
    changed = 0

    def __init__(self, address: str) -> None:
        try:
            # Parameters are put in by the client: the server cannot tell the type of a bare NULL.
            self._psycopg = psycopg.connect(
                address, autocommit=True, row_factory=dict_row, cursor_factory=psycopg.ClientCursor
            )
            self._psycopg.execute("SET TIME ZONE 'UTC'")
        except psycopg.ProgrammingError:  # its text repeats the address, and so the password
            raise Unavailable(
                "The setting `database` is no valid postgresql:// address. See: missionctl doctor"
            ) from None
        except psycopg.Error as fault:
            raise _ours(fault) from fault

    @property
    def in_transaction(self) -> bool:
        return self._psycopg.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE

    @property
    def is_in_place(self) -> bool:
        return True  # a server looks after its files

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        values = None if parameters is None else {name: _plain(value) for name, value in parameters.items()}
        try:
            cursor = self._psycopg.execute(sql, values)
            self.changed = cursor.rowcount
            return cursor.fetchall() if cursor.description else []
        except (psycopg.Error, UnicodeEncodeError) as fault:
            if sql == "COMMIT" and self._psycopg.broken:
                raise CommitUnknown(
                    f"The connection to the database was lost while a change was written ({_reason(fault)}). "
                    "All of it was kept or nothing: look before you repeat it."
                ) from fault
            raise _ours(fault) from fault

    def close(self) -> None:
        self._psycopg.close()


def _ours(fault: psycopg.Error | UnicodeEncodeError) -> MissionControlError:
    reason = _reason(fault)
    match fault:
        case psycopg.errors.DeadlockDetected() | psycopg.errors.SerializationFailure():
            return StoreBusy(f"The database gave way to another writer ({reason}). Try again.")
        case psycopg.DataError() | UnicodeEncodeError():
            return InvalidInput(f"A value cannot be stored: {reason}.")
        case psycopg.errors.IntegrityError():
            return Conflict(f"The database refused the change: {reason}.")
    return Unavailable(f"The database cannot be used: {reason}.")


def _reason(fault: Exception) -> str:
    return str(fault).strip().partition("\n")[0]


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value
