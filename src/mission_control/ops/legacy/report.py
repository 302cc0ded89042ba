"""What has become of every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mission_control.domain.task import Status


class Fate(StrEnum):
    """What has become of a row."""

    IMPORTED = "imported"
    CHANGED = "changed"  # imported, but not as it stood there; the notes say what
    ALREADY_THERE = "already_there"
    DIFFERS = "differs"  # already there, and says something else now; what is here was left as it is


class Becomes(StrEnum):
    """What a row is here."""

    AGENT = "agent"
    TASK = "task"
    COMMENT = "comment"
    NOTIFICATION = "notification"
    ACTIVITY = "activity"


@dataclass(frozen=True)
class RowReport:
    """One row; `row` counts from 1. `name` is the agent or task it is or belongs to, null while that has no id yet."""

    file: str
    row: int
    id: str
    fate: Fate
    becomes: Becomes
    name: str | None = None
    status: Status | None = None  # of a task
    notes: tuple[str, ...] = ()
    lacks_command: bool = False  # a task that is blocked for want of one, and for nothing else


@dataclass(frozen=True)
class Report:
    """All rows. `missing` files were taken as empty, `ignored` ones were not read."""

    path: Path
    dry_run: bool
    rows: Sequence[RowReport]
    missing: tuple[str, ...]
    ignored: tuple[str, ...]

    @property
    def counts(self) -> Mapping[Fate, int]:
        """Number of rows of each fate; every fate is there."""
        counted = Counter(row.fate for row in self.rows)
        return {fate: counted[fate] for fate in Fate}
