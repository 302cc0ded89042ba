"""One wake-up of one agent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mission_control.domain.attempt import Attempt
from mission_control.domain.task import Task


class Result(StrEnum):
    """What a heartbeat came to."""

    OK = "ok"  # nothing to do
    WORKED = "worked"
    PAUSED = "paused"
    ERROR = "error"


@dataclass(frozen=True)
class Report:
    """What one heartbeat of one agent found and did."""

    agent: str
    result: Result
    mentions: int
    started: Sequence[Attempt]  # with outcomes when the heartbeat waited
    reaped: Sequence[Attempt]  # attempts that were found dead and ended, of whatever agent
    waiting: int  # tasks of the agent that stay in the inbox
    would_start: Sequence[Task]  # a dry run: what would be claimed, in order
    duration_ms: float
    error: str | None = None
