"""A disk that a test can fill."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own."""

    place: Path

    def fill(self) -> None:
        """Leave no room for a single page; what others give back later is free."""
        with (self.place / "ballast").open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                return

    def make_room(self) -> None:
        (self.place / "ballast").unlink()
