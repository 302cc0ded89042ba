"""Copies of a whole database: made while others write, examined, and made fit to take another's place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mission_control.domain.history import Activity
from mission_control.errors import SchemaMismatch, StoreDamaged, Unavailable
from mission_control.folder import sync
from mission_control.store import history, schema
from mission_control.store.sqlite import SqliteConnection
from mission_control.store.store import Store

MOST_PROBLEMS = 5


@dataclass(frozen=True)
class Numbers:
    """The highest numbers that were ever given out; neither is given out twice."""

    task: int
    token: int

    def __or__(self, other: Numbers) -> Numbers:
        """Beyond both."""
        return Numbers(max(self.task, other.task), max(self.token, other.token))


@dataclass(frozen=True)
class Contents:
    """What stands in a database."""

    schema: int
    mission_id: str
    agents: int
    tasks: int
    attempts: int
    live_attempts: int
    comments: int
    activities: int
    numbers: Numbers


def contents(store: Store) -> Contents:
    """Counted in one state. Raises StoreDamaged for a database that is not ours."""
    number = schema.schema_number(store)
    if number == 0:
        raise StoreDamaged("It has no schema of ours.")
    with store.snapshot():
        counted, mission = store.row("copy.counts"), store.row("setting.get", name="mission_id")
        given = numbers(store)
    assert counted is not None and mission is not None
    return Contents(schema=number, mission_id=mission["value"], numbers=given, **counted)


def numbers(store: Store) -> Numbers:
    """The highest numbers so far."""
    row = store.row("copy.numbers")
    assert row is not None
    return Numbers(row["task"], row["token"])


def copy_file(address: str, target: Path) -> Contents:
    """Copy a SQLite database into a new private file that needs no other beside it, while others go on writing."""
    source = SqliteConnection(address)
    try:
        source.copy_to(target)
    finally:
        source.close()
    return settle(target)


def settle(path: Path) -> Contents:
    """What a file that nobody else has open holds, once all of it is in that one file."""
    store = schema.connect(str(path))
    try:
        store.script("PRAGMA journal_mode = DELETE")
        return contents(store)
    finally:
        store.close()


def examine_file(path: Path) -> Contents:
    """What a copy holds, once every page and every reference was found sound. Raises StoreDamaged, SchemaMismatch."""
    store = schema.connect(str(path))
    try:
        problems = [str(row["problem"]) for row in store.rows("copy.problems", limit=MOST_PROBLEMS)]
        if problems:
            raise StoreDamaged(f"{path} is damaged: {'; '.join(problems)}.")
        found = contents(store)
    finally:
        store.close()
    check_age(found.schema, str(path))
    return found


def check_age(number: int, what: str) -> None:
    """Raises SchemaMismatch when only a later program can read it."""
    if number > schema.SCHEMA_NUMBER:
        raise SchemaMismatch(
            f"{what} has schema {number}; this program knows {schema.SCHEMA_NUMBER}. Update missionctl."
        )


def make_current(path: Path, *, beyond: Numbers, line: Activity, now: datetime) -> set[tuple[int, int]]:
    """Let a copy take another database's place: our schema, numbers that go on `beyond`, and a line that says so.

    Returns (task, number) of every attempt that it knows.
    """
    store = schema.connect(str(path))
    try:
        schema.migrate(store, now=now)
        with store.transaction():
            raise_numbers(store, beyond)
            history.append(store, line)
        known = {(row["task_id"], row["number"]) for row in store.rows("copy.attempts")}
        store.script("PRAGMA journal_mode = WAL; PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        store.close()
    for ending in ("-wal", "-shm"):
        beside = Path(f"{path}{ending}")
        if ending == "-wal" and beside.exists() and beside.stat().st_size:
            raise Unavailable(f"{beside} could not be written back. Try again.")
        beside.unlink(missing_ok=True)
    sync(path)
    return known


def raise_numbers(store: Store, beyond: Numbers) -> None:
    """From now on give out only numbers above these."""
    store.rows("copy.raise_task", value=beyond.task)
    store.rows("copy.raise_token", value=beyond.token)


@contextmanager
def held_alone(path: Path) -> Iterator[Store]:
    """The database while nobody else has it open, all of it in its one file. Raises StoreBusy when somebody has.

    Whoever opens it meanwhile waits; when the file was replaced until then, `open_store` refuses it to them.
    """
    connection = SqliteConnection(str(path), alone=True)
    store = Store(connection)
    try:
        connection.execute("BEGIN EXCLUSIVE; COMMIT")  # in this locking mode only the close gives the file back
        (told,) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)", {})
        if told["busy"]:
            raise Unavailable(f"{path} could not be brought into one file. Try again.")
        yield store
    finally:
        store.close()
