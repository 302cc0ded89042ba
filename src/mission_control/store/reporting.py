"""What agents at work say and leave behind, in the store."""

from __future__ import annotations

from datetime import datetime

from mission_control.domain.attempt import Ending
from mission_control.domain.key import KeyHolder
from mission_control.domain.parting import Kind
from mission_control.domain.report import Attachment, Memory, Speaker, Subtask
from mission_control.domain.task import Status
from mission_control.store.attempts import Lease
from mission_control.store.store import Row, Store, instant


def speaker(store: Store, holder: KeyHolder) -> Speaker | None:
    """Who holds this key; None once the attempt has ended or another has the task."""
    row = store.row("inside.speaker", task_id=holder.task_id, number=holder.number, token=holder.token)
    if row is None:
        return None
    return Speaker(holder.task_id, holder.number, row["agent"], Kind(row["parting"]) if row["parting"] else None)


def say_progress(store: Store, speaker: Speaker, text: str, percent: int | None, *, now: datetime) -> None:
    store.rows(
        "inside.say_progress",
        task_id=speaker.task_id,
        number=speaker.number,
        text=text,
        percent=percent,
        now=now,
    )


def part(store: Store, speaker: Speaker, kind: Kind, note: str, *, now: datetime) -> None:
    """Note that the agent lets its attempt end; what follows is decided when it has ended."""
    store.rows("inside.part", task_id=speaker.task_id, number=speaker.number, parting=kind, note=note, now=now)


def answer_live(store: Store, task_id: int) -> bool:
    """Whether the agent that asked is still at work, and now knows that there is an answer."""
    return store.row("inside.answer_live", task_id=task_id) is not None


def correct_outcome(store: Store, lease: Lease, ending: Ending) -> None:
    """How the attempt ended, in the transaction that ends it."""
    store.rows(
        "inside.correct_outcome",
        task_id=lease.task_id,
        number=lease.number,
        outcome=ending.outcome,
        error=ending.error,
    )


def hand_offs(store: Store, task_id: int) -> int:
    """How often agents have handed this task on."""
    row = store.row("inside.hand_offs", task_id=task_id)
    assert row is not None
    return int(row["hand_offs"])


def depth(store: Store, task_id: int, most: int) -> int:
    """How many tasks stand above this one; exact up to `most`."""
    row = store.row("inside.depth", task_id=task_id, most=most)
    assert row is not None
    return int(row["depth"])


def subtasks(store: Store, task_id: int) -> list[Subtask]:
    """What attempts of this task have put on the board, oldest first."""
    rows = store.rows("inside.subtasks", task_id=task_id)
    return [Subtask(row["id"], row["title"], Status(row["status"])) for row in rows]


def attach(store: Store, attachment: Attachment) -> None:
    store.rows(
        "inside.attach",
        task_id=attachment.task_id,
        attempt=attachment.attempt,
        name=attachment.name,
        bytes=attachment.size,
        digest=attachment.sha256,
        now=attachment.created_at,
    )


def attachments(store: Store, task_id: int) -> list[Attachment]:
    """What was handed in for a task, oldest first."""
    return [_attachment(row) for row in store.rows("inside.attachments", task_id=task_id)]


def remember(
    store: Store, agent: str, body: str, *, task_id: int | None = None, attempt: int | None = None, now: datetime
) -> None:
    """Keep one version of an agent's memory; without an attempt: as somebody wrote it by hand."""
    store.rows("inside.remember", agent=agent, task_id=task_id, attempt=attempt, body=body, now=now)


def last_memory(store: Store, agent: str) -> Memory | None:
    row = store.row("inside.last_memory", agent=agent)
    return None if row is None else _memory(row)


def memories(store: Store, agent: str, limit: int) -> list[Memory]:
    """The newest `limit` versions, newest first."""
    return [_memory(row) for row in store.rows("inside.memories", agent=agent, limit=limit)]


def _attachment(row: Row) -> Attachment:
    created_at = instant(row["created_at"])
    assert created_at is not None
    return Attachment(row["task_id"], row["attempt"], row["name"], row["bytes"], row["sha256"], created_at)


def _memory(row: Row) -> Memory:
    created_at = instant(row["created_at"])
    assert created_at is not None
    return Memory(row["id"], row["agent"], row["task_id"], row["attempt"], row["body"], created_at)
