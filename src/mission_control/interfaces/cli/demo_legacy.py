"""`missionctl demo --legacy`: the squad and the tasks of the old system's folder instead of the story's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.demo import Programme
from mission_control.interfaces.cli.import_ import import_json, print_summary, take_over
from mission_control.interfaces.cli.output import print_done
from mission_control.ops.demo.legacy import Restart, put_to_work
from mission_control.ops.demo.play import PERSON


def prepare_legacy(session: Session, old: Path) -> Programme:
    """Import the folder, give its tasks what they lack, and say both. Raises ImportRefused, InvalidInput."""
    report = take_over(session, old, actor=PERSON)
    mission = session.mission
    restart = put_to_work(report, board=mission.board, squad=mission.squad, views=mission.views)
    if not session.as_json:
        print_summary(session, report)
        print_done(session, _what_was_done(restart))
        click.echo()
    return Programme(
        about="the old folder's tasks, real commands",
        announced=restart.announced,
        look_around=tuple(_look_around(restart)),
        told_until=restart.told_until,
        imported=import_json(report),
    )


def _what_was_done(restart: Restart) -> str:
    put_back = len(restart.put_back)
    others = len(restart.announced) - put_back
    resumed = f", {', '.join(restart.resumed)} resumed" if restart.resumed else ""
    return (
        f"{put_back} {'task' if put_back == 1 else 'tasks'} lacked only a command: given one, put back{resumed}; "
        f"{others} must stay as {'it' if others == 1 else 'they'} came"
    )


def _look_around(restart: Restart) -> Iterator[tuple[str, str]]:
    yield "status", "the squad now"
    yield "task list --all", "the board"
    for task in restart.put_back[:1]:
        yield f"show {task.legacy_id}", "a task by its old id, with its history"
    yield "stats", "figures of each agent"
