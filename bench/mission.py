"""Missions for measuring, driven by the installed command as users drive it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMMAND = Path(sysconfig.get_path("scripts")) / "missionctl"


def environment() -> dict[str, str]:
    """This process's environment without what would slow Python down or name another mission."""
    ours = ("MISSIONCTL_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for everything of one script. Removed at the very end: deleting slows the making of files on ext4."""
    folder = Path(tempfile.mkdtemp(prefix="mission-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Mission:
    """One mission and the command in it."""

    def __init__(self, home: Path) -> None:
        """Make a new mission in `home`."""
        self.home = home
        self("init", str(home))

    def arguments(self, *words: str) -> list[str]:
        """The whole command line of `missionctl WORDS` in this mission."""
        if words[0] == "init":
            return [str(COMMAND), *words]
        return [str(COMMAND), "--home", str(self.home), *words]

    def __call__(self, *words: str, stdin: str = "") -> str:
        """Run the command to its end and return what it printed."""
        done = subprocess.run(
            self.arguments(*words), input=stdin, capture_output=True, text=True, env=environment(), check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"missionctl {' '.join(words)} ended {done.returncode}: {done.stderr}")
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Run the command beside us; whoever starts it waits for it."""
        return subprocess.Popen(
            self.arguments(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment()
        )

    def add(self, tasks: Iterable[Mapping[str, Any]]) -> None:
        """Put many tasks on the board in one transaction."""
        self("task", "add", "--from", "-", stdin="".join(json.dumps(task) + "\n" for task in tasks))
