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
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.errors import WORK_FAILED
from mission_control.interfaces.cli.init import let_join
from mission_control.interfaces.cli.main import COMMANDS
from mission_control.interfaces.cli.output import print_json
from mission_control.interfaces.cli.text import on_one_line
from mission_control.interfaces.mission import Mission
from mission_control.ops.demo import PERSON, SETTINGS, Demo, Ended
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
class Result:
    """How the whole demo ended."""

    home: Path
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
    examples=("missionctl demo", "missionctl demo my-first-mission", "missionctl demo --remove --json"),
    exits={0: "every task ended as announced", 1: "a task ended otherwise", 4: "there is a mission already"},
    needs_mission=False,
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False, metavar="[DIR]")
@click.option("--remove", is_flag=True, help="Remove the folder afterwards. Default: it stays, to look around.")
def demo(session: Session, folder: Path | None, remove: bool) -> int:  # noqa: FBT001  click's signature
    """Show a squad of five at work: success, retries, a time limit, a chain, a review, a killed executor.

    All tasks are real commands, executed on this machine in DIR or in a new temporary folder. It takes some seconds.
    """
    forget_settings_of_environment()  # the demo has its own; above all it never plays in somebody's database
    home = _make(session, folder)
    result = _play(session, home)
    if session.as_json:
        print_json(_document(result))
    else:
        _print_end(session, result, stays=not remove)
    if remove:
        session.close()
        shutil.rmtree(home)
    return WORK_FAILED if result.differences else 0


def _make(session: Session, folder: Path | None) -> Path:
    """A mission with the demo's squad and settings, opened in the session."""
    place = Path(tempfile.mkdtemp(prefix=PREFIX)) if folder is None else folder.expanduser()
    mission = session.application.create(place)
    home = mission.folder.home
    try:
        let_join(mission, SQUAD, actor=PERSON)
        mission.folder.settings.write_text(SETTINGS, encoding="utf-8")
    finally:
        mission.close()
    session.home = str(home)
    return home


def _play(session: Session, home: Path) -> Result:
    mission = session.mission
    play = Demo(
        board=mission.board,
        squad=mission.squad,
        views=mission.views,
        clock=mission.clock,
        config=mission.config,
        heartbeat=mission.heartbeat,
        is_executing=mission.is_executing,
    )
    play.prepare()
    since, began_at = mission.clock.monotonic(), mission.clock.now()
    if session.is_terminal:
        # Imported here: rich is for terminals only.
        from mission_control.interfaces.cli.demo_picture import show_live

        show_live(session, play, began_at)
    else:
        for news in play.play():
            if not session.as_json:
                _print_lines(news, began_at)
    return Result(home, mission.clock.monotonic() - since, play.ended())


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
        click.echo(f"{task.name:<5} {task.status:<8} {task.agents[0]:<13} {task.title}")
        for line in _lines_below(session, end):
            click.echo(f"{'':29}{line}")
    click.echo(f"\n{summary(result)}")
    if stays:
        click.echo("It stays. Look around:")
        for words, about in look_around(result.home):
            click.echo(f"  {words}  {about}".rstrip())


def _lines_below(session: Session, end: Ended) -> Iterator[str]:
    yield end.announced.shows
    yield f"attempts: {tries(end.view)}"
    if said := printed(session.mission, end.view):
        yield f"printed: {said}"
    if end.view.task.reason:
        yield f"why: {end.view.task.reason}"
    if end.difference:
        yield f"NOT AS ANNOUNCED: {end.difference}"


def summary(result: Result) -> str:
    """The whole in one sentence, true whichever way it went."""
    ended = f"{len(result.ends) - len(result.differences)} of {len(result.ends)} tasks ended as announced"
    counted = f"{result.attempts} attempts in {result.seconds:.1f} s"
    return f"{ended}: {counted}." if result.differences else f"{ended}: {counted}, nothing left running."


def look_around(home: Path) -> Iterator[tuple[str, str]]:
    """Commands that show more, as they can be typed here, each with what it tells."""
    program = _program()
    known = [(f"{program} {words}", about) for words, about in LOOK_AROUND if words.partition(" ")[0] in COMMANDS]
    width = max(len(words) for words, _ in known)
    yield f"cd {shlex.quote(str(home))}", ""
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
        "tasks": [
            {
                **shapes.task_json(end.view),
                "announced": {"status": end.announced.end, "outcomes": list(end.announced.outcomes)},
                "difference": end.difference,
            }
            for end in result.ends
        ],
    }
