"""What a template may use: plain values, made from what the board and the agent's files say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mission_control.domain.attempt import Attempt
from mission_control.domain.history import Comment
from mission_control.domain.task import task_name
from mission_control.execution.prompting.gathering import Material
from mission_control.execution.prompting.remembering import Remembered


@dataclass(frozen=True)
class Entry:
    """Something that somebody wrote."""

    text: str
    label: str  # what it is, who wrote it, when


@dataclass(frozen=True)
class Story:
    """The names a template knows. What may be cut is text or entries, oldest first."""

    agent: str
    role: str
    task: str  # its id
    title: str
    description: str
    command: str
    needs_review: bool
    attempt: str  # its id
    number: int
    soul: str
    instructions: str
    working: str
    today: str
    yesterday: str
    parent: str  # id of the task whose attempt added this one, or empty
    tried: tuple[Entry, ...]  # how earlier attempts ended
    answers: tuple[Entry, ...]  # of tasks that had to be done first
    subtasks: tuple[str, ...]
    thread: tuple[Entry, ...]
    mentions: tuple[Entry, ...]
    is_resumed: bool  # the agent's program goes on with its session: it knows all but what is new
    cut: tuple[str, ...] = ()  # what was shortened or left out


def tell(material: Material, remembered: Remembered, *, going_on_from: Attempt | None) -> Story:
    """The whole story, or to a session that goes on only what is new in it."""
    view, task = material.view, material.view.task
    is_new = going_on_from is None
    earlier = [attempt for attempt in view.attempts if attempt.number < material.attempt.number]
    thread = view.thread if going_on_from is None else _since(view.thread, going_on_from)
    return Story(
        agent=material.agent.name,
        role=material.agent.role,
        task=task.name,
        title=task.title,
        description=task.description,
        command=task.command or "",
        needs_review=task.review,
        attempt=material.attempt.name,
        number=material.attempt.number,
        soul=remembered.soul if is_new else "",
        instructions=remembered.instructions if is_new else "",
        working=remembered.working if is_new else "",
        today=remembered.today if is_new else "",
        yesterday=remembered.yesterday if is_new else "",
        parent="" if task.parent_id is None else task_name(task.parent_id),
        tried=tuple(map(_ended, earlier if is_new else earlier[-1:])),
        answers=tuple(
            Entry(answer.text, f"result of {answer.task}, {answer.status}: {answer.title}")
            for answer in (material.answers if is_new else ())
        ),
        subtasks=tuple(f"{task_name(below.id)} {below.status}: {below.title}" for below in view.subtasks),
        thread=tuple(map(_entry, thread)),
        mentions=tuple(
            Entry(entry.body, f"{entry.author} in {task_name(entry.task_id)}, {_moment(entry.created_at)}")
            for entry in (material.mentions if is_new else ())
        ),
        is_resumed=not is_new,
    )


def _since(thread: tuple[Comment, ...], before: Attempt) -> list[Comment]:
    """What that attempt has not seen: not what it wrote itself."""
    since = before.started_at or before.claimed_at
    return [entry for entry in thread if entry.created_at > since and entry.author != before.agent]


def _ended(attempt: Attempt) -> Entry:
    return Entry(attempt.error or "", f"{attempt.name} by {attempt.agent}: {attempt.outcome or 'unknown'}")


def _entry(comment: Comment) -> Entry:
    return Entry(comment.body, f"{comment.kind} by {comment.author}, {_moment(comment.created_at)}")


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
