"""Runs a task's command with /bin/sh."""

from __future__ import annotations

from mission_control.execution.execution import Execution


def refuses(command: str | None) -> str | None:
    """A shell has nothing to do without a command."""
    if command is None:
        return "its runner is shell, which needs a command. Give one with --command."
    return None


def command_line(execution: Execution) -> list[str]:
    """`--` ends the options, so that a command that starts with `-` is still a command."""
    assert execution.command is not None
    return ["/bin/sh", "-c", "--", execution.command]
