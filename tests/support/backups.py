"""Backups seen from outside: what lies in them, and whether a mission is what it was."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import apsw

from support.command import Command

MEMORY = ("agents", "memory", "reports")


def make(missionctl: Command, *words: object) -> Path:
    """A new backup."""
    return Path(missionctl("backup", *words, "--json").json["path"])


def finished(shelf: Path) -> list[str]:
    return sorted(path.name for path in shelf.iterdir() if path.name.startswith("backup-"))


def titles(database: Path) -> set[str]:
    """Of all tasks in a database file, which must be sound to the last page."""
    connection = apsw.Connection(str(database))
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {str(title) for (title,) in connection.execute("SELECT title FROM task")}
    finally:
        connection.close()


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its path inside it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def settings_and_memory(home: Path) -> dict[str, bytes]:
    """What a backup holds besides the database."""
    found = {f"{name}/{path}": content for name in MEMORY for path, content in files(home / name).items()}
    return {**found, "mission.toml": (home / "mission.toml").read_bytes()}


def board(missionctl: Command) -> Any:
    """Everything a person sees of all tasks."""
    return missionctl("ls", "--all", "--attempts", "--json").json


def modes(folder: Path) -> set[str]:
    """Kinds and permissions of all that is below a folder."""
    return {stat.filemode(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}


def change_manifest(backup: Path, **changes: Any) -> None:
    path = backup / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
