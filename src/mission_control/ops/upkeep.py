"""What is done besides, by whoever is awake: notifications, the mirror, retention, the daily backup."""

from __future__ import annotations

from mission_control import log
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.errors import MissionControlError, StoreBusy
from mission_control.folder import Folder
from mission_control.notices import Notices
from mission_control.outbox import Outbox
from mission_control.store.settings import has_channels
from mission_control.store.store import Store

LOG = "upkeep.log"
NOTIFY_SECONDS = 20.0  # for the deliveries of one turn; a heartbeat from cron must come to its end


def keep_up(store: Store, config: Config, clock: Clock, *, patient: bool = False) -> None:
    """Do what is due. Faults are logged, none is raised: the work itself must go on.

    `patient`: whoever calls does not come again soon, so the mirror waits up to a second rather than stay behind.
    """
    # Each imported where it is wanted: most missions want few of these.
    if config.mirror:
        from mission_control.ops.legacy.mirror import mirror_if_due

        mirror_if_due(store, config, clock, patient=patient)
    tell_silences_if_due(store, config, clock)
    deliver_if_due(store, config, clock)
    if config.attempts_retention_days is not None or config.activities_retention_days is not None:
        from mission_control.ops.retention import prune_if_due

        prune_if_due(store, config, clock)
    if config.backup_at is not None:
        from mission_control.ops.backup.schedule import back_up_if_due

        back_up_if_due(config, clock)


def tell_silences_if_due(store: Store, config: Config, clock: Clock) -> None:
    """Note who has had no heartbeat for long. Looks at every agent: once a minute is enough for a resident process."""
    try:
        if has_channels(store):
            Notices(store, clock, config).tell_silences()
    except MissionControlError as fault:
        _log(config, clock, "silence", fault)


def deliver_if_due(store: Store, config: Config, clock: Clock, *, most_seconds: float = NOTIFY_SECONDS) -> None:
    """Deliver what is to be told: one statement where there is nothing. A resident process asks every second."""
    try:
        if not Outbox(store, clock, config).is_any_due():
            return
        from mission_control.ops.notify.delivering import deliver_due

        deliver_due(store, config, clock, most_seconds=most_seconds)
    except (MissionControlError, OSError) as fault:
        _log(config, clock, "deliver", fault)


def _log(config: Config, clock: Clock, duty: str, fault: Exception) -> None:
    """But not that others are writing: they do the same, or it is done the next time."""
    if not isinstance(fault, StoreBusy):
        log.append(Folder(config.home).logs / LOG, "upkeep_failed", clock.now(), duty=duty, error=str(fault))
