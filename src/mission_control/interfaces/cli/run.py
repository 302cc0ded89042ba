"""`missionctl run`: one task, now, in this terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TextIO

import click

from mission_control.domain import limits
from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import task_name
from mission_control.errors import InvalidInput
from mission_control.interfaces.cli.command import Command, command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_json, tell
from mission_control.interfaces.cli.parameters import AGENT
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.shapes import task_json

FAILED = 1
_DASHES = "mission_control.dashes"


class _Run(Command):
    """Knows whether `--` was given: what follows it is a command, what stands without it an id."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_DASHES] = "--" in args
        return super().parse_args(ctx, args)


@command(
    "run",
    cls=_Run,
    examples=("missionctl run T-12", "missionctl run --agent samurai_jack -- make test"),
    exits={0: "it succeeded", 1: "it ended otherwise", 3: "no such task or agent", 4: "it cannot start now"},
)
@click.argument("words", nargs=-1, required=True, metavar="ID | -- COMMAND...")
@click.option("--agent", "name", type=AGENT, help="Who does it. Default: whoever is assigned, or the only agent.")
@click.pass_context
def run(context: click.Context, session: Session, words: tuple[str, ...], name: str | None) -> int:
    """Execute one task in the foreground, out of turn, with its output here.

    `run ID` takes a task of the board; `run -- COMMAND...` makes one that is tried once. Ctrl-C leaves the work
    going on in the background; `missionctl cancel ID` ends it. With --json the output goes to standard error.
    """
    mission = session.mission
    if context.meta[_DASHES]:
        task_id, agent = _added(mission, words, name, session.actor)
    else:
        if len(words) > 1:
            raise InvalidInput("Give one id, or a command after --, e.g.: missionctl run -- make test")
        task_id = mission.views.resolve_task(words[0])
        agent = _assigned(mission, task_id, name)
    try:
        with _shown_on(sys.stderr if session.as_json else sys.stdout) as show:
            outcome = mission.run(task_id, agent, show)
    except KeyboardInterrupt:
        name = task_name(task_id)
        tell(f"Interrupted. {name} goes on by itself. Look: missionctl show {name}. End it: missionctl cancel {name}")
        raise
    view = mission.views.task(task_id)
    if session.as_json:
        print_json(task_json(view))
    else:
        error = view.attempts[-1].error
        tell(f"{view.attempts[-1].name} {outcome}" + (f": {error}" if error else ""))
    return 0 if outcome is Outcome.SUCCEEDED else FAILED


@contextmanager
def _shown_on(stream: TextIO | None) -> Iterator[BinaryIO]:
    """Where the bytes of a task go; nowhere when the stream was closed before we started."""
    if stream is not None:
        yield stream.buffer
        return
    with open(os.devnull, "wb") as nowhere:
        yield nowhere


def _added(mission: Mission, words: tuple[str, ...], name: str | None, actor: str) -> tuple[int, str]:
    """A new task that runs these words, and who does it."""
    import shlex

    agent = name or _only_agent(mission)
    text = shlex.join(words)
    title = "".join(character if character.isprintable() else " " for character in text)[: limits.TITLE_CHARACTERS]
    new = NewTask(title, agents=[agent], command=text, max_attempts=1)
    task, _ = mission.board.add(new, actor=actor)
    return task.id, agent


def _only_agent(mission: Mission) -> str:
    names = [view.agent.name for view in mission.views.agents()]
    if len(names) != 1:
        raise InvalidInput(f"Say who should do it with --agent; the squad has: {', '.join(names) or 'nobody yet'}.")
    return names[0]


def _assigned(mission: Mission, task_id: int, name: str | None) -> str:
    agents: Any = mission.views.task(task_id).task.agents
    if not agents:
        raise InvalidInput(f"Nobody is assigned. First: missionctl task edit {task_name(task_id)} --to AGENT")
    return agents[0] if name is None else mission.views.resolve_agent(name)
