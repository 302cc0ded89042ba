"""`missionctl demo`: a squad at work on real small tasks, in a folder of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mission_control.config import forget_settings_of_environment
from mission_control.domain.attempt import Outcome, attempt_name
from mission_control.domain.history import Activity
from mission_control.domain.task import Event, Status, task_name
from mission_control.errors import InvalidInput, MissionControlError
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.errors import WORK_FAILED
from mission_control.interfaces.cli.init import let_join
from mission_control.interfaces.cli.main import COMMANDS
from mission_control.interfaces.cli.output import print_json
from mission_control.interfaces.cli.text import on_one_line
from mission_control.interfaces.mission import Mission
from mission_control.ops.demo.play import PERSON, SETTINGS, Announced, Demo, Ended
from mission_control.ops.demo.story import put_story
from mission_control.views import TaskView

SQUAD = "demo"
PREFIX = "mission-demo-"
OUTPUT_BYTES = 2_000  # of the end of an attempt's output, to find its last line

# (command and what it is about, what it tells). Only those that this program has are shown.
LOOK_AROUND = (
    ("status", "the squad now"),
    ("task list --all", "the board"),
    ("show T-5", "a task that needed three attempts"),
    ("logs johnny_bravo", "an executor that was lost, and found"),
    ("stats", "figures of each agent"),
)


@dataclass(frozen=True)
class Programme:
    """What is played: all tasks of the new mission."""

    about: str
    announced: Sequence[Announced]
    look_around: Sequence[tuple[str, str]]
    told_until: int = 0  # the last line of history that is no news any more
    imported: shapes.Json | None = None  # what `missionctl import --json` would have said


@dataclass(frozen=True)
class Result:
    """How the whole demo ended."""

    home: Path
    programme: Programme
    seconds: float
    ends: Sequence[Ended]

    @property
    def differences(self) -> Sequence[Ended]:
        return [end for end in self.ends if end.difference]

    @property
    def attempts(self) -> int:
        return sum(len(end.view.attempts) for end in self.ends)


@command(
    "demo",
    examples=(
        "missionctl demo",
        "missionctl demo my-first-mission",
        "missionctl demo --web",
        "missionctl demo --legacy ~/mission-control",
        "missionctl demo --remove --json",
    ),
    exits={0: "every task ended as announced", 1: "a task ended otherwise", 4: "there is a mission already"},
    needs_mission=False,
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False, metavar="[DIR]")
@click.option(
    "--legacy",
    type=click.Path(path_type=Path),
    metavar="OLD",
    help="Import the JSON folder OLD of the old system instead, and let its own squad execute its unfinished tasks.",
)
@click.option("--web", is_flag=True, help="Let it work at leisure, and open the live board in a browser.")
@click.option("--port", type=click.IntRange(1, 65_535), metavar="N", help="With --web. Default: 7777 or the next free.")
@click.option("--remove", is_flag=True, help="Remove the folder afterwards. Default: it stays, to look around.")
def demo(
    session: Session, folder: Path | None, legacy: Path | None, port: int | None, *, web: bool, remove: bool
) -> int:
    """Show a squad of five at work: success, retries, a time limit, a chain, a review, a killed executor.

    All tasks are real commands, executed on this machine in DIR or in a new temporary folder. It takes some seconds.
    With --legacy, tasks that were blocked only for want of a command get one that prints their title; all others must
    stay as they came. OLD itself is only read.

    With --web the same squad works more slowly, and on more, until Ctrl-C; you watch it on its board, and approve,
    retry and answer in a browser. Nothing is announced, so nothing can end otherwise.
    """
    if web and legacy is not None:
        raise InvalidInput(
            "--web shows the squad of the demo. To see an old board: missionctl import, then missionctl up"
        )
    if port is not None and not web:
        raise InvalidInput("--port is for --web.")
    forget_settings_of_environment()  # the demo has its own; above all it never plays in somebody's database
    is_new = folder is None or not folder.expanduser().exists()
    if remove and not is_new:
        raise InvalidInput(f"{folder} is there already; --remove would remove what is in it, too. Name a new folder.")
    home = _make(session, folder)
    if web:
        # Imported here: the demo on a terminal needs nothing of it.
        from mission_control.interfaces.cli.demo_web import show_on_web

        show_on_web(session, port)
        if remove:
            _remove(session, home)
        return 0
    try:
        programme = _prepare(session, legacy)
    except MissionControlError:
        # What could not begin leaves nothing, and does not stand in the way of the next try.
        if is_new:
            _remove(session, home)
        raise
    result = _play(session, programme)
    if session.as_json:
        print_json(_document(result))
    else:
        _print_end(session, result, stays=not remove)
    if remove:
        _remove(session, home)
    return WORK_FAILED if result.differences else 0


def _make(session: Session, folder: Path | None) -> Path:
    """An empty mission with the demo's settings, to be opened by the session."""
    place = Path(tempfile.mkdtemp(prefix=PREFIX)) if folder is None else folder.expanduser()
    mission = session.application.create(place)
    home = mission.folder.home
    try:
        mission.folder.settings.write_text(SETTINGS, encoding="utf-8")
    finally:
        mission.close()
    session.home = str(home)
    return home


def _prepare(session: Session, legacy: Path | None) -> Programme:
    """Let the squad join and put the tasks on the board."""
    if legacy is not None:
        # Imported here: the story needs nothing of an import.
        from mission_control.interfaces.cli.demo_legacy import prepare_legacy

        return prepare_legacy(session, legacy)
    mission = session.mission
    let_join(mission, SQUAD, actor=PERSON)
    return Programme("five agents, real tasks", put_story(board=mission.board, squad=mission.squad), LOOK_AROUND)


