"""What the rows of the old system say, in this program's terms. Nothing here looks at the board.

The fields are those seen in public files of that system; all others are kept with the row's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mission_control.domain import limits
from mission_control.domain.task import Priority, Status
from mission_control.errors import InvalidInput
from mission_control.ops.legacy import files
from mission_control.ops.legacy.faults import Faults
from mission_control.ops.legacy.fields import Fields
from mission_control.ops.legacy.files import Folder
from mission_control.ops.legacy.scan import Row
from mission_control.squad import ROLE_CHARACTERS

# A status of the old system -> the one it has here. Nobody works on in_progress any more, and being assigned is no
# status here: both wait in the inbox, with their agents.
STATUSES: Mapping[str, Status] = {
    "inbox": Status.INBOX,
    "assigned": Status.INBOX,
    "in_progress": Status.INBOX,
    "review": Status.REVIEW,
    "blocked": Status.BLOCKED,
    "done": Status.DONE,
    "cancelled": Status.CANCELLED,
}
PRIORITIES: Mapping[str, Priority] = {**{str(known): known for known in Priority}, "medium": Priority.NORMAL}


@dataclass(frozen=True)
class Source:
    """Which row it was. `notes` say what was changed on the way, and grow until the row is written."""

    row: Row
    id: str
    notes: list[str]


@dataclass(frozen=True)
class LegacyAgent:
    """A member of the old squad."""

    source: Source
    name: str
    role: str
    paused: bool


@dataclass(frozen=True)
class LegacyTask:
    """A task of the old system."""

    source: Source
    title: str
    description: str
    status: Status
    priority: Priority
    agents: tuple[str, ...]  # their old ids
    failures: int
    error: str | None
    failed_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class LegacyMessage:
    """What somebody wrote, about a task or in general."""

    source: Source
    task: str | None  # its old id
    author: str | None  # an agent's old id, or whatever stood there
    content: str
    created_at: datetime


@dataclass(frozen=True)
class LegacyNotification:
    """A mention of an agent."""

    source: Source
    agent: str  # its old id
    content: str
    delivered_at: datetime | None
    created_at: datetime


@dataclass(frozen=True)
class LegacyActivity:
    """One line of the old history."""

    source: Source
    kind: str
    agent: str | None  # its old id
    message: str
    at: datetime


@dataclass(frozen=True)
class Records:
    """Everything that the folder says."""

    agents: list[LegacyAgent]
    tasks: list[LegacyTask]
    messages: list[LegacyMessage]
    notifications: list[LegacyNotification]
    activities: list[LegacyActivity]


def read_records(folder: Folder, faults: Faults, *, now: datetime) -> Records:
    """All rows; `now` is for those that say no time. What is wrong with them is added to `faults`."""

    def fields(file: str) -> list[Fields]:
        return [Fields(row, faults) for row in folder.rows.get(file, [])]

    return Records(
        agents=[_agent(row) for row in fields(files.AGENTS)],
        tasks=[_task(row, now) for row in fields(files.TASKS)],
        messages=[_message(row, now) for row in fields(files.MESSAGES)],
        notifications=[_notification(row, now) for row in fields(files.NOTIFICATIONS)],
        activities=[_activity(row, now) for row in fields(files.ACTIVITIES)],
    )


def _source(fields: Fields) -> Source:
    return Source(fields.row, fields.id, fields.notes)


def _agent(fields: Fields) -> LegacyAgent:
    paused = fields.text("status", str, default="") == "paused"  # others say what it did when the file was written
    return LegacyAgent(_source(fields), fields.agent_name(), fields.text("role", _role, default=""), paused)


def _role(text: str) -> str:
    if len(text) > ROLE_CHARACTERS:
        raise InvalidInput(f"it has {len(text):,} characters; {ROLE_CHARACTERS} are allowed")
    return limits.long_text(text, "role")


def _task(fields: Fields, now: datetime) -> LegacyTask:
    match fields.row.fields.get("status"):
        case "in_progress":
            fields.notes.append("in_progress becomes inbox: nobody works on it any more")
        case "assigned":
            fields.notes.append("assigned becomes inbox, with its agents")
        case None:
            fields.notes.append("it has no status; taken as inbox")
    if fields.row.fields.get("priority") == "medium":
        fields.notes.append("priority medium is called normal here")
    fields.instant("started_at")  # must be a time; has no place here but in the row's text
    created_at = _instant(fields, "created_at", now)
    return LegacyTask(
        source=_source(fields),
        title=fields.text("title", limits.title),
        description=fields.long_text("description"),
        status=fields.choice("status", STATUSES, Status.INBOX),
        priority=fields.choice("priority", PRIORITIES, Priority.NORMAL),
        agents=fields.references("assignee_ids"),
        failures=fields.count("retry_count"),
        error=fields.long_text("last_error") or fields.long_text("error") or None,
        failed_at=fields.instant("failed_at"),
        created_at=created_at,
        updated_at=fields.instant("updated_at") or created_at,
    )


def _message(fields: Fields, now: datetime) -> LegacyMessage:
    return LegacyMessage(
        source=_source(fields),
        task=fields.reference("task_id"),
        author=fields.reference("from_agent_id"),
        content=fields.long_text("content"),
        created_at=_instant(fields, "created_at", now),
    )


def _notification(fields: Fields, now: datetime) -> LegacyNotification:
    delivered = fields.truth("delivered")
    delivered_at = fields.instant("delivered_at")
    if delivered_at and not delivered:
        fields.notes.append("it was not delivered, so its delivered_at is left out")
    created_at = delivered_at if "created_at" not in fields.row.fields else None
    created_at = created_at or _instant(fields, "created_at", now)
    return LegacyNotification(
        source=_source(fields),
        agent=fields.required_reference("mentioned_agent_id"),
        content=fields.long_text("content"),
        delivered_at=(delivered_at or created_at) if delivered else None,
        created_at=created_at,
    )


def _activity(fields: Fields, now: datetime) -> LegacyActivity:
    return LegacyActivity(
        source=_source(fields),
        kind=fields.text("type", limits.key, default="message"),
        agent=fields.reference("agent_id"),
        message=fields.long_text("message"),
        at=_instant(fields, "timestamp", now),
    )


def _instant(fields: Fields, name: str, now: datetime) -> datetime:
    """When it was; a row that does not say gets the time of the import, and a note."""
    moment = fields.instant(name)
    if moment is None and fields.row.fields.get(name) is None:
        fields.notes.append(f"it has no {name}; the time of the import stands there")
    return moment or now
