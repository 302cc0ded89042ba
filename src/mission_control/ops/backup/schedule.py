"""The daily backup: whether one is due, and making it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from mission_control import log
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.schedule import latest_time_of_day
from mission_control.errors import MissionControlError
from mission_control.folder import Folder
from mission_control.ops.backup import shelf
from mission_control.ops.backup.making import Backup, make_backup

LOG = "backup.log"
FAILED = "run/backup-failed"  # touched by a fault
PAUSE_AFTER_FAULT = timedelta(minutes=15)


def is_due(now: datetime, last: datetime | None, at: str, zone: tzinfo) -> bool:
    """Whether the backup of `at` (HH:MM) is still to be made; one that was missed is made once, later."""
    return last is None or last < latest_time_of_day(now, at, zone)


def back_up_if_due(config: Config, clock: Clock) -> Backup | None:
    """Make the daily backup when it is due, and let only the newest `backup_keep` stay. Costs nothing when unset.

    For whoever is awake anyway: heartbeats, the resident process. One at a time; who comes second does nothing. A
    fault is logged and told by doctor, and stops nobody.
    """
    if config.backup_at is None or not _is_due_here(config, clock):
        return None
    place = Folder(config.home).backups
    descriptor = _take_turn(place)
    if descriptor is None:
        return None
    try:
        # Somebody may have made it while we came here.
        return _make(config, clock, place) if _is_due_here(config, clock) else None
    finally:
        os.close(descriptor)


def _is_due_here(config: Config, clock: Clock) -> bool:
    now = clock.now()
    made = map(shelf.made_at, shelf.finished(Folder(config.home).backups))
    last = max((at for at in made if at <= now), default=None)  # none that was made before the clock was set back
    assert config.backup_at is not None
    return is_due(now, last, config.backup_at, config.zone) and not _failed_lately(config, now)


def _failed_lately(config: Config, now: datetime) -> bool:
    """What failed is not tried again by each heartbeat."""
    try:
        age = now.timestamp() - (config.home / FAILED).stat().st_mtime
    except OSError:
        return False
    return 0 <= age < PAUSE_AFTER_FAULT.total_seconds()


def _make(config: Config, clock: Clock, place: Path) -> Backup | None:
    path = config.home / "logs" / LOG
    try:
        backup = make_backup(config, clock)
        removed = shelf.keep(place, config.backup_keep, backup.manifest.contents.mission_id)
    except (MissionControlError, OSError) as fault:
        log.append(path, "backup_failed", clock.now(), error=str(fault))
        with contextlib.suppress(OSError):  # it is only to keep the log short
            (config.home / FAILED).touch(0o600)
            os.utime(config.home / FAILED, (clock.now().timestamp(),) * 2)
        return None
    (config.home / FAILED).unlink(missing_ok=True)
    log.append(path, "backup_made", clock.now(), name=backup.path.name, removed=len(removed) or None)
    return backup


def _take_turn(place: Path) -> int | None:
    """A descriptor to close; None while another makes it, or where no backups can be."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None  # doctor says that the folder is missing
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
