"""What can be said of a runner: what it can do, whether its program is there, how a trial of it went."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Capabilities:
    """What a runner can do. Each is shown in docs/runners.md."""

    resume: bool = False  # a retry goes on with the session of the attempt before
    stream: bool = False  # its steps are seen while it works
    usage: bool = False  # it tells how many tokens it used
    cost: bool = False  # it tells what they cost
    cancel: bool = True  # it ends when it is told to
    model: bool = False  # the agent's model is handed to it
    mcp: bool = False  # it is given our MCP server, through which it can report and ask

    def items(self) -> list[tuple[str, bool]]:
        """Each with its name, in the order above."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


@dataclass(frozen=True)
class RunnerFacts:
    """One runner of a mission, without having started anything."""

    name: str
    what: str
    capabilities: Capabilities
    program: str | None  # the name that is looked up; null: it needs none
    path: str | None  # where it was found
    install: str  # the command that brings the program; may be empty
    sign_in: str  # what lets its vendor let it in; may be empty
    passes: tuple[str, ...]  # names of variables its attempts get besides the usual few

    @property
    def is_there(self) -> bool:
        """Whether it could be started."""
        return self.program is None or self.path is not None


@dataclass(frozen=True)
class TrialStep:
    """One thing that was tried, and how it went."""

    name: str
    is_good: bool
    text: str
