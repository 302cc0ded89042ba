"""A standup from what the board knows now, or from what it kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain import standup as rules
from mission_control.domain.history import Activity
from mission_control.domain.standup import MOST_ITEMS, Heading, Item, Line, Member, Section, Standup
from mission_control.domain.statistics import EndedAttempt
from mission_control.domain.task import Status, Task, task_name
from mission_control.errors import InvalidInput
from mission_control.ops.standup import record
from mission_control.store import history, standups, tasks
from mission_control.store.store import Store
from mission_control.store.tasks import Filter
from mission_control.views import TaskView, Views

MOST_LINES = 20
_STANDING = {Heading.IN_PROGRESS: Status.IN_PROGRESS, Heading.BLOCKED: Status.BLOCKED, Heading.REVIEW: Status.REVIEW}
_LEFT_OUT = {"claim", "heartbeat_missed", "standup"}  # lines that say nothing the lists do not


def standup_of(store: Store, config: Config, clock: Clock, day: date | None = None) -> Standup:
    """The standup of a day: of today as things stand, of a past day as it was kept.

    Where none was kept it is built from the history, without what only that moment knew. Raises InvalidInput for a
    day that has not come.
    """
    today = clock.now().astimezone(config.zone).date()
    day = day or today
    if day > today:
        raise InvalidInput(f"{day} has not come yet; today is {today}.")
    if day == today:
        return gather(store, config, clock, day, until=clock.now())
    kept = standups.recorded(store, day)
    if kept is not None:
        return record.from_json(json.loads(kept))
    return gather(store, config, clock, day, is_past=True)


def gather(
    store: Store, config: Config, clock: Clock, day: date, *, until: datetime | None = None, is_past: bool = False
) -> Standup:
    """What happened in the day up to `until` (null: its end), and how things stand now unless it is long past."""
    since, end = rules.period(day, config.standup_at, config.zone)
    until = until or end
    earlier = rules.period(day - timedelta(days=1), config.standup_at, config.zone)
    with store.snapshot():
        views = Views(store, clock, config)
        moves, ended = list(standups.moves(store, since, until)), list(standups.ended(store, since, until))
        sections = {Heading.COMPLETED: rules.completed(moves, _tasks(store, rules.latest_done(moves)))}
        return Standup(
            day=day,
            since=since,
            until=until,
            made_at=clock.now(),
            timezone=config.timezone,
            figures=rules.figures(moves, ended),
            before=rules.figures(standups.moves(store, *earlier), list(standups.ended(store, *earlier))),
            sections=sections if is_past else sections | _standing(store, views),
            members=() if is_past else _members(store, views, ended),
            lines=() if is_past else _lines(store, since, until),
            counts={} if is_past else tasks.counts(store),
        )


def _tasks(store: Store, ids: Iterable[int]) -> Mapping[int, Task]:
    """Without those that were deleted since."""
    found = (tasks.get(store, task_id) for task_id in ids)
    return {task.id: task for task in found if task is not None}


def _standing(store: Store, views: Views) -> dict[Heading, Section]:
    """What is under way, needs a person, or waits."""
    counts = tasks.counts(store)
    sections = {
        heading: Section(
            tuple(map(_item, views.tasks(Filter(status=status), limit=MOST_ITEMS, with_attempts=True))), counts[status]
        )
        for heading, status in _STANDING.items()
    }
    others = sum(counts[status] for status in _STANDING.values())
    queue = views.tasks(limit=MOST_ITEMS + min(others, MOST_ITEMS))  # in its order, which only the open list has
    waiting = [_waiting(view) for view in queue if view.task.status is Status.INBOX]
    sections[Heading.WAITING] = Section(tuple(waiting[:MOST_ITEMS]), counts[Status.INBOX])
    return sections


def _item(view: TaskView) -> Item:
    task = view.task
    live = next((attempt for attempt in view.attempts if attempt.is_live), None)
    if live is not None:
        number = f"attempt {live.number}" if live.number > 1 else ""
        return Item(task.name, task.title, (live.agent,), live.claimed_at, number)
    return Item(task.name, task.title, task.agents, task.updated_at, task.reason or "")


def _waiting(view: TaskView) -> Item:
    """What waits, and for what; until when is left out, for it will be over when somebody reads it."""
    task = view.task
    ready = "ready" if view.next_claim is not None else ""
    return Item(task.name, task.title, task.agents, task.created_at, "; ".join(h.text for h in view.holds) or ready)


def _members(store: Store, views: Views, ended: Sequence[EndedAttempt]) -> tuple[Member, ...]:
    work = rules.work_of(ended)
    return tuple(
        Member(
            name=view.agent.name,
            status=view.status,
            succeeded=work.get(view.agent.name, (0, 0))[0],
            failed=work.get(view.agent.name, (0, 0))[1],
            live=view.live,
            waiting=tasks.count_waiting(store, view.agent.name),
            last_heartbeat_at=view.agent.last_heartbeat_at,
        )
        for view in views.agents()
    )


def _lines(store: Store, since: datetime, until: datetime) -> tuple[Line, ...]:
    """The last things that happened in the day, oldest first."""
    latest = history.latest(store, agent=None, limit=20 * MOST_LINES)
    told = [line for line in latest if since < line.at <= until and line.kind not in _LEFT_OUT][-MOST_LINES:]
    known = _tasks(store, {line.task_id for line in told if line.task_id is not None})
    return tuple(_line(line, known) for line in told)


def _line(line: Activity, known: Mapping[int, Task]) -> Line:
    if line.task_id is None:
        return Line(line.at, line.kind, line.actor, message=line.message)
    title = known[line.task_id].title if line.task_id in known else ""
    return Line(line.at, line.kind, line.actor, task_name(line.task_id), title, line.message)
