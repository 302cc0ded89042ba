"""`missionctl logs`: the log lines of agents; with the id of a task, what its attempt printed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from typing import Any

import click

from mission_control.domain.attempt import attempt_name
from mission_control.errors import InvalidInput, NotFound
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_json, tell
from mission_control.interfaces.cli.parameters import ROWS
from mission_control.interfaces.cli.task_logs import NAP_SECONDS, show_output
from mission_control.interfaces.cli.text import without_controls
from mission_control.interfaces.log_lines import LEVELS, Following, LogLine, latest, log_files, make_filter

LINES = 50
_ID = re.compile(r"(?:[Tt]-)?[0-9]+(?:/[0-9]+)?\Z")
_COLOURS = {"INFO": None, "WARNING": "yellow", "ERROR": "red"}


@command(
    "logs",
    examples=(
        "missionctl logs",
        "missionctl logs samurai_jack -f",
        "missionctl logs --level error --grep T-12",
        "missionctl logs T-12 -f",
    ),
    exits={3: "no such agent, task or attempt"},
)
@click.argument("whose", required=False, metavar="[AGENT|ID]")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come; of a task, until its attempt ends.")
@click.option("-n", "--lines", type=ROWS, metavar="N", help=f"The last N lines. Default: {LINES}; of a task, all.")
@click.option(
    "--level", type=click.Choice([level.lower() for level in LEVELS]), help="Lines of this level and above only."
)
@click.option("--grep", metavar="PATTERN", help="Lines with this regular expression in them only, in any case.")
@click.option("--attempt", "number", type=click.IntRange(1), metavar="N", help="Of a task: the N-th attempt.")
@click.option("--raw", is_flag=True, help="Of a task: as it was printed, control characters included.")
def logs(session: Session, whose: str | None, *, follow: bool, lines: int | None, **options: Any) -> None:
    """Show the heartbeat and executor logs of an agent, or of all agents, merged by time.

    With the id of a task or an attempt, what the attempt printed, as `missionctl task logs` does. With --json a list
    of lines, with --follow one JSON object for each line.
    """
    level, grep, number, raw = (options[name] for name in ("level", "grep", "number", "raw"))
    agent = None if whose is None else _known_agent(session, whose)
    if whose is not None and agent is None:
        if level or grep:
            raise InvalidInput(f"--level and --grep are for the logs of agents; {whose} is the id of a task.")
        _show_task(session, whose, number, follow=follow, lines=lines, raw=raw)
        return
    if number or raw:
        raise InvalidInput("--attempt and --raw are for the output of a task. Give its id.")
    folder = session.mission.folder.home / "logs"
    wanted = make_filter(level and level.upper(), _compile(grep))
    # Begun before the first look, so that no line falls between the two.
    following = Following(folder, agent, wanted) if follow else None
    found = latest(log_files(folder, agent), wanted, lines or LINES)
    if following is None and session.as_json:
        print_json([shapes.log_line_json(line) for line in found])
        return
    _print(session, found)
    if following is not None:
        _print_as_they_come(session, following, told=found)
    elif not found and session.is_terminal:
        tell("There are no such lines.")


def _known_agent(session: Session, text: str) -> str | None:
    """The agent of this name, also one who has left and whose logs remain; null when a task is meant."""
    if _ID.match(text):
        return None
    views = session.mission.views
    try:
        return views.resolve_agent(text)
    except (NotFound, InvalidInput) as unknown:
        name = text.removeprefix("@")
        folder = session.mission.folder
        if "/" not in name and (folder.heartbeat_log(name).exists() or folder.executor_log(name).exists()):
            return name
        try:
            views.resolve_task(text.partition("/")[0])
        except (NotFound, InvalidInput):
            raise unknown from None
        return None


def _show_task(session: Session, text: str, number: int | None, *, follow: bool, lines: int | None, raw: bool) -> None:
    views = session.mission.views
    if number is not None:
        text = attempt_name(views.resolve_task(text), number)
    attempt = views.attempt(*views.resolve_attempt(text))
    show_output(session, attempt, follow=follow, lines=lines, raw=raw)


def _compile(grep: str | None) -> re.Pattern[str] | None:
    if grep is None:
        return None
    try:
        return re.compile(grep, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as fault:
        raise InvalidInput(f"--grep is no regular expression: {fault}.") from None


def _print_as_they_come(session: Session, following: Following, *, told: Sequence[LogLine]) -> None:
    """Until somebody interrupts it. What was `told` may come once more with the first reading."""
    try:
        _print(session, [line for line in following.read() if line not in told])
        while True:
            time.sleep(NAP_SECONDS)
            _print(session, following.read())
    finally:
        following.close()


def _print(session: Session, lines: Iterable[LogLine]) -> None:
    for line in lines:
        if session.as_json:
            print_json(shapes.log_line_json(line))
        elif session.is_terminal and not session.no_color and line.at:
            click.echo(_coloured(line))
        else:
            click.echo(without_controls(line.text))


def _coloured(line: LogLine) -> str:
    """Quiet time, level in its colour, event in bold."""
    colour = _COLOURS.get(line.level)
    words = (
        click.style(line.at, fg="bright_black"),
        click.style(f"{line.level:<7}", fg=colour),
        click.style(line.event, bold=True, fg=colour),
        without_controls(line.rest),
    )
    return " ".join(words)
