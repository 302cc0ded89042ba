"""Where things lie in the folder of a mission. Directories are private (0700), files too (0600)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600
DIRECTORIES = ("agents", "memory", "logs", "runs", "run", "reports", "backups")


@dataclass(frozen=True)
class Folder:
    """The folder of one mission."""

    home: Path

    @property
    def settings(self) -> Path:
        return self.home / "mission.toml"

    @property
    def database(self) -> Path:
        return self.home / "mission.db"

    @property
    def doorbells(self) -> Path:
        """Named pipes of processes that want to be woken; see execution/doorbell.py."""
        return self.home / "run"

    @property
    def seat(self) -> Path:
        """Held by the resident process of this mission; see dispatcher/seat.py."""
        return self.home / "run" / "dispatcher"

    @property
    def logs(self) -> Path:
        """Logs of agents and of the program; NAME.log.1 is what was put aside last."""
        return self.home / "logs"

    @property
    def dispatcher_log(self) -> Path:
        return self.logs / "dispatcher.log"

    @property
    def runs(self) -> Path:
        """Folders of attempts."""
        return self.home / "runs"

    @property
    def web_log(self) -> Path:
        """What the process of the pages and the API complains about."""
        return self.home / "logs" / "web.log"

    def attempt(self, task_id: int, number: int) -> Path:
        """Everything of one attempt: output.log, exit.json, workspace."""
        return self.home / f"runs/T-{task_id}/{number}"

    def output(self, task_id: int, number: int) -> Path:
        """What the runner of one attempt printed."""
        return self.home / f"runs/T-{task_id}/{number}/output.log"

    def answer(self, task_id: int, number: int) -> Path:
        """The whole answer of an agent that thinks."""
        return self.attempt(task_id, number) / "answer.md"

    def workspace(self, task_id: int, number: int) -> Path:
        """Where the runner of one attempt stands."""
        return self.attempt(task_id, number) / "workspace"

    def attachments(self, task_id: int, number: int) -> Path:
        """What one attempt has handed in."""
        return self.attempt(task_id, number) / "attachments"

    def heartbeat_log(self, agent: str) -> Path:
        return self.home / f"logs/{agent}-heartbeat.log"

    def executor_log(self, agent: str) -> Path:
        return self.home / f"logs/{agent}-executor.log"

    def soul(self, agent: str) -> Path:
        """Who the agent is; written by people."""
        return self.home / "agents" / agent / "SOUL.md"

    def working(self, agent: str) -> Path:
        """What the agent remembers from one attempt to the next."""
        return self.home / "memory" / agent / "WORKING.md"

    def notes(self, agent: str, day: date) -> Path:
        """What the agent noted on one day, and what its standup says."""
        return self.home / "memory" / agent / f"{day.isoformat()}.md"

    def standup(self, day: date) -> Path:
        return self.home / "reports" / f"standup-{day.isoformat()}.md"

    @property
    def backups(self) -> Path:
        return self.home / "backups"

    @property
    def restore_journal(self) -> Path:
        """There while a restore is replacing the mission; see ops/backup/journal.py."""
        return self.home / "run" / "restore.json"

    def make(self) -> None:
        """The directories of a new mission."""
        for name in DIRECTORIES:
            make_private_directory(self.home / name)


def make_private_directory(path: Path | str) -> None:
    """The directory and its missing parents, readable by nobody else."""
    try:
        os.mkdir(path, PRIVATE_DIRECTORY)
    except FileNotFoundError:
        parent = os.path.dirname(path)
        if not parent or os.path.isdir(parent):  # nothing is missing: nobody makes directories here, e.g. in /proc
            raise
        make_private_directory(parent)
        make_private_directory(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise


def open_private(path: Path | str, flags: int) -> int:
    """A file descriptor of a file that nobody else may read when it is made here. Never follows a link at the end."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE)


def write_private(path: Path | str, content: bytes) -> None:
    """A private file with this content: whole or as it was before, whoever is killed, whatever loses power."""
    aside = f"{path}.{os.getpid()}.new"
    descriptor = open_private(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(aside, path)
    except BaseException:
        os.unlink(aside)
        raise
    sync(os.path.dirname(path))


def sync(path: Path | str) -> None:
    """What stands in this file, or which names this directory holds, outlives a power cut from now on."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
