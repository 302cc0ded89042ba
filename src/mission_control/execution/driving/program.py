"""What a file in execution/runners/ tells of an agent's program: what it can do, how it is started and understood."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from mission_control.domain.runner import Capabilities
from mission_control.domain.task import Task
from mission_control.execution.report import Report

_FOLDER = "mission_control.execution.runners"


@dataclass(frozen=True)
class About:
    """Of one runner."""

    what: str  # in a few words
    capabilities: Capabilities
    program: str | None = None  # looked up on PATH; null: it needs none
    install: str = ""  # the command that brings the program
    sign_in: str = ""  # what a person does so that its vendor lets it in
    version: tuple[str, ...] = ("--version",)
    # In the home of whoever runs the mission: credentials, which stay where they are, and settings, which are copied.
    credentials: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turn:
    """One attempt as a runner is told of it."""

    task: Task
    attempt: str  # e.g. T-12/2
    agent: str
    prompt_file: Path
    state: Path  # the HOME of the program: its own, and that of the attempts that go on with its session
    workspace: Path
    model: str | None = None
    session: str | None = None  # to go on with; null: a new one
    answer: str | None = None  # what a person last answered to a question of that session
    timeout_seconds: float = 1800
    settings: Mapping[str, Any] = field(default_factory=dict)  # [runners.NAME] of mission.toml
    environment: Mapping[str, str] = field(default_factory=dict)  # that it will find

    @property
    def prompt(self) -> str:
        return self.prompt_file.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Start:
    """How the program is started: the prompt comes by stdin or lies in a file, and never stands in the arguments."""

    argv: list[str]
    stdin: Path | None = None  # null: nothing to read
    environment: Mapping[str, str] = field(default_factory=dict)  # added to what the attempt has


class Conversation(Protocol):
    """One program at one turn."""

    def start(self) -> Start:
        """How to start it; may first write settings into the turn's state."""

    def read(self, line: str, report: Report) -> Iterable[str]:
        """Take what one line of its output says into the report; gives what a person may want to see."""

    def end(self, report: Report) -> None:
        """No more lines come, and the exit status is known. A success is said here or before, or it has failed."""


class Converse(Protocol):
    """Makes a conversation."""

    def __call__(self, turn: Turn) -> Conversation: ...


def about(module: str, settings: Mapping[str, Any]) -> About:
    """What the file of this name in execution/runners/ says of a runner with these settings."""
    found = importlib.import_module(f"{_FOLDER}.{module}")
    return cast("About", found.described(settings) if hasattr(found, "described") else found.ABOUT)


def conversation(module: str, turn: Turn) -> Conversation:
    converse = cast("Converse", importlib.import_module(f"{_FOLDER}.{module}").Conversation)
    return converse(turn)


def chosen(turn: Turn, about: About) -> str:
    """The program as the mission names it, else as it is looked up on PATH."""
    name = turn.settings.get("program") or about.program
    assert isinstance(name, str)
    return name
