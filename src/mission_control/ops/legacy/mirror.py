"""The mirror: the old system's files in the mission's own folder, kept current for scripts that read them."""

from __future__ import annotations

import time
from pathlib import Path

from mission_control import log
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.errors import MissionControlError, StoreBusy
from mission_control.ops.legacy import writing
from mission_control.ops.legacy.files import SUBFOLDER
from mission_control.store import exports
from mission_control.store.store import Store

SECONDS_BETWEEN = 1.0
MOST_ACTIVITIES = 1_000  # as the old system itself kept them
LOG = "mirror.log"


def mirror_if_due(store: Store, config: Config, clock: Clock, *, patient: bool = False) -> bool:
    """Write the files anew when something has happened, at most once a second; True when they were written.

    Free when `mirror` is off; one look at the newest line of history when nothing has happened. Who does not come
    again soon is `patient` and waits for the second to pass. Files that somebody else has changed are left alone,
    which the log says and doctor. Raises nothing.
    """
    if not config.mirror:
        return False
    try:
        return _mirror(store, config, clock, patient=patient)
    except StoreBusy:
        return False  # another is just at it, or will be
    except (MissionControlError, OSError) as fault:
        log.append(config.home / "logs" / LOG, "mirror_failed", clock.now(), error=str(fault))
        return False


def _mirror(store: Store, config: Config, clock: Clock, *, patient: bool) -> bool:
    place = config.home / SUBFOLDER
    if not _is_behind(store, place):
        return False
    left = SECONDS_BETWEEN - _age(place, clock)
    if left > 0:
        if not patient:
            return False
        time.sleep(min(left, SECONDS_BETWEEN))
        if not _is_behind(store, place):
            return False
    writing.export(store, config.home, most_activities=MOST_ACTIVITIES)
    return True


def _is_behind(store: Store, place: Path) -> bool:
    return writing.record(place).newest < exports.newest_activity(store)


def _age(place: Path, clock: Clock) -> float:
    """Seconds since it was written; a second where it never was, or in the future of a clock that was set back."""
    try:
        age = clock.now().timestamp() - (place / writing.RECORD).stat().st_mtime
    except OSError:
        return SECONDS_BETWEEN
    return age if age >= 0 else SECONDS_BETWEEN
