"""Runners: how to drive one kind of agent program. One file each; registered here.

A runner that *thinks* drives an agent: the executor starts our driver, which knows the file of that name in this folder
(execution/driving). Executors are copies of what is imported here, so those files are imported by the driver alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mission_control.execution.execution import Execution
from mission_control.execution.runners import shell

Settings = Mapping[str, Mapping[str, Any]]  # of [runners.NAME], by name
CUSTOM = "custom"  # the file that drives the runners of a mission's own
_PROVIDERS = ("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY")
_NONE: Settings = {}
_DRIVER = ("-P", "-m", "mission_control.execution.driving")  # -P: never import from where we stand


@dataclass(frozen=True)
class Runner:
    """One kind of agent program."""

    name: str
    refuses: Callable[[str | None], str | None]  # (command of a task) -> why it cannot do that, or None
    command_line: Callable[[Execution], list[str]]  # argv; the first word is looked up on PATH
    module: str | None = None  # the file in this folder by which our driver drives it; null: it does not think
    passes: tuple[str, ...] = ()  # names of variables its attempts get besides the usual few

    @property
    def thinks(self) -> bool:
        """Whether it drives an agent, which gets a prompt, answers, and is paid by tokens."""
        return self.module is not None


def _takes_all(command: str | None) -> str | None:  # noqa: ARG001  an agent is told the command and decides
    return None


def _drive(execution: Execution) -> list[str]:  # noqa: ARG001  what it needs stands in its environment
    return [sys.executable, *_DRIVER]


def thinking(name: str, *passes: str, module: str | None = None) -> Runner:
    """A runner whose program our driver drives."""
    return Runner(name, _takes_all, _drive, module or name, ("HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", *passes))


RUNNERS: Mapping[str, Runner] = {
    runner.name: runner
    for runner in (
        Runner("shell", shell.refuses, shell.command_line),
        thinking("mock"),
        thinking(
            "claude", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "CLAUDE_CODE_OAUTH_TOKEN"
        ),
        thinking("codex", "CODEX_API_KEY", "OPENAI_API_KEY"),
        thinking("gemini", "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_GEMINI_BASE_URL"),
        thinking("opencode", *_PROVIDERS),
        thinking("openclaw", "OPENCLAW_GATEWAY_TOKEN", *_PROVIDERS),
    )
}


def find(name: str, settings: Settings = _NONE) -> Runner | None:
    """The runner of this name: ours, or one that the mission's settings define."""
    own = settings.get(name, {})
    known = RUNNERS.get(name)
    if known is None:
        if "command" not in own:
            return None
        known = thinking(name, module=CUSTOM)
    if also := own.get("pass_environment"):
        return Runner(known.name, known.refuses, known.command_line, known.module, (*known.passes, *also))
    return known


def names(settings: Settings = _NONE) -> tuple[str, ...]:
    """Of all runners this mission has."""
    return (*RUNNERS, *(name for name in settings if name not in RUNNERS and find(name, settings)))


def refuses(runner: str, command: str | None, settings: Settings = _NONE) -> str | None:
    """Why an agent with this runner cannot do a task with this command, or None."""
    known = find(runner, settings)
    if known is None:
        return f"this program has no runner {runner!r}"
    return known.refuses(command)


def refusing(settings: Settings) -> Callable[[str, str | None], str | None]:
    """`refuses` for a mission with these settings."""
    return lambda runner, command: refuses(runner, command, settings)
