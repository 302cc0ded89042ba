"""When an agent counts as silent."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from mission_control.domain.agent import Agent
from mission_control.domain.schedule import next_heartbeat
from mission_control.errors import InvalidInput

INTERVALS = 3


def silent_since(agent: Agent, now: datetime, zone: tzinfo = UTC) -> datetime | None:
    """The last heartbeat of an agent that has missed three since, or its joining; null while it is not silent.

    By its own schedule: one that sleeps at night is not silent in the morning, and one whose schedule fires no more is
    never.
    """
    since = agent.last_heartbeat_at or agent.created_at
    due = since
    try:
        for _ in range(INTERVALS):
            due = next_heartbeat(agent.schedule, due, zone)
            if due > now:
                return None
    except InvalidInput:
        return None
    return since
