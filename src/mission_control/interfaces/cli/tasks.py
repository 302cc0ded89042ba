"""What the commands about tasks share: resolving ids, and telling what became of tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import click

from mission_control.domain.attempt import Attempt
from mission_control.domain.task import Status, Task
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_done, print_json


def resolve(session: Session, texts: Iterable[str]) -> list[int]:
    """The numbers of the tasks named, each once, in the order given."""
    return list(dict.fromkeys(session.mission.views.resolve_task(text) for text in texts))


def change_all(session: Session, texts: Sequence[str], change: Callable[[int], object]) -> list[int]:
    """Change every task named, all or none, and return their numbers."""
    ids = resolve(session, texts)
    with session.mission.board.together():
        for task_id in ids:
            change(task_id)
    return ids


def tell_executors(session: Session, ids: Iterable[int]) -> list[tuple[Attempt, bool]]:
    """Let the executors of these tasks look at the board now: each live attempt, and whether it was reached."""
    mission = session.mission
    live = [attempt for task_id in ids for attempt in mission.views.task(task_id).attempts if attempt.is_live]
    return [(attempt, mission.tell(attempt)) for attempt in live]


def print_changed(session: Session, ids: Sequence[int], sentence: Callable[[Task], str]) -> None:
    """The tasks as they stand now: JSON, sentences for a person, or just the ids for a pipe.

    JSON is one object for one task, a list for several.
    """
    views = [session.mission.views.task(task_id) for task_id in ids]
    if session.as_json:
        documents = [shapes.task_json(view, with_attempts=True) for view in views]
        print_json(documents[0] if len(documents) == 1 else documents)
        return
    for view in views:
        if session.is_terminal:
            print_done(session, sentence(view.task))
        else:
            click.echo(view.task.name)


def where(task: Task) -> str:
    """Where a task stands, as the end of a sentence."""
    match task.status:
        case Status.IN_PROGRESS:
            return "in progress"
        case Status.INBOX | Status.REVIEW:
            return f"in the {task.status}" if task.status is Status.INBOX else "in review"
        case _:
            return task.status.value
