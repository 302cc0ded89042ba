"""Who does the work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Agent:
    """A named identity that does work."""

    name: str
    role: str
    runner: str
    model: str | None
    slots: int  # how many attempts it may have live at once
    schedule: str  # cron expression of its heartbeat
    host: str | None  # the machine it lives on; null: any
    review: bool  # its successes go to review
    paused: bool
    removed: bool  # kept for history; takes no work
    next_heartbeat_at: datetime | None
    last_heartbeat_at: datetime | None
    legacy_id: str | None
    created_at: datetime
    updated_at: datetime
