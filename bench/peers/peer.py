"""What throughput.py needs to know of another queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Rate(Protocol):
    """Tasks per second, from the opening of the gate to the end of the last task."""

    def __call__(self, folder: Path, *, tasks: int, slots: int) -> float: ...


@dataclass(frozen=True)
class Peer:
    """One queue of somebody else."""

    name: str
    guarantees: str  # what it keeps and what it loses, in a few words
    prepare: Callable[[], object]  # install what it needs; raises Missing with the way to get it
    rate: Rate
