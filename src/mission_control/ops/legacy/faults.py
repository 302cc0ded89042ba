"""What is wrong with a folder, where, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mission_control.errors import InvalidInput

FAULTS_SHOWN = 50


@dataclass(frozen=True)
class Fault:
    """What is wrong and where; `row` counts from 1."""

    reason: str
    file: str
    row: int | None = None
    id: str | None = None

    def __str__(self) -> str:
        row = f", row {self.row}" if self.row else ""
        named = f" (id {shown(self.id)})" if self.id else ""
        return f"{self.file}{row}{named}: {self.reason}"


@dataclass
class Faults:
    """All that is wrong; the first ones in full, the rest counted."""

    shown: list[Fault] = field(default_factory=list)
    count: int = 0

    def add(self, fault: Fault) -> None:
        self.count += 1
        if self.count <= FAULTS_SHOWN:
            self.shown.append(fault)

    def refuse(self) -> None:
        """Raises ImportRefused if there are any."""
        if self.count:
            raise ImportRefused(self.shown, self.count)


class ImportRefused(InvalidInput):
    """The folder cannot be taken over as it is; nothing was changed. `faults` are the first of `count`."""

    def __init__(self, faults: Sequence[Fault], count: int) -> None:
        self.faults = tuple(faults)
        self.count = count
        more = [f"… and {count - len(self.faults):,} more"] if count > len(self.faults) else []
        lines = "\n  ".join([*map(str, self.faults), *more])
        super().__init__(f"Nothing was imported. What must be put right first ({count:,}):\n  {lines}")


def kind_of(value: Any) -> str:
    """What a JSON value is called."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
    return "an object"


def shown(text: str) -> str:
    """`text` as it may stand in a message: escaped and short."""
    return ascii(text if len(text) <= 60 else text[:60] + "...")
