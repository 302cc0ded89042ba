"""The squad's pulse: whether each agent's heartbeats come when they should, and how its work went lately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from mission_control.domain.agent import Agent
from mission_control.domain.attempt import COUNTED, Outcome
from mission_control.domain.schedule import next_heartbeat

LATE, MISSING = 1.5, 3.0  # intervals without a heartbeat


class Pulse(StrEnum):
    """How an agent's heartbeats come."""

    STEADY = "steady"
    LATE = "late"  # more than one and a half intervals ago
    MISSING = "missing"  # more than three
    NEVER = "never"  # none yet, and none is overdue
    PAUSED = "paused"


@dataclass(frozen=True)
class Record:
    """How the attempts of a period ended."""

    succeeded: int
    judged: int  # without released and cancelled ones, which say nothing

    @property
    def success_rate(self) -> float | None:
        return self.succeeded / self.judged if self.judged else None


def pulse(agent: Agent, now: datetime, zone: tzinfo) -> Pulse:
    """Judged by the interval of the agent's own schedule at its last heartbeat, or since it joined."""
    if agent.paused:
        return Pulse.PAUSED
    since = agent.last_heartbeat_at or agent.created_at
    due = next_heartbeat(agent.schedule, since, zone)
    interval = max(next_heartbeat(agent.schedule, due, zone) - due, timedelta(minutes=1))
    silent = (now - since) / interval
    if silent >= MISSING:
        return Pulse.MISSING
    if silent >= LATE:
        return Pulse.LATE
    return Pulse.NEVER if agent.last_heartbeat_at is None else Pulse.STEADY


def record(outcomes: Mapping[Outcome, int]) -> Record:
    """What counts of these outcomes."""
    succeeded = outcomes.get(Outcome.SUCCEEDED, 0)
    return Record(succeeded, succeeded + sum(outcomes.get(outcome, 0) for outcome in COUNTED))
