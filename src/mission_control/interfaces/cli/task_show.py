"""`missionctl task show`: everything about a task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import click

from mission_control.domain.attempt import Attempt
from mission_control.domain.history import Activity, Comment, CommentKind
from mission_control.domain.report import Attachment, Subtask
from mission_control.domain.task import Status, task_name
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.looks import (
    agents_cell,
    instant_cell,
    outcome_cell,
    priority_cell,
    relative,
    span,
    status_cell,
    waiting_text,
)
from mission_control.interfaces.cli.output import Cell, Column, print_fields, print_json
from mission_control.interfaces.cli.parameters import TASK_ID
from mission_control.interfaces.cli.text import on_one_line
from mission_control.views import TaskView

LINES_OF_HISTORY = 12
LINES_OF_ANSWER = 60
CENT = 0.01


@command(
    "show",
    examples=("missionctl show T-12", "missionctl task show 12 --json"),
    exits={3: "no such task"},
    inside=True,
)
@click.argument("task", type=TASK_ID, metavar="ID")
def show(session: Session, task: str) -> None:
    """Show everything about a task, and why it does not run."""
    view = session.mission.views.task(session.mission.views.resolve_task(task))
    if session.as_json:
        print_json(shapes.task_page_json(view))
    elif session.is_terminal:
        _print_page(session, view)
    else:
        print_fields(session, _facts_for_a_pipe(view))


def _facts_for_a_pipe(view: TaskView) -> Iterator[tuple[str, str]]:
    """The fields of the JSON; those that are lists are joined."""
    for name, value in shapes.task_json(view, with_attempts=False).items():
        if isinstance(value, list):
            yield name, ",".join(map(str, value)) if name != "waiting_for" else "; ".join(value)
        elif isinstance(value, dict):
            yield name, " ".join(str(part) for part in value.values() if part is not None)
        elif isinstance(value, bool):
            yield name, "true" if value else "false"
        else:
            yield name, "" if value is None else str(value)


def _print_page(session: Session, view: TaskView) -> None:
    # Imported here: rich is for terminals only.
    from mission_control.interfaces.cli import terminal

    task = view.task
    terminal.print_title(session, task.name, status_cell(task.status), on_one_line(task.title))
    print_fields(session, _facts(view, session.now))
    if task.description:
        terminal.print_section(session, "Description")
        terminal.print_block(session, task.description)
    if view.attempts:
        terminal.print_section(session, "Attempts")
        terminal.print_table(session, _ATTEMPTS, [_attempt_row(attempt, session.now) for attempt in view.attempts])
    if answer := _latest_answer(view.attempts):
        terminal.print_section(session, f"Answer of {answer.name}")
        terminal.print_block(session, _beginning(session, answer))
    if view.thread:
        terminal.print_section(session, "Thread")
        for comment in view.thread:
            terminal.print_entry(session, _byline(comment, session.now), comment.body)
    if view.subtasks:
        terminal.print_section(session, "Subtasks")
        terminal.print_table(session, _SUBTASKS, [_subtask_row(subtask) for subtask in view.subtasks])
    if view.attachments:
        terminal.print_section(session, "Files")
        terminal.print_table(session, _FILES, [_file_row(attachment) for attachment in view.attachments])
    terminal.print_section(session, "History")
    terminal.print_table(session, _HISTORY, [_activity_row(line, session.now) for line in _latest(view.activities)])


def _facts(view: TaskView, now: datetime) -> Iterator[tuple[str, Cell | str]]:
    task = view.task
    yield "why", _why(view, now)
    yield "agents", agents_cell(task.agents)
    yield "priority", priority_cell(task.priority)
    yield "command", task.command or ""
    yield "part of", "" if task.parent_id is None else task_name(task.parent_id)
    yield "after", ", ".join(f"{task_name(before.id)} ({before.status})" for before in view.predecessors)
    yield "limits", f"{task.max_attempts} attempts of up to {span(timedelta(seconds=task.timeout_seconds))}"
    yield "review", "a person approves it" if task.review else ""
    yield "key", task.key or ""
    yield "old id", task.legacy_id or ""
    yield "added", instant_cell(task.created_at, now)


def _why(view: TaskView, now: datetime) -> str:
    """Why it stands where it stands, and what comes next."""
    task = view.task
    match task.status:
        case Status.BLOCKED if _is_asked(view):
            return f"{waiting_text(view, now)} Answer: missionctl task answer {task.name} TEXT"
        case Status.INBOX | Status.BLOCKED if view.holds:
            return waiting_text(view, now)
        case Status.INBOX if view.next_claim is not None:
            at = view.next_claim.at
            when = f" {relative(at, now)}" if at and at > now else ""
            return f"ready; {view.next_claim.agent} looks at the next heartbeat{when}"
        case Status.IN_PROGRESS if task.cancel_requested_at is not None:
            return f"being cancelled since {relative(task.cancel_requested_at, now)}"
        case Status.REVIEW:
            return f"a person must look: missionctl task approve {task.name}, or reject {task.name} TEXT"
        case _:
            return task.reason or ""


def _is_asked(view: TaskView) -> bool:
    """Whether the last attempt ended with a question."""
    since = view.attempts[-1].claimed_at if view.attempts else None
    return since is not None and any(
        entry.kind is CommentKind.QUESTION and entry.created_at >= since for entry in view.thread
    )


_ATTEMPTS = (
    Column("attempt"),
    Column("outcome"),
    Column("agent"),
    Column("started"),
    Column("took", right=True),
    Column("tokens", right=True),
    Column("cost", right=True),
    Column("progress", grows=True, wraps=True),
    Column("error", grows=True, wraps=True),
)


def _attempt_row(attempt: Attempt, now: datetime) -> Sequence[Cell]:
    took = attempt.duration_seconds
    if took is None and attempt.is_live and attempt.started_at is not None:
        took = max((now - attempt.started_at).total_seconds(), 0.0)
    return (
        Cell(attempt.name),
        outcome_cell(attempt.outcome),
        Cell(attempt.agent),
        instant_cell(attempt.started_at, now),
        Cell("" if took is None else span(timedelta(seconds=took))),
        Cell(_tokens(attempt)),
        Cell(_cost(attempt)),
        Cell(shapes.progress_text(attempt)),
        Cell(attempt.error or ""),
    )


def _tokens(attempt: Attempt) -> str:
    """In and out together, as statistics count them; empty when it did not say."""
    known = [count for count in (attempt.tokens_in, attempt.tokens_out) if count is not None]
    return f"{sum(known):,}" if known else ""


def _cost(attempt: Attempt) -> str:
    """Cents; what is less than one is not nothing."""
    if attempt.cost_usd is None:
        return ""
    return "<$0.01" if 0 < attempt.cost_usd < CENT else f"${attempt.cost_usd:,.2f}"


def _beginning(session: Session, attempt: Attempt) -> str:
    """Of its answer, with the place of the rest."""
    lines = (attempt.answer or "").splitlines()
    if len(lines) <= LINES_OF_ANSWER:
        return "\n".join(lines)
    whole = session.mission.folder.answer(attempt.task_id, attempt.number)
    return "\n".join([*lines[:LINES_OF_ANSWER], f"… the whole answer: {whole}"])


def _latest_answer(tried: Sequence[Attempt]) -> Attempt | None:
    """The last attempt that said something."""
    return next((attempt for attempt in reversed(tried) if attempt.answer), None)


_SUBTASKS = (Column("task"), Column("status"), Column("title", grows=True))
_FILES = (Column("attempt"), Column("size", right=True), Column("file", grows=True, wraps=True))


def _subtask_row(subtask: Subtask) -> Sequence[Cell]:
    return Cell(task_name(subtask.id)), status_cell(subtask.status), Cell(subtask.title)


def _file_row(attachment: Attachment) -> Sequence[Cell]:
    shape = shapes.attachment_json(attachment)
    return Cell(shape["attempt"]), Cell(f"{attachment.size:,}"), Cell(attachment.name, below=shape["path"])


_HISTORY = (Column("when"), Column("what"), Column("who"), Column("", grows=True, wraps=True))


def _latest(activities: Sequence[Activity]) -> Sequence[Activity]:
    return activities[-LINES_OF_HISTORY:]


def _activity_row(activity: Activity, now: datetime) -> Sequence[Cell]:
    kind = activity.kind.replace("_", " ")
    return (
        instant_cell(activity.at, now),
        Cell(kind if activity.attempt is None else f"{kind}, attempt {activity.attempt}"),
        Cell(activity.actor),
        Cell(activity.message, style="bright_black"),
    )


def _byline(comment: Comment, now: datetime) -> str:
    kind = "" if comment.kind is CommentKind.COMMENT else f", {comment.kind}"
    return f"{comment.author}, {relative(comment.created_at, now)}{kind}"
