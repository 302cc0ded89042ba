"""The prompt of an attempt, kept as prompt.md in the attempt's folder."""

from __future__ import annotations

from pathlib import Path

from mission_control.domain.attempt import Attempt
from mission_control.folder import write_private
from mission_control.views import TaskView

NAME = "prompt.md"


def write(view: TaskView, folder: Path, *, going_on_from: Attempt | None) -> Path:
    """The file with what the agent is told: the whole task, or only what is new to a session that it goes on with."""
    text = _whole(view) if going_on_from is None else _news(view, going_on_from)
    path = folder / NAME
    write_private(path, text.encode())
    return path


def _whole(view: TaskView) -> str:
    task = view.task
    parts = [f"# {task.title}", task.description, f"Its command: {task.command}" if task.command else ""]
    parts += [f"{comment.author} ({comment.kind}): {comment.body}" for comment in view.thread]
    return "\n\n".join(part for part in parts if part) + "\n"


def _news(view: TaskView, before: Attempt) -> str:
    ended = f"Your last attempt at {view.task.name} ended: {before.error}." if before.error else ""
    since = before.started_at or before.claimed_at
    news = [
        f"{c.author} ({c.kind}): {c.body}" for c in view.thread if c.created_at > since and c.author != before.agent
    ]
    return "\n\n".join(part for part in (ended, *news, "Go on with the task.") if part) + "\n"
