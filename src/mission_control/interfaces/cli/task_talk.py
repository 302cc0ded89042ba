"""`missionctl task comment`, `answer`, `reject`: a person writes into the thread of a task."""

from __future__ import annotations

import click

from mission_control.domain.task import task_name
from mission_control.errors import NotPermitted
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_done, print_json
from mission_control.interfaces.cli.parameters import AGENT, TASK_ID, text_or_stdin
from mission_control.interfaces.cli.task_move import EXITS
from mission_control.interfaces.cli.tasks import print_changed


@command(
    "comment",
    examples=(
        "missionctl task comment T-12 'Looks good'",
        "missionctl task comment T-12 - < notes.txt",
        "missionctl task comment T-12 -- '--quiet would help'",
    ),
    exits={3: "no such task"},
    inside=True,
)
@click.argument("task", type=TASK_ID, metavar="ID")
@click.argument("text")
@click.option("--as", "author", type=AGENT, metavar="NAME", help="Who says it. Default: you.")
def comment(session: Session, task: str, text: str, author: str | None) -> None:
    """Write into the thread of a task; TEXT - reads standard input. @name calls an agent or a person.

    Agents at work write into the thread of their own task, of the one that added it, and of those that it added.
    """
    task_id = session.mission.views.resolve_task(task)
    body = text_or_stdin(text, "comment")
    actor = author or session.actor
    if not session.is_inside:
        number = session.mission.board.comment(task_id, body, actor=actor)
    elif author in (None, session.actor):
        number = session.mission.reporting.comment(session.key, body, task_id)
    else:
        raise NotPermitted(f"You are {session.actor}; you may not speak as {author}.")
    if session.as_json:
        thread = session.mission.views.task(task_id).thread
        print_json(next(shapes.comment_json(entry) for entry in thread if entry.id == number))
    elif session.is_terminal:
        print_done(session, f"{actor} commented on {task_name(task_id)}.")
    else:
        click.echo(number)


@command("answer", examples=("missionctl task answer T-12 'Use the staging server'",), exits=EXITS)
@click.argument("task", type=TASK_ID, metavar="ID")
@click.argument("text")
@click.option("--as", "author", type=AGENT, metavar="NAME", help="Who says it. Default: you.")
def answer(session: Session, task: str, text: str, author: str | None) -> None:
    """Answer what blocks a task and put it back into the inbox; TEXT - reads standard input."""
    mission = session.mission
    task_id = mission.views.resolve_task(task)
    mission.board.answer(task_id, text_or_stdin(text, "answer"), actor=author or session.actor)
    mission.ring()
    print_changed(session, [task_id], lambda task: f"{task.name} has its answer and is back in the inbox: {task.title}")


@command("reject", examples=("missionctl task reject T-12 'The tests are missing'",), exits=EXITS)
@click.argument("task", type=TASK_ID, metavar="ID")
@click.argument("text")
def reject(session: Session, task: str, text: str) -> None:
    """Send work that waits for review back with a comment; TEXT - reads standard input."""
    mission = session.mission
    task_id = mission.views.resolve_task(task)
    mission.board.reject(task_id, text_or_stdin(text, "comment"), actor=session.actor)
    mission.ring()
    print_changed(session, [task_id], lambda task: f"{task.name} is back in the inbox: {task.title}")
