"""Opening, creating and migrating a mission's database."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from mission_control.errors import Conflict, SchemaMismatch, StoreDamaged, Unavailable
from mission_control.store.sqlite import SqliteConnection
from mission_control.store.store import Connection, Store

_FOLDER = os.path.join(os.path.dirname(__file__), "migrations")
_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql\Z")
SCHEMA_NUMBER = 1  # the newest migration this program knows; a test compares it with the folder


@dataclass(frozen=True)
class Migration:
    """One numbered step forward: the shared part, then what only this dialect needs."""

    number: int
    name: str
    sql: str


def connect(address: str, *, create: bool = False) -> Store:
    """The database at `address` (a path or a postgresql:// address), without looking at its schema."""
    if address.startswith(("postgresql://", "postgres://")):
        # Imported here: 100 ms and a library that only teams with Postgres need.
        from mission_control.store.postgres import PostgresConnection

        connection: Connection = PostgresConnection(address)
    else:
        connection = SqliteConnection(address, create=create)
    return Store(connection)


def open_store(address: str) -> Store:
    """The mission's database, ready for use. Refuses one that is missing, damaged, foreign or of another version."""
    store = connect(address)
    try:
        check_schema(store, address)
    except BaseException:
        store.close()
        raise
    return store


def check_schema(store: Store, address: str) -> None:
    """Raises SchemaMismatch unless the database has exactly the schema this program knows."""
    try:
        row = store.row("migration.newest")
    except StoreDamaged:
        raise
    except (Unavailable, Conflict):
        row = None
    number = row["number"] if row else 0
    if number == 0:
        raise StoreDamaged(
            f"{address} is not the database of a mission: it has no schema of ours. Nothing was changed. "
            "Make a mission with: missionctl init, or restore a backup."
        )
    if number > SCHEMA_NUMBER:
        raise SchemaMismatch(
            f"The database {address} has schema {number}; this program knows {SCHEMA_NUMBER}. Update missionctl."
        )
    if number < SCHEMA_NUMBER:
        raise SchemaMismatch(
            f"The database {address} has schema {number}; this program needs {SCHEMA_NUMBER}. "
            "Bring it up to date with: missionctl doctor --fix"
        )


def migrate(store: Store, *, now: datetime, backup: Callable[[], None] | None = None) -> list[int]:
    """Apply what is missing, each migration in one transaction, and return the numbers applied.

    `backup` is called once before the first, unless the database is empty. A newer schema is refused.
    """
    store.rows("migration.create_table")
    newest = store.row("migration.newest")
    assert newest is not None
    present = newest["number"]
    known = migrations(store)
    if present > known[-1].number:
        raise SchemaMismatch(
            f"The database has schema {present}; this program knows {known[-1].number}. Update missionctl."
        )
    missing = [migration for migration in known if migration.number > present]
    if missing and present and backup is not None:
        backup()
    return [migration.number for migration in missing if _apply(store, migration, now)]


def _apply(store: Store, migration: Migration, now: datetime) -> bool:
    """False when another process was faster."""
    with store.transaction():
        newest = store.row("migration.newest")
        assert newest is not None
        if newest["number"] >= migration.number:
            return False
        store.script(migration.sql)
        store.rows("migration.record", number=migration.number, name=migration.name, now=now)
        if store.row("setting.get", name="mission_id") is None:
            store.rows("setting.put", name="mission_id", value=os.urandom(16).hex())
    return True


def migrations(store: Store) -> list[Migration]:
    """All migrations for this store's dialect, in order."""
    found = []
    for file_name in sorted(os.listdir(_FOLDER)):
        if match := _FILE.match(file_name):
            special = file_name.removesuffix(".sql") + f".{store.dialect.name}.sql"
            sql = _read(file_name) + (_read(special) if os.path.exists(os.path.join(_FOLDER, special)) else "")
            found.append(Migration(int(match[1]), match[2], store.dialect.adapt_schema(sql)))
    return found


def _read(file_name: str) -> str:
    with open(os.path.join(_FOLDER, file_name), encoding="utf-8") as file:
        return file.read()
