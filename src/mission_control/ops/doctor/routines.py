"""Checks of the routines: that each can make its tasks, and that somebody is awake to let it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from mission_control.domain.routine import Routine
from mission_control.ops.doctor.finding import Finding, ok, warning
from mission_control.store import routines
from mission_control.store.store import Store

OVERDUE = timedelta(hours=1)  # heartbeats by cron come more often


def examine_routines(store: Store, now: datetime) -> Iterator[Finding]:
    """A warning for each that failed or was overlooked; one line where all is well; none where there is none."""
    found = routines.listed(store)
    findings = [finding for routine in found for finding in _examine(routine, now)]
    yield from findings
    if found and not findings:
        yield ok("routines", f"{len(found)}, each with somebody to do its tasks")


def _examine(routine: Routine, now: datetime) -> Iterator[Finding]:
    if routine.fault is not None:
        fact = f"{routine.name} made no task at its last slot: {routine.fault}"
        yield warning("routines", fact, f"missionctl routine edit {routine.name}")
    if routine.next_at is not None and now - routine.next_at > OVERDUE:
        fact = f"{routine.name} should have made a task at {routine.next_at:%Y-%m-%d %H:%M} UTC, but nobody was awake"
        yield warning("routines", fact, "missionctl up, or missionctl cron install")
