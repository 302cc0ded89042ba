"""Waiting for attempts to end, whoever executes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mission_control.domain.attempt import Attempt
from mission_control.errors import NotFound
from mission_control.interfaces.cli.context import Session

LOOK_SECONDS = 0.1
RECOVER_SECONDS = 1.0  # how often we look for executors that died: nobody else may do it


def wait_until_ended(
    session: Session,
    attempts: Sequence[Attempt],
    seconds: float | None,
    tell: Callable[[Attempt], bool] = lambda _: True,
) -> list[Attempt]:
    """Those that are still live after so many seconds; null: wait for as long as it takes.

    Each is told something once it can be: an attempt that was just claimed has no executor yet, and `tell` is false.
    """
    clock = session.mission.clock
    begin = recovered_at = clock.monotonic()
    told: set[str] = set()
    while attempts := _still_live(session, attempts):
        told |= {attempt.name for attempt in attempts if attempt.name not in told and tell(attempt)}
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


def _still_live(session: Session, attempts: Sequence[Attempt]) -> list[Attempt]:
    return [now for attempt in attempts if (now := as_it_stands(session, attempt)) and now.is_live]
