"""Taking the old system's folder over: read all, check all, then write all in one transaction, or nothing.

Coming again changes nothing: a row is known by its old id. See examples/legacy/README.md for what becomes of what.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.attempt import Outcome
from mission_control.domain.history import Activity, CommentKind
from mission_control.domain.task import Status, Task, task_name
from mission_control.moves import SYSTEM
from mission_control.ops.legacy import files
from mission_control.ops.legacy.faults import Faults
from mission_control.ops.legacy.plan import Plan, PlannedTask, make_plan, message_key
from mission_control.ops.legacy.records import LegacyAgent, LegacyMessage, Source, read_records
from mission_control.ops.legacy.report import Becomes, Fate, Report, RowReport
from mission_control.squad import NewAgent, Squad
from mission_control.store import agents, history, legacy, tasks
from mission_control.store.store import Store

IMPORTED = "imported"  # the kind of the activity that a task's life here begins with
MESSAGE = "message"  # of an activity that was a message about no task
NOBODY = "unknown"  # who wrote a message that does not say


def import_folder(
    path: Path, *, store: Store, squad: Squad, config: Config, clock: Clock, actor: str, dry_run: bool = False
) -> Report:
    """Take over what is in `path` (or `path/database`) and say what became of every row.

    Raises ImportRefused with all faults, first those of the files, then those of the rows; nothing was changed then.
    A dry run changes nothing either way.
    """
    folder = files.read_folder(path)
    now = clock.now()
    faults = Faults()
    records = read_records(folder, faults, now=now)
    with store.snapshot() if dry_run else store.transaction():
        if not dry_run:
            store.hold("import")
        plan = make_plan(records, store, config, faults, now=now)
        faults.refuse()
        folder.check_unchanged()
        written = _foretell(plan) if dry_run else _Writer(store, squad, plan, actor, now).write()
        rows = sorted([*plan.known, *written], key=lambda row: (files.FILES.index(row.file), row.row))
    missing = tuple(name for name in files.FILES if name not in folder.rows)
    return Report(folder.path, dry_run, rows, missing, folder.ignored)


def _foretell(plan: Plan) -> Iterator[RowReport]:
    """What the writer would say, but for ids that do not exist yet."""
    for agent in plan.agents:
        yield _new(agent.source, Becomes.AGENT, plan.members[agent.source.id].name)
    for planned in plan.tasks:
        yield _new_task(planned, planned.task.status)
    for message in plan.messages:
        yield _new(message.source, Becomes.COMMENT if message.task else Becomes.ACTIVITY)
    for notification in plan.notifications:
        yield _new(notification.source, Becomes.NOTIFICATION, plan.members[notification.agent].name)
    for activity in plan.activities:
        yield _new(activity.source, Becomes.ACTIVITY)


def _new(source: Source, becomes: Becomes, name: str | None = None) -> RowReport:
    fate = Fate.CHANGED if source.notes else Fate.IMPORTED
    return RowReport(source.row.file, source.row.number, source.id, fate, becomes, name, notes=tuple(source.notes))


def _new_task(planned: PlannedTask, status: Status, name: str | None = None) -> RowReport:
    row = _new(planned.source, Becomes.TASK, name)
    return replace(row, status=status, lacks_command=planned.lacks_command is not None)


class _Writer:
    """Writes a plan, inside a transaction of the caller."""

    def __init__(self, store: Store, squad: Squad, plan: Plan, actor: str, now: datetime) -> None:
        self._store = store
        self._squad = squad
        self._plan = plan
        self._actor = actor
        self._now = now
        self._task_ids: dict[str, int] = {}  # by their old ids

    def write(self) -> list[RowReport]:
        """Agents first, then tasks, then what speaks of them."""
        return [
            *map(self._write_agent, self._plan.agents),
            *map(self._write_task, self._plan.tasks),
            *map(self._write_message, self._plan.messages),
            *self._write_notifications(),
            *self._write_activities(),
        ]

    def _write_agent(self, record: LegacyAgent) -> RowReport:
        member = self._plan.members[record.source.id]
        if isinstance(member, NewAgent):
            self._squad.add(member, actor=self._actor)
            if record.paused:
                self._squad.pause(member.name, actor=self._actor)
        legacy.adopt_agent(self._store, member.name, legacy_id=record.source.id, text=record.source.row.text)
        return _new(record.source, Becomes.AGENT, member.name)

    def _write_task(self, planned: PlannedTask) -> RowReport:
        task_id = self._store.number("task")
        self._task_ids[planned.source.id] = task_id
        task = replace(planned.task, id=task_id, reason=planned.reason(task_id))
        tasks.insert(self._store, task, legacy=planned.source.row.text)
        if planned.error or planned.failed_at:
            self._note_failure(planned, task)
        line = Activity(
            at=self._now,
            kind=IMPORTED,
            actor=self._actor,
            message="; ".join(planned.source.notes),
            task_id=task_id,
            to_status=task.status,
        )
        history.append(self._store, line)
        return _new_task(planned, task.status, task.name)

    def _note_failure(self, planned: PlannedTask, task: Task) -> None:
        """Its last failure, as a line of its own: an attempt would claim to know who tried it, where and how long."""
        line = Activity(
            at=planned.failed_at or task.updated_at,
            kind=Outcome.FAILED,
            actor=SYSTEM,
            message=planned.error or "",
            task_id=task.id,
        )
        history.append(self._store, line)

    def _write_message(self, record: LegacyMessage) -> RowReport:
        source, author = record.source, self._name(record.author) or NOBODY
        if record.task is None:
            line = Activity(at=record.created_at, kind=MESSAGE, actor=author, message=record.content)
            history.append(self._store, line, legacy_id=message_key(source.id), legacy=source.row.text)
            return _new(source, Becomes.ACTIVITY)
        task_id = self._task_id(record.task)
        history.add_comment(
            self._store,
            task_id,
            author=author,
            body=record.content,
            kind=CommentKind.COMMENT,
            created_at=record.created_at,
            legacy_id=source.id,
            legacy=source.row.text,
        )
        return _new(source, Becomes.COMMENT, task_name(task_id))

    def _task_id(self, legacy_id: str) -> int:
        """Of a task that is being written or was here before; the plan has made sure of it."""
        if legacy_id not in self._task_ids:
            task = tasks.by_legacy_id(self._store, legacy_id)
            assert task is not None
            self._task_ids[legacy_id] = task.id
        return self._task_ids[legacy_id]

    def _write_notifications(self) -> Iterator[RowReport]:
        for record in self._plan.notifications:
            name = self._plan.members[record.agent].name
            history.add_notification(
                self._store,
                agent=name,
                content=record.content,
                delivered_at=record.delivered_at,
                created_at=record.created_at,
                legacy_id=record.source.id,
                legacy=record.source.row.text,
            )
            yield _new(record.source, Becomes.NOTIFICATION, name)

    def _write_activities(self) -> Iterator[RowReport]:
        for record in self._plan.activities:
            agent = self._name(record.agent)
            line = Activity(at=record.at, kind=record.kind, actor=agent or NOBODY, agent=agent, message=record.message)
            history.append(self._store, line, legacy_id=record.source.id, legacy=record.source.row.text)
            yield _new(record.source, Becomes.ACTIVITY)

    def _name(self, old_id: str | None) -> str | None:
        """What the agent is called here; somebody who is no agent any more, or never was, keeps the old id."""
        if old_id is None:
            return None
        member = self._plan.members.get(old_id) or agents.by_legacy_id(self._store, old_id)
        return member.name if member else old_id
