"""Routines: tasks that come again by schedule, and what becomes of slots that nobody noticed in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from mission_control.domain.schedule import fires_after, next_heartbeat
from mission_control.domain.task import Priority

ON_TIME = timedelta(minutes=20)  # a heartbeat by cron comes every 15 minutes, so later than this is missed
MOST_AT_ONCE = 100  # slots decided in one transaction


class CatchUp(StrEnum):
    """What is done about slots that passed while nobody was awake."""

    SKIP = "skip"  # nothing
    ONCE = "once"  # one task for all of them
    ALL = "all"  # a task for each


class Overlap(StrEnum):
    """What is done at a slot whose predecessor's task still waits or runs."""

    SKIP = "skip"  # no task
    QUEUE = "queue"  # one more, in the queue like any other


@dataclass(frozen=True)
class Routine:
    """What is to be done again and again. Null limits: as the mission has them when a task is made."""

    id: int
    title: str
    description: str
    command: str | None
    agents: tuple[str, ...]
    priority: Priority
    max_attempts: int | None
    timeout_seconds: float | None
    review: bool
    schedule: str  # cron expression, read in the mission's time zone
    catch_up: CatchUp
    overlap: Overlap
    paused: bool
    removed: bool  # kept for history; makes nothing
    next_at: datetime | None  # the first slot about which nothing is decided; null: there is none
    planned_at: datetime | None  # when `next_at` was worked out
    fault: str | None  # why the last slot made no task
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        """The id as people see it, e.g. `R-3`."""
        return routine_name(self.id)


def routine_name(routine_id: int) -> str:
    """`R-3` for 3."""
    return f"R-{routine_id}"


@dataclass(frozen=True)
class Decision:
    """What one look at a routine comes to."""

    make: Sequence[datetime]  # slots that get a task, oldest first
    next_at: datetime  # the slot to look at next; may have passed already when there are very many
    missed_from: datetime | None = None  # the first of those that get none because nobody noticed them in time


def decide(routine: Routine, now: datetime, zone: tzinfo) -> Decision:
    """What to do about every slot of the routine up to `now`. Raises InvalidInput when it never fires again."""
    planned = routine.next_at
    assert planned is not None
    if planned > now:
        return Decision((), _nearer(routine.schedule, planned, now, zone))
    if routine.catch_up is CatchUp.ALL:
        return _all_of_them(routine.schedule, planned, now, zone)
    latest = latest_slot(routine.schedule, planned, now, zone)
    next_at = next_heartbeat(routine.schedule, now, zone)
    if routine.catch_up is CatchUp.SKIP and now - latest > ON_TIME:
        return Decision((), next_at, missed_from=planned)
    return Decision((latest,), next_at, missed_from=planned if planned < latest else None)


def _nearer(schedule: str, planned: datetime, now: datetime, zone: tzinfo) -> datetime:
    """The clock was set back: what lies beyond the next two slots was planned in a future that is no more.

    What does not stays as it is, so that a clock that is set back a little brings no slot again.
    """
    first = next_heartbeat(schedule, now, zone)
    return first if planned > next_heartbeat(schedule, first, zone) else planned


def _all_of_them(schedule: str, planned: datetime, now: datetime, zone: tzinfo) -> Decision:
    slots = [planned]
    for slot in fires_after(schedule, planned, zone):
        if slot > now or len(slots) == MOST_AT_ONCE:
            return Decision(slots, slot)
        slots.append(slot)
    raise AssertionError("cronsim answers for ever, or fires_after raises")


def latest_slot(schedule: str, planned: datetime, now: datetime, zone: tzinfo) -> datetime:
    """The last slot up to `now`; `planned` is one. Looks back ever further, so that a year asleep costs little."""
    window = timedelta(minutes=2)
    while now - window > planned:
        slots = fires_after(schedule, now - window, zone)
        latest = None
        while (slot := next(slots)) <= now:
            latest = slot
        if latest is not None:
            return latest
        window *= 2
    latest = planned
    for slot in fires_after(schedule, planned, zone):
        if slot > now:
            break
        latest = slot
    return latest
