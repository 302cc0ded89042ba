"""Copies of a Postgres database: made and put back by Postgres' own programs, in one state and in one transaction."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from mission_control.config import process_environment
from mission_control.domain.history import Activity
from mission_control.errors import Conflict, Unavailable
from mission_control.folder import PRIVATE_FILE
from mission_control.store import copies, history, schema
from mission_control.store.copies import Contents, Numbers
from mission_control.store.store import Store

SCHEMA = "public"


def dump(address: str, target: Path) -> Contents:
    """Copy the database into a new private file. Raises Unavailable, also where there is no pg_dump."""
    program = _find("pg_dump")
    store = schema.connect(address)
    try:
        with store.snapshot():
            row = store.row("copy.shared_snapshot")
            assert row is not None
            found = copies.contents(store)
            target.touch(PRIVATE_FILE, exist_ok=False)
            options = ["--format=custom", "--no-owner", "--no-privileges", f"--schema={SCHEMA}"]
            _run([program, *options, f"--snapshot={row['snapshot']}", f"--file={target}"], address)
        return found
    finally:
        store.close()


def check(path: Path) -> None:
    """Raises Unavailable unless it is a dump that can be read."""
    _run([_find("pg_restore"), "--list", str(path)])


def load(path: Path, address: str, *, beyond: Numbers, line: Activity, now: datetime) -> set[tuple[int, int]]:
    """Put a dump into an empty database, all of it or nothing, and let its numbers go on `beyond`.

    Returns (task, number) of every attempt. Raises Conflict for a database that is not empty: what is in one is
    never thrown away.
    """
    program = _find("pg_restore")
    store = schema.connect(address)
    try:
        if store.row("migration.foreign") or schema.schema_number(store):
            raise Conflict(
                f"The database {schema.shown_address(address)} is not empty. Make a new one, and name it: "
                "MISSIONCTL_DATABASE=postgresql://… Nothing was changed."
            )
        options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", f"--schema={SCHEMA}"]
        _run([program, *options, f"--dbname={_name(address)}", str(path)], address)
        return _make_current(store, beyond, line, now)
    finally:
        store.close()


def _make_current(store: Store, beyond: Numbers, line: Activity, now: datetime) -> set[tuple[int, int]]:
    schema.migrate(store, now=now)
    with store.transaction():
        copies.raise_numbers(store, beyond)
        history.append(store, line)
    return {(row["task_id"], row["number"]) for row in store.rows("copy.attempts")}


def _find(program: str) -> str:
    found = shutil.which(program, path=process_environment().get("PATH"))
    if found is None:
        raise Unavailable(
            f"The database is on a Postgres server, and there is no {program} here. Install Postgres' client "
            "programs, of the server's version or newer (Debian: apt-get install postgresql-client)."
        )
    return found


def _run(command: Sequence[str], address: str | None = None) -> None:
    """The address goes through the environment: a command line can be seen by everybody."""
    environment = {**process_environment(), **(_variables(address) if address else {})}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0] or f"exit status {done.returncode}"
        raise Unavailable(f"{Path(command[0]).name} failed: {said}.")


def _variables(address: str) -> Mapping[str, str]:
    from psycopg import pq  # 100 ms that only Postgres needs

    options = pq.Conninfo.parse(address.encode())
    return {o.envvar.decode(): o.val.decode() for o in options if o.val is not None and o.envvar is not None}


def _name(address: str) -> str:
    """Of the database; a server's default where the address names none."""
    return _variables(address).get("PGDATABASE", "")
