"""The mirror: the old system's files in the mission's own folder, kept current for scripts that read them."""

from __future__ import annotations

from mission_control import log
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.errors import Conflict, StoreBusy
from mission_control.ops.legacy import writing
from mission_control.ops.legacy.files import SUBFOLDER
from mission_control.store import exports
from mission_control.store.store import Store

SECONDS_BETWEEN = 1.0
MOST_ACTIVITIES = 1_000  # as the old system itself kept them
LOG = "mirror.log"


def mirror_if_due(store: Store, config: Config, clock: Clock) -> bool:
    """Write the files anew when something has happened, at most once a second; True when they were written.

    Free when `mirror` is off; one look at the newest line of history when nothing has happened. For heartbeats and
    the resident process. Files that somebody else has changed are left alone, which the log says and doctor.
    """
    if not config.mirror:
        return False
    place = config.home / SUBFOLDER
    if writing.record(place).newest >= exports.newest_activity(store):
        return False
    try:
        age = clock.now().timestamp() - (place / writing.RECORD).stat().st_mtime
    except OSError:
        age = SECONDS_BETWEEN
    if 0 <= age < SECONDS_BETWEEN:
        return False
    try:
        writing.export(store, config.home, most_activities=MOST_ACTIVITIES)
    except StoreBusy:
        return False  # another is just at it
    except (Conflict, OSError) as fault:
        log.append(config.home / "logs" / LOG, "mirror_failed", clock.now(), error=str(fault))
        return False
    return True
