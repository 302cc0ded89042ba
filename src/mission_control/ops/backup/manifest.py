"""What a backup says of itself: who made it and when, what it holds, and every file with its checksum."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from mission_control import __version__
from mission_control.errors import Unavailable
from mission_control.folder import write_private
from mission_control.store.copies import Contents, Numbers

NAME = "manifest.json"
FORMAT = 1  # raised when an older program could no longer put a backup back rightly
DATABASE = "mission.db"
DUMP = "mission.dump"
SETTINGS = "mission.toml"
CRONTAB = "crontab.txt"
MEMORY = ("agents", "memory", "reports")
RUNS = "runs"


class BackupDamaged(Unavailable):
    """A folder that is no backup, or no longer what it was when it was made."""


@dataclass(frozen=True)
class File:
    """One file of a backup."""

    bytes: int
    sha256: str
    executable: bool = False


@dataclass(frozen=True)
class Manifest:
    """`files` by their path inside the backup. `left_out` are links and other things that are no files."""

    made_at: datetime
    contents: Contents
    files: Mapping[str, File]
    folders: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    program: str = __version__

    @property
    def has_dump(self) -> bool:
        """Whether the database is one of a Postgres server."""
        return DUMP in self.files

    @property
    def has_runs(self) -> bool:
        return RUNS in self.folders

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files.values())

    def write(self, folder: Path) -> None:
        content = {"format": FORMAT, **asdict(self), "made_at": self.made_at.isoformat()}
        write_private(folder / NAME, json.dumps(content, indent=1).encode())


def read(folder: Path) -> Manifest:
    """What a backup says of itself. Raises BackupDamaged when it says nothing that can be understood."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, encoding="utf-8") as file:
            content = json.load(file)
        if content["format"] > FORMAT:
            raise BackupDamaged(f"{folder} was made by a later program ({content['program']}). Update missionctl.")
        return _from_json(content)
    except OSError as fault:
        raise BackupDamaged(f"{folder} is no backup: {NAME} cannot be read ({fault.strerror}).") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise BackupDamaged(f"{folder} is no backup: its {NAME} is not understood ({fault}).") from None


def _from_json(content: Mapping[str, Any]) -> Manifest:
    files = {_inside(path): File(**file) for path, file in content["files"].items()}
    contents = {**content["contents"], "numbers": Numbers(**content["contents"]["numbers"])}
    return Manifest(
        made_at=datetime.fromisoformat(content["made_at"]),
        contents=Contents(**contents),
        files=files,
        folders=tuple(map(_inside, content["folders"])),
        left_out=tuple(map(str, content["left_out"])),
        program=str(content["program"]),
    )


def _inside(path: str) -> str:
    """A path that cannot lead out of the backup; else ValueError."""
    parts = PurePosixPath(path).parts
    if not parts or path != "/".join(parts) or ".." in parts or path.startswith("/") or "\0" in path:
        raise ValueError(f"{path!r} does not lie inside it")
    return path
