"""Opening, making and migrating a database: what is not ours is left as it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from mission_control.errors import MissionControlError, SchemaMismatch, StoreDamaged, Unavailable
from mission_control.store import schema
from mission_control.store.schema import SCHEMA_NUMBER, connect, migrate, open_store, shown_address
from mission_control.store.store import Store
from support.clock import START
from support.database import ask

ON_SQLITE = pytest.mark.parametrize("address", ["sqlite"], indirect=True)
CATALOGUE = {
    "sqlite": "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name",
    "postgres": """
SELECT 'column', table_name, column_name, data_type || is_nullable || coalesce(column_default, '')
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
  FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', proname, '', prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
 ORDER BY 1, 2, 3""",
}


def catalogue(store: Store) -> list[tuple[str, ...]]:
    """Everything that the database says about its schema."""
    return [tuple(row.values()) for row in ask(store, CATALOGUE[store.dialect.name])]


@pytest.fixture(params=["sqlite", "postgres"])
def empty_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a database may be made."""
    if request.param == "sqlite":
        yield str(tmp_path / "new.db")
        return
    server = request.getfixturevalue("postgres_server")
    address = server.create_empty_database()
    yield address
    server.drop_database(address)


@pytest.fixture
def later_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of migrations, as a later version could have it: tests add files."""
    folder = tmp_path / "migrations"
    shutil.copytree(schema._FOLDER, folder)
    monkeypatch.setattr(schema, "_FOLDER", str(folder))
    return folder


def test_the_program_knows_its_newest_migration(store: Store) -> None:
    numbers = [migration.number for migration in schema.migrations(store)]
    assert numbers == list(range(1, SCHEMA_NUMBER + 1))


def test_a_migrated_database_is_like_a_fresh_one(
    empty_address: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (store.dialect.name == "sqlite") is empty_address.startswith("postgresql"):
        return  # of two databases of different kinds there is nothing to compare
    all_of_them = schema.migrations(store)
    migrated = connect(empty_address, create=True)
    for number in range(1, len(all_of_them) + 1):
        monkeypatch.setattr(schema, "migrations", lambda _store, until=number: all_of_them[:until])
        assert migrate(migrated, now=START) == [number]
    assert catalogue(migrated) == catalogue(store)
    migrated.close()


def test_migrating_again_changes_nothing(store: Store) -> None:
    before = catalogue(store)
    assert migrate(store, now=START, backup=pytest.fail) == []
    assert catalogue(store) == before


def test_a_migration_that_fails_half_way_leaves_no_trace(store: Store, later_migrations: Path) -> None:
    (later_migrations / f"{SCHEMA_NUMBER + 1:04}_half.sql").write_text(
        "CREATE TABLE half (id INTEGER);\nINSERT INTO nowhere VALUES (1);\n"
    )
    before, backups = catalogue(store), []
    with pytest.raises(Unavailable):
        migrate(store, now=START, backup=lambda: backups.append("made"))
    assert catalogue(store) == before
    assert backups == ["made"]
    assert ask(store, "SELECT max(number) AS newest FROM migration") == [{"newest": SCHEMA_NUMBER}]


def test_a_first_migration_that_fails_leaves_no_trace(empty_address: str, later_migrations: Path) -> None:
    with open(later_migrations / "0001_board.sql", "a") as file:
        file.write("INSERT INTO nowhere VALUES (1);\n")
    store = connect(empty_address, create=True)
    before = catalogue(store)
    with pytest.raises(Unavailable):
        migrate(store, now=START, backup=pytest.fail)
    assert catalogue(store) == before
    store.close()
    with pytest.raises(StoreDamaged):
        open_store(empty_address)


def test_processes_that_migrate_at_once_migrate_once(empty_address: str) -> None:
    program = (
        "import sys; from datetime import UTC, datetime\n"
        "from mission_control.store.schema import connect, migrate\n"
        "sys.stdin.readline()\n"
        "print(migrate(connect(sys.argv[1], create=True), now=datetime.now(UTC)))"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    applied = [number for racer in racers for number in json.loads(racer.communicate()[0])]
    assert sorted(applied) == list(range(1, SCHEMA_NUMBER + 1))
    open_store(empty_address).close()


def test_a_newer_database_is_refused_untouched(store: Store, address: str) -> None:
    ask(store, f"INSERT INTO migration (number, name, applied_at) VALUES ({SCHEMA_NUMBER + 1}, 'later', '2030-01-01')")
    with pytest.raises(SchemaMismatch, match=f"has schema {SCHEMA_NUMBER + 1}.*Update missionctl"):
        open_store(address)
    before = catalogue(store)
    with pytest.raises(SchemaMismatch):
        migrate(store, now=START, backup=pytest.fail)
    assert catalogue(store) == before


@ON_SQLITE
def test_the_bytes_of_a_newer_database_stay(store: Store, address: str) -> None:
    ask(store, f"INSERT INTO migration (number, name, applied_at) VALUES ({SCHEMA_NUMBER + 1}, 'later', '2030-01-01')")
    store.close()
    before = files(Path(address).parent)
    with pytest.raises(SchemaMismatch):
        open_store(address)
    assert files(Path(address).parent) == before


def test_an_older_database_is_refused_with_the_way_out(
    store: Store, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "SCHEMA_NUMBER", SCHEMA_NUMBER + 1)
    with pytest.raises(SchemaMismatch, match="missionctl doctor --fix"):
        open_store(address)


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of each file; the index of a write-ahead log is made anew by every opening and says nothing."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


def make_text(path: Path) -> None:
    path.write_text("This is a shopping list.\n" * 100)


def make_empty(path: Path) -> None:
    path.touch()


def make_foreign(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE recipe (name TEXT); INSERT INTO recipe VALUES ('soup')")
    connection.close()


def make_foreign_with_migrations(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE migration (version TEXT); INSERT INTO migration VALUES ('7')")
    connection.close()


def make_overwritten(path: Path) -> None:
    make_sound(path)
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))


def make_truncated(path: Path) -> None:
    make_sound(path)
    os.truncate(path, 3 * 4096 + 100)


def make_headless(path: Path) -> None:
    make_sound(path)
    with open(path, "r+b") as file:
        file.write(b"\0" * 100)


def make_sound(path: Path) -> None:
    """A database of ours, all of it in the one file."""
    store = connect(str(path), create=True)
    migrate(store, now=START)
    ask(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    for ending in ("-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)


UNUSABLE = {
    function.__name__.removeprefix("make_"): function
    for function in (
        make_text,
        make_empty,
        make_foreign,
        make_foreign_with_migrations,
        make_overwritten,
        make_truncated,
        make_headless,
    )
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_file_that_is_no_sound_database_of_ours_is_refused_and_left_as_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mission.db"
    UNUSABLE[kind](path)
    before = path.read_bytes()
    with pytest.raises(StoreDamaged, match=r"mission\.db"):
        open_store(str(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", sorted(UNUSABLE.keys() - {"empty"}))
def test_a_file_of_somebody_else_is_never_made_ours(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mission.db"
    UNUSABLE[kind](path)
    before = path.read_bytes()
    with pytest.raises(MissionControlError):
        migrate(connect(str(path), create=True), now=START)
    assert path.read_bytes() == before


def test_a_missing_database_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(StoreDamaged, match="is missing"):
        open_store(str(tmp_path / "mission.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_place_of_a_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        open_store(str(tmp_path))


def test_a_new_database_is_nobody_elses_to_read(tmp_path: Path) -> None:
    store = connect(str(tmp_path / "mission.db"), create=True)
    migrate(store, now=START)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes.keys() >= {"mission.db", "mission.db-wal", "mission.db-shm"}
    assert set(modes.values()) == {0o600}
    store.close()


def test_every_commit_is_on_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    make_sound(tmp_path / "mission.db")
    store = open_store(str(tmp_path / "mission.db"))
    assert ask(store, "PRAGMA journal_mode") == [{"journal_mode": "wal"}]
    assert ask(store, "PRAGMA synchronous") == [{"synchronous": 2}]
    assert ask(store, "PRAGMA foreign_keys") == [{"foreign_keys": 1}]
    store.close()


def test_a_read_only_file_can_be_read_and_says_so_when_written(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own folders are closed to others
        path = Path(folder) / "mission.db"
        make_sound(path)
        path.chmod(0o444)
        Path(folder).chmod(0o777)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # root may write to what is read-only
        try:
            store = connect(str(path))
        finally:
            os.seteuid(user)
        assert ask(store, "SELECT count(*) AS tasks FROM task") == [{"tasks": 0}]
        with pytest.raises(Unavailable, match="readonly"):
            store.number("task")
        store.close()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ada:s3cr@t:%2Fx@host/db",
        "postgres://ada:s3cret@[::1]:5432/db?x=1",
        "postgresql://h/db?password=s3cret&x=1",
    ],
)
def test_a_password_is_never_shown(address: str) -> None:
    shown = shown_address(address)
    assert "s3cr" not in shown
    assert "•••" in shown


@pytest.mark.parametrize("address", ["postgresql://ada:s3cret@127.0.0.1:1/db", "postgresql://ada:s3cret%zz@h/db"])
def test_a_server_that_cannot_be_reached_is_named_without_its_password(address: str) -> None:
    with pytest.raises(Unavailable) as refused:
        open_store(address)
    assert "s3cret" not in str(refused.value)
