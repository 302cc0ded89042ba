"""What is done besides, by whoever is awake: the daily backup and the mirror, where the settings want them."""

from __future__ import annotations

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.ops.backup.schedule import back_up_if_due
from mission_control.ops.legacy.mirror import mirror_if_due
from mission_control.store.store import Store


def keep_up(store: Store, config: Config, clock: Clock, *, patient: bool = False) -> None:
    """Do what is due. Faults are logged, none is raised: the work itself must go on.

    `patient`: whoever calls does not come again soon, so the mirror waits up to a second rather than stay behind.
    """
    mirror_if_due(store, config, clock, patient=patient)
    back_up_if_due(config, clock)
