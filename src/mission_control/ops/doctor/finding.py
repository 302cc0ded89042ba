"""What one check says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. Only a fault makes the mission unhealthy."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """One fact about the mission; `next_step` is what to do about it, empty when it is in order."""

    check: str
    level: Level
    fact: str
    next_step: str = ""


def ok(check: str, fact: str) -> Finding:
    return Finding(check, Level.OK, fact)


def warning(check: str, fact: str, next_step: str) -> Finding:
    return Finding(check, Level.WARNING, fact, next_step)


def fault(check: str, fact: str, next_step: str) -> Finding:
    return Finding(check, Level.FAULT, fact, next_step)
