"""What may stand on the command line: ids, names, durations, choices, and text that may come from standard input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from mission_control.domain import limits
from mission_control.errors import InvalidInput, MissionControlError
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.text import on_one_line
from mission_control.interfaces.mission import Mission

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem  # a shell that completes loads it; nobody else needs it

COMPLETIONS = 50
MOST_ROWS = 10_000_000


class _TaskId(click.ParamType[str]):
    """The id of a task as somebody writes it; the mission resolves it."""

    name = "id"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002  click's signature
        def unfinished(mission: Mission) -> list[tuple[str, str]]:
            from mission_control.store.tasks import Filter

            views = mission.views.tasks(Filter(), limit=COMPLETIONS)
            return [(view.task.name, on_one_line(view.task.title)) for view in views]

        return _completions(ctx, incomplete, unfinished)


class _AgentName(click.ParamType[str]):
    """The name of an agent, with or without @."""

    name = "agent"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002  click's signature
        return limits.agent_name(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002  click's signature
        return _complete_agents(ctx, incomplete)


class _AgentNames(click.ParamType[tuple[str, ...]]):
    """One or several names of agents, separated by commas."""

    name = "agent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:  # noqa: ARG002  click's signature
        if isinstance(value, tuple):
            return value
        return tuple(limits.agent_name(name.strip()) for name in value.split(","))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002  click's signature
        return _complete_agents(ctx, incomplete)


class _RoutineId(click.ParamType[str]):
    """The id of a routine as somebody writes it; the mission resolves it."""

    name = "id"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002  click's signature
        def all_of_them(mission: Mission) -> list[tuple[str, str]]:
            views = mission.routine_views.routines()
            return [(view.routine.name, on_one_line(view.routine.title)) for view in views]

        return _completions(ctx, incomplete, all_of_them)


class _Duration(click.ParamType[timedelta]):
    """How long, e.g. 90s, 10m, 1.5h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:  # noqa: ARG002  click's signature
        return value if isinstance(value, timedelta) else limits.duration(value)


TASK_ID = _TaskId()
ROUTINE_ID = _RoutineId()
AGENT = _AgentName()
AGENTS = _AgentNames()
DURATION = _Duration()
ROWS = click.IntRange(1, MOST_ROWS)


def flatten(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """`--to a --to b,c` as one list, each name once."""
    return tuple(dict.fromkeys(name for group in groups for name in group))


def text_or_stdin(value: str, what: str, most: int = limits.TEXT_BYTES) -> str:
    """The text itself, or for `-` all of standard input, of which no more than needed to refuse it is read."""
    if value != "-":
        return value
    if sys.stdin is None:
        raise InvalidInput(f"The {what} should come from standard input, which is closed.")
    read = sys.stdin.buffer.read(most + 1)
    if len(read) > most:
        raise InvalidInput(f"The {what} from standard input has more than {most:,} bytes, which are allowed.")
    try:
        return read.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"The {what} from standard input is not valid UTF-8. Convert it and try again.") from None


def _complete_agents(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    def squad(mission: Mission) -> list[tuple[str, str]]:
        return [(view.agent.name, on_one_line(view.agent.role)) for view in mission.views.agents()]

    head, comma, last = incomplete.rpartition(",")
    return _completions(ctx, last, squad, prefix=head + comma)


def _completions(
    ctx: click.Context,
    incomplete: str,
    choices: Callable[[Mission], list[tuple[str, str]]],
    *,
    prefix: str = "",
) -> list[CompletionItem]:
    """What fits, from the mission at hand; without one there is nothing to offer, and no place for an error."""
    from click.shell_completion import CompletionItem

    session = ctx.find_object(Session)
    if session is None:
        return []
    try:
        found = choices(session.mission)
    except MissionControlError:
        return []
    return [
        CompletionItem(prefix + word, help=meaning)
        for word, meaning in found
        if word.lower().startswith(incomplete.lower().removeprefix("@"))
    ]
