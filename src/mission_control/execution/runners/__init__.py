"""Runners: how to drive one kind of agent program. One file each; registered here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mission_control.execution.execution import Execution
from mission_control.execution.runners import shell


@dataclass(frozen=True)
class Runner:
    """One kind of agent program."""

    name: str
    refuses: Callable[[str | None], str | None]  # (command of a task) -> why it cannot do that, or None
    command_line: Callable[[Execution], list[str]]  # argv; the first word is looked up on PATH


RUNNERS: Mapping[str, Runner] = {
    runner.name: runner for runner in (Runner("shell", shell.refuses, shell.command_line),)
}


def refuses(runner: str, command: str | None) -> str | None:
    """Why an agent with this runner cannot do a task with this command, or None."""
    known = RUNNERS.get(runner)
    if known is None:
        return f"this program has no runner {runner!r}"
    return known.refuses(command)
