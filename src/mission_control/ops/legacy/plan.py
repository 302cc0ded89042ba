"""What each row is to become on this board, found out before anything is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from mission_control.config import Config
from mission_control.domain import limits
from mission_control.domain.agent import Agent
from mission_control.domain.draft import Defaults, NewTask, check
from mission_control.domain.task import Status, Task, rank, task_name
from mission_control.errors import InvalidInput
from mission_control.execution import runners
from mission_control.ops.legacy.faults import Fault, Faults, shown
from mission_control.ops.legacy.records import (
    LegacyActivity,
    LegacyAgent,
    LegacyMessage,
    LegacyNotification,
    LegacyTask,
    Records,
    Source,
)
from mission_control.ops.legacy.report import Becomes, Fate, RowReport
from mission_control.squad import NewAgent
from mission_control.store import agents, legacy, tasks
from mission_control.store.store import Store


class _Record(Protocol):
    @property
    def source(self) -> Source: ...


LACKS_COMMAND = "It has no command, which the runner of "
MESSAGE_KEY = "messages.json/"
AnyRecord = TypeVar("AnyRecord", bound=_Record)


@dataclass(frozen=True)
class PlannedTask:
    """A new task, still without its id, and so without a reason that names it."""

    source: Source
    task: Task
    error: str | None  # how it failed last
    failed_at: datetime | None
    lacks_command: str | None  # the agent whose runner needs one

    def reason(self, task_id: int) -> str | None:
        """Why it is blocked, or how it failed last."""
        if self.lacks_command:
            name = task_name(task_id)
            last = f" Its last error: {self.error}" if self.error else ""
            return (
                f"{LACKS_COMMAND}{self.lacks_command} needs. Give it one with: "
                f"missionctl task edit {name} --command CMD, then: missionctl task retry {name}{last and '.' + last}"
            )
        if self.task.status is Status.BLOCKED:
            return self.error or "the old system gave no reason"
        return self.error if self.task.status is Status.INBOX else None


@dataclass
class Plan:
    """Who is who, which rows are new, and what is said of those that are not."""

    members: dict[str, Agent | NewAgent] = field(default_factory=dict)  # by their old ids
    known: list[RowReport] = field(default_factory=list)
    agents: list[LegacyAgent] = field(default_factory=list)
    tasks: list[PlannedTask] = field(default_factory=list)
    messages: list[LegacyMessage] = field(default_factory=list)
    notifications: list[LegacyNotification] = field(default_factory=list)
    activities: list[LegacyActivity] = field(default_factory=list)


def message_key(legacy_id: str) -> str:
    """Under which id a message about no task stands among the activities."""
    return f"{MESSAGE_KEY}{legacy_id}"


def make_plan(records: Records, store: Store, config: Config, faults: Faults, *, now: datetime) -> Plan:
    """Compare all rows with one another and with the board; what cannot be is added to `faults`."""
    planner = _Planner(store, config, faults, now)
    planner.plan_agents(records.agents)
    planner.plan_tasks(records.tasks)
    planner.plan_messages(records.messages)
    planner.plan_notifications(records.notifications)
    planner.plan_activities(records.activities)
    return planner.plan


class _Planner:
    """The plan as it grows: agents first, since all others name them."""

    def __init__(self, store: Store, config: Config, faults: Faults, now: datetime) -> None:
        self.plan = Plan()
        self._store = store
        self._config = config
        self._faults = faults
        self._now = now
        self._task_ids: set[str] = set()  # of the folder

    def plan_agents(self, records: Sequence[LegacyAgent]) -> None:
        rows_by_name: dict[str, int] = {}
        for record in self._unique(records):
            source = record.source
            here = agents.by_legacy_id(self._store, source.id)
            kept = legacy.agent(self._store, source.id)
            if here and not self._is_new(source, kept, Becomes.AGENT, name=here.name):
                self.plan.members[source.id] = here
                continue
            if record.name in rows_by_name:
                self._blame(
                    source, f"would be called {record.name} here, as the agent of row {rows_by_name[record.name]}"
                )
            rows_by_name[record.name] = source.row.number
            self.plan.members[source.id] = self._namesake(record) or NewAgent(name=record.name, role=record.role)
            self.plan.agents.append(record)

    def _namesake(self, record: LegacyAgent) -> Agent | None:
        """The agent of this name that is here already and stands for no other row."""
        here = agents.get(self._store, record.name)
        if here is None:
            return None
        if here.removed:
            back = f"missionctl agent add {here.name}"
            self._blame(record.source, f"an agent {here.name} was removed here. Let it come back first: {back}")
        elif here.legacy_id is not None:
            self._blame(record.source, f"the agent {here.name} here stands for the old id {shown(here.legacy_id)}")
        record.source.notes.append(f"there is an agent {here.name} already; it keeps its settings")
        return here

    def plan_tasks(self, records: Sequence[LegacyTask]) -> None:
        self._task_ids = {record.source.id for record in records}
        for record in self._unique(records):
            here = tasks.by_legacy_id(self._store, record.source.id)
            kept = legacy.task(self._store, record.source.id)
            name, status = (here.name, here.status) if here else (None, None)
            if self._is_new(record.source, kept, Becomes.TASK, name=name, status=status):
                self._plan_task(record)

    def _plan_task(self, record: LegacyTask) -> None:
        members = [member for old_id in record.agents if (member := self._member(record.source, old_id))]
        settings = self._config.runners
        lacking = next((member.name for member in members if runners.refuses(member.runner, None, settings)), None)
        waits = record.status is Status.INBOX
        status = Status.BLOCKED if waits and lacking else record.status
        if waits and lacking:
            record.source.notes.append(f"blocked until it has a command, which the runner of {lacking} needs")
        new = NewTask(
            title=record.title,
            agents=[member.name for member in members],
            description=record.description,
            priority=record.priority,
            review=any(member.review for member in members),
        )
        try:
            task = check(
                new, Defaults(self._config.max_attempts, timedelta(seconds=self._config.timeout_seconds)), self._now
            )
        except InvalidInput as fault:
            if record.title:  # else it has been blamed already
                self._blame(record.source, str(fault))
            return
        planned = replace(
            task,
            status=status,
            failures=self._failures(record, status),
            rank=rank(task.priority, min(record.created_at, self._now), self._config.ageing),
            legacy_id=record.source.id,
            created_at=record.created_at,
            updated_at=record.updated_at,
        )
        error = limits.program_text(record.error)
        lacks = lacking if waits else None
        self.plan.tasks.append(PlannedTask(record.source, planned, error, record.failed_at, lacks))

    def _failures(self, record: LegacyTask, status: Status) -> int:
        """Its retries, but never so many that a waiting task has none left: it would be blocked, not waiting."""
        most = self._config.max_attempts - (1 if status is Status.INBOX else 0)
        if record.failures > most:
            record.source.notes.append(f"its retries count as {most}: no more are possible here")
        return min(record.failures, most)

    def plan_messages(self, records: Sequence[LegacyMessage]) -> None:
        for record in self._unique(records):
            source = record.source
            comment = legacy.comment(self._store, source.id)
            kept = comment or legacy.activity(self._store, message_key(source.id))
            becomes = Becomes.COMMENT if comment or (record.task and not kept) else Becomes.ACTIVITY
            if not self._is_new(source, kept, becomes):
                continue
            if record.task and record.task not in self._task_ids and not tasks.by_legacy_id(self._store, record.task):
                self._blame(source, f"task {shown(record.task)} is neither in tasks.json nor on the board")
            self.plan.messages.append(record)

    def plan_notifications(self, records: Sequence[LegacyNotification]) -> None:
        for record in self._unique(records):
            kept = legacy.notification(self._store, record.source.id)
            if self._is_new(record.source, kept, Becomes.NOTIFICATION):
                self._member(record.source, record.agent)
                self.plan.notifications.append(record)

    def plan_activities(self, records: Sequence[LegacyActivity]) -> None:
        for record in self._unique(records):
            if self._is_new(record.source, legacy.activity(self._store, record.source.id), Becomes.ACTIVITY):
                self.plan.activities.append(record)

    def _unique(self, records: Sequence[AnyRecord]) -> Iterator[AnyRecord]:
        """Each id once; the others are faults."""
        rows: dict[str, int] = {}
        for record in records:
            source = record.source
            if source.id and source.id in rows:
                self._blame(source, f"its id stands in row {rows[source.id]} already")
                continue
            rows[source.id] = source.row.number
            yield record

    def _is_new(
        self,
        source: Source,
        kept: str | None,
        becomes: Becomes,
        *,
        name: str | None = None,
        status: Status | None = None,
    ) -> bool:
        """Whether the row never came before; if it did, the report says so. `kept` is its text of that time."""
        if kept is None:
            return True
        fate = Fate.ALREADY_THERE if _is_same(kept, source.row.text) else Fate.DIFFERS
        note = (
            ()
            if fate is Fate.ALREADY_THERE
            else ("it has changed since it was imported; what is here was left as it is",)
        )
        self.plan.known.append(
            RowReport(source.row.file, source.row.number, source.id, fate, becomes, name, status, note)
        )
        return False

    def _member(self, source: Source, old_id: str) -> Agent | NewAgent | None:
        """The agent with this old id, in the folder or here; without one a fault is noted."""
        if not old_id:
            return None  # a fault already
        member = self.plan.members.get(old_id) or agents.by_legacy_id(self._store, old_id)
        if member is None:
            self._blame(source, f"agent {shown(old_id)} is neither in agents.json nor on the board")
        elif isinstance(member, Agent) and member.removed:
            self._blame(source, f"agent {member.name} was removed here. Let it come back first: missionctl agent add")
        else:
            self.plan.members[old_id] = member
        return member

    def _blame(self, source: Source, reason: str) -> None:
        self._faults.add(Fault(reason, source.row.file, source.row.number, source.id))


def _is_same(text: str, other: str) -> bool:
    """Whether two JSON texts say the same; the order of keys says nothing."""
    return text == other or _canonical(text) == _canonical(other)


def _canonical(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True)
