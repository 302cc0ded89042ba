"""What both supervisors have in common, and how their programs are asked."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mission_control.ops.service.wanted import Service

Words = tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """What a program answered; `code` null: it is not there, cannot be started, or did not answer in time."""

    words: Words
    code: int | None
    text: str

    @property
    def is_good(self) -> bool:
        return self.code == 0


@dataclass(frozen=True)
class State:
    """What a supervisor knows of a service."""

    is_loaded: bool
    is_running: bool
    words: str  # its own, for people


class Supervisor(Protocol):
    """systemd or launchd, of one user or of the machine. Says what to write and what to ask; does nothing itself."""

    kind: str
    folder: Path  # where files of services lie
    suffix: str
    file_mode: int
    question: Words  # answered well, and with some text, by a supervisor that is there

    def text_of(self, service: Service) -> str:
        """The file of the service, with our seal."""

    def state_question(self, name: str) -> Words:
        """What to ask about a service."""

    def state(self, said: Said) -> State:
        """The answer to that, understood."""

    def starting(self, path: Path, state: State | None, *, replaced: bool) -> list[Words]:
        """What starts the service of this file, now and at each start of the supervisor. Null: nothing is known."""

    def stopping(self, name: str, state: State) -> list[Words]:
        """What ends the service, before its file goes."""

    def forgetting(self, name: str, *, was_stopped: bool) -> list[Words]:
        """What makes the supervisor forget it, after its file has gone."""

    def links(self, name: str) -> list[Path]:
        """Where links to the file may lie that let it start by itself."""


def ask(words: Words, environment: Mapping[str, str], *, patience_seconds: float) -> Said:
    """Run a program to its end and return what it said, on either stream. It is ended when patience is."""
    program = shutil.which(words[0], path=environment.get("PATH"))
    if program is None:
        return Said(words, None, f"there is no {words[0]} here")
    try:
        process = subprocess.Popen(
            [program, *words[1:]],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # so that what it started can be ended with it
        )
    except OSError as fault:
        return Said(words, None, f"{words[0]} cannot be started: {fault.strerror}")
    try:
        text, _ = process.communicate(timeout=patience_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Said(words, None, f"{words[0]} did not answer within {patience_seconds:g} s")
    return Said(words, process.returncode, text.strip())


def ask_all(commands: Sequence[Words], environment: Mapping[str, str], *, patience_seconds: float) -> list[Said]:
    """Run programs one after another, up to the first that fails."""
    answers: list[Said] = []
    for words in commands:
        answers.append(ask(words, environment, patience_seconds=patience_seconds))
        if not answers[-1].is_good:
            break
    return answers
