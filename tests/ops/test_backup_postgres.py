"""Backups of a mission whose database is on a Postgres server, by Postgres' own programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mission_control.store import copies, schema
from support.backups import board, files, make, modes
from support.command import SCRIPTS, Command

if TYPE_CHECKING:
    from support.postgres import PostgresServer


@pytest.fixture
def programs(postgres_server: PostgresServer) -> str:
    """A PATH on which pg_dump and pg_restore are."""
    from support.postgres import _find_programs

    return f"{_find_programs() / 'bin'}{os.pathsep}{SCRIPTS}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def on_server(postgres_server: PostgresServer, programs: str, tmp_path: Path) -> Command:
    """A mission on Postgres with a task that is done."""
    address = postgres_server.create_empty_database()
    missionctl = Command(tmp_path / "mission", {"PATH": programs})
    missionctl("init", missionctl.home, MISSIONCTL_DATABASE=address)
    (missionctl.home / "mission.toml").write_text(f'database = "{address}"\n')
    missionctl("agent", "add", "ada")
    missionctl("add", "Before", "--to", "ada", "--command", "echo before")
    missionctl("heartbeat", "ada", "--wait")
    return missionctl


def test_a_backup_of_a_server_is_whole_private_and_checked(on_server: Command) -> None:
    backup = make(on_server)
    assert set(files(backup)) >= {"mission.dump", "mission.toml", "manifest.json", "agents/ada/SOUL.md"}
    assert modes(backup) == {"drwx------", "-rw-------"}
    (listed,) = on_server("backup", "list", "--check", "--json").json
    assert (listed["fault"], listed["tasks"], listed["attempts"]) == (None, 1, 1)


def test_it_goes_into_an_empty_database_and_what_there_was_stays(
    on_server: Command, postgres_server: PostgresServer
) -> None:
    before = board(on_server)
    backup = make(on_server)
    on_server("add", "After")
    assert "is not empty" in on_server("restore", backup, "--yes", expect=4).err
    assert len(board(on_server)) == 2
    new = postgres_server.create_empty_database()
    on_server("restore", backup, "--yes", MISSIONCTL_DATABASE=new)
    assert len(board(on_server)) == 2, "the settings of the backup name the old one"
    there = Command(on_server.home, {**on_server.environment, "MISSIONCTL_DATABASE": new})
    assert board(there) == before
    store = schema.open_store(new)
    assert copies.numbers(store).token > before[0]["attempts"][0]["token"]
    store.close()
    assert there("add", "New", "--to", "ada", "--command", "true").out == "T-2\n"
    there("heartbeat", "ada", "--wait")
    assert [f for f in there("doctor", "--json").json["findings"] if f["level"] == "fault"] == []


def test_without_the_programs_it_says_what_to_install(on_server: Command, tmp_path: Path) -> None:
    nowhere = f"{SCRIPTS}{os.pathsep}{tmp_path}"
    answer = on_server("backup", expect=5, PATH=nowhere)
    assert "pg_dump" in answer.err
    assert list((on_server.home / "backups").iterdir()) == []


def test_a_password_is_on_no_command_line_and_in_no_message(on_server: Command) -> None:
    address = "postgresql://postgres:secret@127.0.0.1:1/none"
    assert "secret" not in on_server("backup", expect=5, MISSIONCTL_DATABASE=address).err
