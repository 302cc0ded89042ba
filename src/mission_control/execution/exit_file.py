"""The exit file: what became of an attempt, on disk before the board is told.

Whoever finds an executor dead reads it before calling the attempt lost.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from mission_control.domain.attempt import Ending, Outcome
from mission_control.folder import open_private, sync

NAME = "exit.json"


def write(attempt_folder: Path | str, token: int, ending: Ending) -> None:
    """Whole or not there, whoever is killed: written aside, renamed. Raises OSError, e.g. on a full disk.

    It outlives every process at once, and a power cut once `make_durable` was called. A record that follows within
    milliseconds can do without: whoever cuts the power in between finds the attempt lost, as if it had not ended.
    """
    aside = os.path.join(attempt_folder, f"{NAME}.{os.getpid()}")
    content = json.dumps({"token": token, "ending": to_json(ending)}).encode()
    descriptor = open_private(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)
    os.rename(aside, os.path.join(attempt_folder, NAME))


def make_durable(attempt_folder: Path | str) -> None:
    """Let the file and the names that lead to it outlive a power cut, for when it stands alone. Raises OSError."""
    task_folder = os.path.dirname(attempt_folder)
    for path in (os.path.join(attempt_folder, NAME), attempt_folder, task_folder, os.path.dirname(task_folder)):
        sync(path)


def read(attempt_folder: Path, token: int) -> Ending | None:
    """The ending that the holder of `token` wrote, or None."""
    try:
        with open(os.path.join(attempt_folder, NAME), encoding="utf-8") as file:
            content = json.load(file)
        return from_json(content["ending"]) if content["token"] == token else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def to_json(ending: Ending) -> dict[str, object]:
    """As it also travels from an executor to whoever records for it."""
    retry_at = ending.retry_at and ending.retry_at.isoformat()
    return {**vars(ending), "retry_at": retry_at}


def from_json(content: dict[str, object]) -> Ending:
    retry_at = content.get("retry_at") and datetime.fromisoformat(str(content["retry_at"]))
    outcome = Outcome(str(content["outcome"]))
    return Ending(**{**content, "outcome": outcome, "retry_at": retry_at})  # type: ignore[arg-type]  # our own file
