"""Opening, creating and migrating a mission's database."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from mission_control.errors import SchemaMismatch, StoreDamaged
from mission_control.store.settings import ATTEMPT_SECRET
from mission_control.store.sqlite import SqliteConnection
from mission_control.store.store import Store

_FOLDER = os.path.join(os.path.dirname(__file__), "migrations")
_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql\Z")
SCHEMA_NUMBER = 7  # the newest migration this program knows; a test compares it with the folder


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

        return Store(PostgresConnection(address))
    return Store(SqliteConnection(address, create=create))


def open_store(address: str) -> Store:
    """The mission's database, ready for use. Refuses one that is missing, damaged, foreign or of another version."""
    store = connect(address)
    try:
        check_schema(store, address)
        store.check_place()  # a restore may have replaced it while we waited for it
    except BaseException:
        store.close()
        raise
    return store


def check_schema(store: Store, address: str) -> None:
    """Raises SchemaMismatch or StoreDamaged unless the database has exactly the schema this program knows."""
    number = schema_number(store)
    address = shown_address(address)
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

    `backup` is called once before the first, unless the database is empty. A newer schema is refused, and so
    is a file of another program.
    """
    present = schema_number(store)
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
        store.hold("migration")
        present = schema_number(store)
        if present >= migration.number:
            return False
        if present == 0:
            _lay_foundation(store)
        store.script(migration.sql)
        store.rows("migration.record", number=migration.number, name=migration.name, now=now)
        for setting, size in (("mission_id", 16), (ATTEMPT_SECRET, 32)):
            if store.row("setting.get", name=setting) is None:
                store.rows("setting.put", name=setting, value=os.urandom(size).hex())
    return True


def _lay_foundation(store: Store) -> None:
    if store.row("migration.foreign"):
        raise StoreDamaged("This database belongs to another program. Nothing was changed; name another file.")
    store.rows("migration.create_table")


def schema_number(store: Store) -> int:
    """The newest migration the database has had; 0 when it has none of ours."""
    if store.row("migration.table") is None:
        return 0
    newest = store.row("migration.newest")
    assert newest is not None
    return int(newest["number"])


def shown_address(address: str) -> str:
    """`address` as it may stand in a message: without its password."""
    hidden = re.sub(r"(://[^:/@]*):.*@", r"\1:•••@", address)
    return re.sub(r"(password=)[^&\s]*", r"\1•••", hidden)


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
