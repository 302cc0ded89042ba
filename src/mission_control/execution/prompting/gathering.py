"""What the board knows that belongs into a prompt."""

from __future__ import annotations

import os
from dataclasses import dataclass

from mission_control.domain.agent import Agent
from mission_control.domain.attempt import Attempt, Outcome
from mission_control.domain.history import Comment
from mission_control.domain.task import Status, task_name
from mission_control.folder import Folder
from mission_control.store import attempts, history, tasks
from mission_control.store.store import Store
from mission_control.views import TaskView

OUTPUT_CHARACTERS = 4_000  # the end of what a command printed, where it gave no answer
ANSWER_BYTES = 400_000
MENTIONS = 10


@dataclass(frozen=True)
class Answer:
    """What came out of a task that had to be done first."""

    task: str
    title: str
    status: Status
    text: str


@dataclass(frozen=True)
class Material:
    """Everything from the board for one attempt's prompt."""

    view: TaskView
    attempt: Attempt
    agent: Agent
    answers: tuple[Answer, ...]
    mentions: tuple[Comment, ...]  # of this agent, in other threads, that nobody has answered


def gather(store: Store, folder: Folder, view: TaskView, attempt: Attempt, agent: Agent) -> Material:
    """Read it all, as it stands now."""
    called = history.mentions_of(store, agent.name, MENTIONS)
    return Material(
        view,
        attempt,
        agent,
        tuple(_answer(store, folder, task_id) for task_id in view.task.after),
        tuple(entry for entry in reversed(called) if entry.task_id != view.task.id),
    )


def _answer(store: Store, folder: Folder, task_id: int) -> Answer:
    task = tasks.get(store, task_id)
    assert task is not None
    tried = attempts.of_task(store, task_id)
    good = next((attempt for attempt in reversed(tried) if attempt.outcome is Outcome.SUCCEEDED), None)
    return Answer(task_name(task_id), task.title, task.status, "" if good is None else _said(folder, good))


def _said(folder: Folder, attempt: Attempt) -> str:
    """Its whole answer where its files are at hand, else what the board keeps; of a command the end of its output."""
    whole = _end_of(folder.answer(attempt.task_id, attempt.number), ANSWER_BYTES)
    if whole or attempt.answer:
        return whole or attempt.answer or ""
    return _end_of(folder.output(attempt.task_id, attempt.number), OUTPUT_CHARACTERS)


def _end_of(path: os.PathLike[str], most: int) -> str:
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - most, 0))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return text if size <= most else f"[…]\n{text}"
