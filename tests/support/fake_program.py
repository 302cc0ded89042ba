"""Stand-ins for programs of the system: real small scripts on a PATH that holds nothing else of that name."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path


class FakePrograms:
    """A folder that is first on the PATH. Each program notes how it was called, then does as its body says."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._calls = folder / "calls"
        self._calls.touch()

    def add(self, name: str, body: str) -> None:
        """`body` is a shell script; its words are `"$@"`."""
        program = self._folder / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> {shlex.quote(str(self._calls))}\n{body}\n')
        program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """What was called since it was last asked for, as one line each."""
        lines = self._calls.read_text().splitlines()
        self._calls.write_text("")
        return lines

    def environment(self, **more: str) -> Mapping[str, str]:
        return {"PATH": f"{self._folder}:{os.defpath}", **more}
