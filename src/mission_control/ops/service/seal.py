"""The line by which we know a file as ours: which mission it is for, and whether a person has changed it since."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_OURS = "made by missionctl service"
_LINE = re.compile(rf"^.*{_OURS}: (\{{.*\}}).*\n", re.MULTILINE)


class Standing(StrEnum):
    """How an installed file stands to the one that is wanted."""

    MISSING = "missing"
    SAME = "same"
    OUTDATED = "outdated"  # ours, as we wrote it, but we would write another now
    EDITED = "edited"  # ours, changed by a person
    OTHER_MISSION = "other_mission"
    FOREIGN = "foreign"  # not by us, or nothing that we would follow, such as a link


@dataclass(frozen=True)
class Seal:
    """What our line says."""

    mission: str
    digest: str


def sealed(text: str, mission: Path, *, above: int, opening: str, closing: str = "") -> str:
    """`text` with our line as a comment, before line number `above`, counted from 0."""
    says = json.dumps({"mission": str(mission), "sha256": _digest(text)}).replace(
        "--", "-\\u002d"
    )  # `--` ends a comment
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:above], f"{opening} {_OURS}: {says}{closing}\n", *lines[above:]])


def read_seal(text: str) -> Seal | None:
    """What our line says; None when there is none that we could have written."""
    found = _LINE.search(text)
    try:
        says = json.loads(found[1]) if found else None
        return Seal(says["mission"], says["sha256"]) if says else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def standing_of(installed: str | None, wanted: str, mission: Path) -> Standing:
    """How a file with this text stands; None: there is no file."""
    if installed is None:
        return Standing.MISSING
    seal = read_seal(installed)
    if seal is None:
        return Standing.FOREIGN
    if seal.mission != str(mission):
        return Standing.OTHER_MISSION
    if _digest(_LINE.sub("", installed, count=1)) != seal.digest:
        return Standing.EDITED
    return Standing.SAME if installed == wanted else Standing.OUTDATED


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
