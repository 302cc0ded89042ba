"""Heartbeats by schedule: given when due, caught up once when they were missed, and no clock that jumps confuses them.

Schedules are read on the wall clock, which people and time servers set and which goes on while a machine sleeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.history import Activity
from mission_control.domain.schedule import next_heartbeat
from mission_control.errors import InvalidInput, NotFound
from mission_control.heartbeat import mark
from mission_control.moves import SYSTEM
from mission_control.store import agents, dispatch, history
from mission_control.store.agents import Beat
from mission_control.store.dispatch import DueHeartbeat
from mission_control.store.store import Store

MISSED_AFTER = timedelta(minutes=1)  # a heartbeat that is later than that was missed
CATCH_UP_STEP = timedelta(seconds=0.5)  # between two agents that catch up
CATCH_UP_WITHIN = timedelta(minutes=1)  # all of them have, however many they are
JUMP = timedelta(seconds=10)  # by how much the wall clock must differ from what has passed
LOOK_AGAIN = timedelta(days=1)  # at a schedule that never fires


@dataclass(frozen=True)
class Missed:
    """A heartbeat that nobody gave at its time; it is caught up at `caught_up_at`."""

    agent: str
    planned_at: datetime
    caught_up_at: datetime


@dataclass(frozen=True)
class Page:
    """What one look at the calendar came to."""

    given: Mapping[str, Beat] = field(default_factory=dict)
    missed: Sequence[Missed] = ()
    faults: Mapping[str, str] = field(default_factory=dict)  # agent -> why its schedule cannot be kept
    jump: timedelta | None = None  # by how much the wall clock was set since the last look, or the machine slept


class Calendar:
    """The heartbeats of this machine. Called inside a transaction of whoever gives them."""

    def __init__(self, store: Store, clock: Clock, config: Config) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._seen: tuple[datetime, float] | None = None  # wall and monotonic time of the last look

    def turn_page(self) -> Page:
        """Mark every heartbeat that is due; plan one catch-up for each that was missed."""
        now = self._clock.now()
        is_first = self._seen is None
        jump = self._jump(now)
        if is_first or jump is not None:
            self._draw_near(now)
        given: dict[str, Beat] = {}
        faults: dict[str, str] = {}
        missed: list[Missed] = []
        due = dispatch.due(self._store, self._config.host, now)
        step = min(CATCH_UP_STEP, CATCH_UP_WITHIN / max(len(due), 1))
        for beat in due:
            try:
                if now - beat.planned_at > MISSED_AFTER:
                    missed.append(self._catch_up(beat, now, now + step * (len(missed) + 1)))
                else:
                    given[beat.agent] = mark(self._store, beat.agent, now=now, config=self._config)
            except InvalidInput as fault:
                faults[beat.agent] = str(fault)
                agents.schedule_next(self._store, beat.agent, now + LOOK_AGAIN)
            except NotFound:
                continue  # left the squad
        return Page(given, tuple(missed), faults, jump)

    def _jump(self, now: datetime) -> timedelta | None:
        monotonic = self._clock.monotonic()
        seen, self._seen = self._seen, (now, monotonic)
        if seen is None:
            return None
        jump = (now - seen[0]) - timedelta(seconds=monotonic - seen[1])
        return jump if abs(jump) > JUMP else None

    def _catch_up(self, beat: DueHeartbeat, now: datetime, at: datetime) -> Missed:
        """One heartbeat for all that were missed; a regular one that is near does for it."""
        regular = next_heartbeat(beat.schedule, now, self._config.zone)
        if regular - now <= CATCH_UP_WITHIN:
            at = regular
        agents.schedule_next(self._store, beat.agent, at)
        message = f"planned for {beat.planned_at:%Y-%m-%d %H:%M:%S} UTC, caught up at {at:%Y-%m-%d %H:%M:%S} UTC"
        activity = Activity(at=now, kind="heartbeat_missed", actor=SYSTEM, agent=beat.agent, message=message)
        history.append(self._store, activity)
        return Missed(beat.agent, beat.planned_at, at)

    def _draw_near(self, now: datetime) -> None:
        """Plan anew what lies beyond the next two heartbeats: it was planned before the clock was set back.

        What does not stays as it is, so a clock that is set back by less than a period repeats no heartbeat.
        """
        for agent in agents.listed(self._store):
            try:
                first = next_heartbeat(agent.schedule, now, self._config.zone)
                second = next_heartbeat(agent.schedule, first, self._config.zone)
            except InvalidInput:
                continue  # told when it is due
            if agent.next_heartbeat_at is None or agent.next_heartbeat_at > second:
                agents.schedule_next(self._store, agent.name, first)
