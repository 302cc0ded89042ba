"""How cron will come to our program: found where it runs now, as cron knows neither our PATH nor our settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from mission_control.config import ENVIRONMENT_PREFIX, Config
from mission_control.errors import Unavailable
from mission_control.ops.crontab.line import Call

PROGRAM = "missionctl"


def find_call(home: str, environment: Mapping[str, str], *, started_as: str, python: str) -> Call:
    """Full paths of the program and of what it will need. Raises Unavailable when the program has no file.

    `started_as` is the first word of this call, `python` the path of its interpreter.
    """
    return Call(_find_program(started_as, python), home, _tidy_path(environment.get("PATH", os.defpath)))


def unseen(config: Config, environment: Mapping[str, str]) -> list[str]:
    """Variables that count in this shell and that cron will not know."""
    settings = {f"{ENVIRONMENT_PREFIX}{field.name.upper()}" for field in fields(Config) if field.name != "home"}
    return sorted(name for name in {*settings, *config.pass_environment} if environment.get(name))


def _find_program(started_as: str, python: str) -> str:
    candidates = [Path(started_as).absolute(), Path(python).absolute().with_name(PROGRAM)]
    for candidate in candidates:
        if candidate.name == PROGRAM and os.access(candidate, os.X_OK):
            return str(candidate)
    raise Unavailable(
        f"Where the program {PROGRAM} lies is not known here: it is neither {candidates[0]} nor {candidates[1]}. "
        "Install it into an environment, and call it from there."
    )


def _tidy_path(path: str) -> str:
    """PATH without what means something else elsewhere, and each folder once."""
    return os.pathsep.join(dict.fromkeys(folder for folder in path.split(os.pathsep) if os.path.isabs(folder)))
