"""What agents at work say: `missionctl progress`, `ask`, `hand-off`, `attach`, `remember`."""

from __future__ import annotations

import os

import click

from mission_control.interfaces import report_shapes, shapes
from mission_control.interfaces.cli.command import INSIDE_ONLY, command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_json
from mission_control.interfaces.cli.parameters import AGENT, text_or_stdin
from mission_control.interfaces.cli.text import without_controls

PERCENT = click.IntRange(0, 100)


@command(
    "progress",
    examples=("missionctl progress 'Tests are written' --percent 40",),
    exits=INSIDE_ONLY,
    inside=True,
)
@click.argument("text")
@click.option("--percent", type=PERCENT, metavar="N", help="How much is done, 0 to 100.")
def progress(session: Session, text: str, percent: int | None) -> None:
    """Say how far your work is. It stands in the status until you say something newer."""
    speaker = session.mission.reporting.progress(session.key, text, percent)
    attempt = session.mission.views.attempt(speaker.task_id, speaker.number)
    if session.as_json:
        print_json(shapes.attempt_json(attempt))
    else:
        _tell(f"Noted for {speaker.name}.")


@command(
    "ask",
    examples=("missionctl ask 'Which of the two servers?'", "missionctl ask - < question.md"),
    exits={**INSIDE_ONLY, 4: "you have handed the task off"},
    inside=True,
)
@click.argument("question")
def ask(session: Session, question: str) -> None:
    """Ask a person; QUESTION - reads standard input. Then end your work.

    When your attempt has ended the task is blocked until somebody answers; then you go on with it, and the answer is
    in your prompt.
    """
    number = session.mission.reporting.ask(session.key, text_or_stdin(question, "question"))
    task_id = session.speaker.task_id
    if session.as_json:
        thread = session.mission.views.task(task_id).thread
        print_json(next(shapes.comment_json(entry) for entry in thread if entry.id == number))
    else:
        name = session.speaker.task_name
        _tell(f"Asked. End your work now: {name} is blocked until somebody answers, and then it comes back to you.")


@command(
    "hand-off",
    examples=("missionctl hand-off blossom 'The page is written; please check the numbers'",),
    exits={**INSIDE_ONLY, 3: "no such agent", 4: "you have handed it off already"},
    inside=True,
)
@click.argument("agent", type=AGENT, metavar="AGENT")
@click.argument("note")
def hand_off(session: Session, agent: str, note: str) -> None:
    """Let another agent go on with your task; NOTE - reads standard input. Then end your work."""
    to = session.mission.views.resolve_agent(agent)
    task = session.mission.reporting.hand_off(session.key, to, text_or_stdin(note, "note"))
    if session.as_json:
        print_json(shapes.task_json(session.mission.views.task(task.id)))
    else:
        _tell(f"{task.name} goes to {to} as soon as your attempt has ended. End your work now.")


@command(
    "attach",
    examples=("missionctl attach report.pdf", "missionctl attach data/*.csv --json"),
    exits={**INSIDE_ONLY, 3: "no such file"},
    inside=True,
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def attach(session: Session, files: tuple[str, ...]) -> None:
    """Hand files in: copies are kept with your attempt, and shown with the task."""
    kept = [session.mission.reporting.attach(session.key, os.path.abspath(file)) for file in files]
    if session.as_json:
        print_json([shapes.attachment_json(attachment) for attachment in kept])
    else:
        for attachment in kept:
            _tell(f"{attachment.name} is kept, {attachment.size:,} bytes.")


@command(
    "remember",
    examples=("missionctl remember - < notes.md",),
    exits=INSIDE_ONLY,
    inside=True,
)
@click.argument("text")
def remember(session: Session, text: str) -> None:
    """Rewrite your WORKING.md, which stands in each of your prompts; TEXT - reads standard input.

    Give all of it: what you leave out is forgotten, though older versions are kept for people.
    """
    memory = session.mission.reporting.remember(session.key, text_or_stdin(text, "memory"))
    if session.as_json:
        print_json(report_shapes.memory_json(memory))
    else:
        _tell(f"WORKING.md has {len(memory.body):,} characters now.")


def _tell(sentence: str) -> None:
    """Agents read what a command prints, so these are sentences on pipes, too."""
    click.echo(without_controls(sentence))
