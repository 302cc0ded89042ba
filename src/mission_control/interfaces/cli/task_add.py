"""`missionctl task add`: one task from the command line, or many from a file."""

from __future__ import annotations

from datetime import timedelta

import click

from mission_control.domain import limits
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Priority, Task
from mission_control.errors import InvalidInput, NotPermitted
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.choices import PRIORITY
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.looks import relative, waiting_text
from mission_control.interfaces.cli.output import print_done, print_json, tell
from mission_control.interfaces.cli.parameters import (
    AGENTS,
    DURATION,
    TASK_ID,
    flatten,
    text_or_stdin,
)
from mission_control.interfaces.cli.tasks import resolve, where


@command(
    "add",
    examples=(
        "missionctl task add 'Run the tests' --to samurai_jack --command 'make test'",
        "missionctl task add 'Publish' --to blossom --command ./publish --after T-12 --review",
        "missionctl task add --to dexter --command 'wc -l *' -- '-v means verbose?'",
        "missionctl task add --from tasks.jsonl",
    ),
    exits={3: "no such agent or predecessor"},
    inside=True,
)
@click.argument("title", required=False)
@click.option("--to", type=AGENTS, multiple=True, help="Who does it; several: the first with a free slot.")
@click.option("--command", metavar="CMD", help="What the shell runner executes.")
@click.option("--description", metavar="TEXT", help="More about it; - reads standard input.")
@click.option("--priority", type=PRIORITY, help="Default: normal.")
@click.option("--after", type=TASK_ID, multiple=True, help="Start only when this task is done.")
@click.option("--max-attempts", type=int, metavar="N", help="Then it is blocked. Default: as in mission.toml.")
@click.option("--timeout", type=DURATION, help="Time limit of an attempt, e.g. 30m. Default: as in mission.toml.")
@click.option("--not-before", metavar="TIME", help="Not sooner than this, e.g. 2026-02-06T10:00:00Z or 10m.")
@click.option("--review", is_flag=True, help="Success needs a person's approval.")
@click.option("--key", help="Adding again with the same key changes nothing and gives the same task.")
@click.option(
    "--from",
    "source",
    metavar="FILE",
    help="Add many: one JSON object a line, keys as `task show --json` has them; - reads standard input. All or none.",
)
def add(
    session: Session,
    *,
    title: str | None,
    to: tuple[tuple[str, ...], ...],
    command: str | None,
    description: str | None,
    priority: str | None,
    after: tuple[str, ...],
    max_attempts: int | None,
    timeout: timedelta | None,
    not_before: str | None,
    review: bool,
    key: str | None,
    source: str | None,
) -> None:
    """Put a task on the board, or many from a file.

    On a pipe only the new id is printed. A task that names nobody stays in the inbox. What an agent at work adds is a
    subtask of its own task; one that names nobody is for itself.
    """
    given = (title, to, command, description, priority, after, max_attempts, timeout, not_before, review, key)
    if source is not None:
        _add_many(session, source, is_alone=not any(given))
        return
    if title is None:
        raise InvalidInput("A task needs a title, e.g.: missionctl task add 'Run the tests' --to samurai_jack")
    new = NewTask(
        title=title,
        agents=flatten(to),
        description=text_or_stdin(description, "description") if description is not None else "",
        command=command,
        priority=Priority(priority or Priority.NORMAL),
        after=resolve(session, after),
        max_attempts=max_attempts,
        timeout=timeout,
        not_before=limits.instant(not_before, session.now) if not_before is not None else None,
        review=review,
        key=key,
    )
    if session.is_inside:
        task, is_new = session.mission.reporting.add_subtask(session.key, new)
    else:
        task, is_new = session.mission.board.add(new, actor=session.actor)
    session.mission.ring()
    _print_one(session, task, is_new=is_new)


def _add_many(session: Session, source: str, *, is_alone: bool) -> None:
    if session.is_inside:
        raise NotPermitted("An agent at work adds subtasks one by one, without --from.")
    if not is_alone:
        raise InvalidInput("With --from everything stands in the file; give nothing else.")
    # Imported here: reading files is rare, adding one task is not.
    from mission_control.interfaces.cli.task_file import add_from_file

    _print_many(session, add_from_file(session, source))


def _print_one(session: Session, task: Task, *, is_new: bool) -> None:
    if session.as_json:
        print_json(shapes.task_json(session.mission.views.task(task.id), with_attempts=True))
    elif session.is_terminal:
        added = "added" if is_new else "was there already under this key"
        print_done(session, f"{task.name} {added}{_for_whom(task)}: {task.title}")
        click.echo(f"  {_next_step(session, task)}")
    else:
        click.echo(task.name)
        if not task.agents:
            tell(f"missionctl: {task.name} names nobody, so it runs nowhere. {_NOBODY.format(task.name)}")


_NOBODY = "Give it to somebody: missionctl task edit {} --to AGENT"


def _for_whom(task: Task) -> str:
    return f" for {', '.join(task.agents)}" if task.agents else ""


def _next_step(session: Session, task: Task) -> str:
    if not task.agents:
        return f"It runs nowhere yet. {_NOBODY.format(task.name)}"
    view = session.mission.views.task(task.id)
    if view.next_claim is None:
        return f"Now: {waiting_text(view, session.now) or where(view.task)}"
    agent, at = view.next_claim.agent, view.next_claim.at
    when = f" {relative(at, session.now)}" if at and at > session.now else ""
    return f"Starts at the next heartbeat of {agent}{when}, or now with: missionctl heartbeat {agent}"


def _print_many(session: Session, added: list[tuple[Task, bool]]) -> None:
    ids = [task.id for task, _ in added]
    if session.as_json:
        views = map(session.mission.views.task, ids)
        print_json([shapes.task_json(view, with_attempts=True) for view in views])
    elif session.is_terminal:
        new = sum(is_new for _, is_new in added)
        known = f", {len(added) - new} were there already" if new < len(added) else ""
        print_done(session, f"{new} tasks added{known}: {added[0][0].name} to {added[-1][0].name}")
    else:
        for task, _ in added:
            click.echo(task.name)
