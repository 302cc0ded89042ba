"""Runs a task's command with /bin/sh."""

from __future__ import annotations

import re

from mission_control.execution.execution import Execution

_PLAIN = re.compile(r"/[\w./+-]+( [\w./:@%+-]+)*\Z", re.ASCII)  # nothing that a shell would change


def refuses(command: str | None) -> str | None:
    """A shell has nothing to do without a command."""
    if command is None:
        return "its runner is shell, which needs a command. Give one with --command."
    return None


def command_line(execution: Execution) -> list[str]:
    """The shell with the command; `--` ends its options, so that a command that starts with `-` is still one.

    A program with its whole path and plain words needs no shell, as in make: that saves a process.
    """
    assert execution.command is not None
    if _PLAIN.match(execution.command):
        return execution.command.split(" ")
    return ["/bin/sh", "-c", "--", execution.command]