def _play(session: Session, programme: Programme) -> Result:
    mission = session.mission
    play = Demo(
        programme.announced,
        told_until=programme.told_until,
        board=mission.board,
        views=mission.views,
        clock=mission.clock,
        config=mission.config,
        heartbeat=mission.heartbeat,
        is_executing=mission.is_executing,
    )
    since, began_at = mission.clock.monotonic(), mission.clock.now()
    if session.is_terminal:
        # Imported here: rich is for terminals only.
        from mission_control.interfaces.cli.demo_picture import show_live

        show_live(session, play, programme, began_at)
    else:
        for news in play.play():
            if not session.as_json:
                _print_lines(news, began_at)
    return Result(mission.folder.home, programme, mission.clock.monotonic() - since, play.ended())


def _remove(session: Session, home: Path) -> None:
    session.close()
    shutil.rmtree(home)


# As plain lines


def _print_lines(news: Sequence[Activity], began_at: datetime) -> None:
    for line in news:
        if line.task_id is not None:
            seconds, who = seconds_into(line, began_at), line.agent or line.actor
            click.echo(f"{seconds:6.2f}s  {told_name(line):<7} {who:<13} {told(line)}")


def seconds_into(line: Activity, began_at: datetime) -> float:
    """When it happened; what was prepared before the start happened at its start."""
    return max((line.at - began_at).total_seconds(), 0.0)


def told_name(line: Activity) -> str:
    """`T-5/2`, or `T-5` where it is about no attempt."""
    assert line.task_id is not None
    return task_name(line.task_id) if line.attempt is None else attempt_name(line.task_id, line.attempt)


def told(line: Activity) -> str:
    """What happened, in a few words."""
    match line.kind:
        case Event.CLAIM:
            return "starts"
        case Event.APPROVE:
            return "approved, in a person's place"
        case Outcome.SUCCEEDED if line.to_status is Status.REVIEW:
            return "succeeded, waits for approval"
        case Outcome.FAILED | Outcome.TIMED_OUT | Outcome.LOST:
            what = line.kind.replace("_", " ")
            return f"{what}: {on_one_line(line.message)}; {_next_of(line)}"
        case _:
            return line.kind.replace("_", " ")


def _next_of(line: Activity) -> str:
    return "blocked, a person must look" if line.to_status is Status.BLOCKED else "will be tried again"


def who(view: TaskView) -> str:
    """Whoever tried it last, else who would be the first to."""
    if view.attempts:
        return view.attempts[-1].agent
    return next(iter(view.task.agents), "nobody")


def tries(view: TaskView) -> str:
    """`failed, failed, succeeded`."""
    return ", ".join(attempt.outcome.replace("_", " ") if attempt.outcome else "live" for attempt in view.attempts)


def printed(mission: Mission, view: TaskView) -> str:
    """What the last attempt printed last, e.g. its answer; empty when it printed nothing."""
    if not view.attempts:
        return ""
    latest = view.attempts[-1]
    try:
        with mission.folder.output(latest.task_id, latest.number).open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - OUTPUT_BYTES, 0))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return on_one_line(lines[-1]).strip() if lines else ""


# At the end


def _print_end(session: Session, result: Result, *, stays: bool) -> None:
    if session.is_terminal:
        from mission_control.interfaces.cli.demo_picture import print_end

        print_end(session, result, stays=stays)
        return
    click.echo()
    for end in result.ends:
        task = end.view.task
        click.echo(f"{task.name:<5} {task.status:<8} {who(end.view):<13} {on_one_line(task.title)}")
        for line in _lines_below(session, end):
            click.echo(f"{'':29}{line}")
    click.echo(f"\n{summary(result)}")
    if stays:
        click.echo("It stays. Look around:")
        for words, about in look_around(result):
            click.echo(f"  {words}  {about}".rstrip())


def _lines_below(session: Session, end: Ended) -> Iterator[str]:
    if end.announced.shows:
        yield end.announced.shows
    if end.view.attempts:
        yield f"attempts: {tries(end.view)}"
    if said := printed(session.mission, end.view):
        yield f"printed: {said}"
    if end.view.task.reason:
        yield f"why: {on_one_line(end.view.task.reason)}"
    if end.difference:
        yield f"NOT AS ANNOUNCED: {end.difference}"


def summary(result: Result) -> str:
    """The whole in one sentence, true whichever way it went."""
    ended = f"{len(result.ends) - len(result.differences)} of {len(result.ends)} tasks ended as announced"
    counted = f"{result.attempts} attempts in {result.seconds:.1f} s"
    return f"{ended}: {counted}." if result.differences else f"{ended}: {counted}, nothing left running."


def look_around(result: Result) -> Iterator[tuple[str, str]]:
    """Commands that show more, as they can be typed here, each with what it tells."""
    program, offered = _program(), result.programme.look_around
    known = [(f"{program} {words}", about) for words, about in offered if words.partition(" ")[0] in COMMANDS]
    width = max(len(words) for words, _ in known)
    yield f"cd {shlex.quote(str(result.home))}", ""
    for words, about in known:
        yield words.ljust(width), about


def _program() -> str:
    """How to call this program from any folder: by its name where the shell finds it, else by its path."""
    called = Path(sys.argv[0]).absolute()
    found = shutil.which(called.name)
    return called.name if found and os.path.samefile(found, called) else shlex.quote(str(called))


def _document(result: Result) -> dict[str, Any]:
    return {
        "home": str(result.home),
        "as_announced": not result.differences,
        "duration_seconds": result.seconds,
        "import": result.programme.imported,
        "tasks": [
            {
                **shapes.task_json(end.view),
                "announced": {"status": end.announced.end, "outcomes": list(end.announced.outcomes)},
                "difference": end.difference,
            }
            for end in result.ends
        ],
    }
