"""Waiting for attempts to end, whoever executes them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from mission_control.domain.attempt import Attempt
from mission_control.errors import NotFound
from mission_control.interfaces.cli.context import Session

LOOK_SECONDS = 0.1
RECOVER_SECONDS = 1.0  # how often we look for executors that died: nobody else may do it


def wait_until_ended(session: Session, attempts: Sequence[Attempt], seconds: float | None) -> list[Attempt]:
    """Those that are still live after so many seconds; null: wait for as long as it takes."""
    clock = session.mission.clock
    begin = recovered_at = clock.monotonic()
    while attempts := [attempt for attempt in attempts if _is_live(session, attempt)]:
        now = clock.monotonic()
        if seconds is not None and now - begin >= seconds:
            return list(attempts)
        if now - recovered_at >= RECOVER_SECONDS:
            session.mission.recover()
            recovered_at = now
        time.sleep(LOOK_SECONDS)
    return []


def as_it_stands(session: Session, attempt: Attempt) -> Attempt | None:
    """None when its task was deleted."""
    try:
        return session.mission.views.attempt(attempt.task_id, attempt.number)
    except NotFound:
        return None


def _is_live(session: Session, attempt: Attempt) -> bool:
    now = as_it_stands(session, attempt)
    return now is not None and now.is_live
