"""What is done besides the work, by whoever is awake: a list of duties, each with its own time.

A heartbeat does once what is due and leaves; the resident process keeps at it in a thread. Several may be at it at
once, so a duty is harmless when it is done twice. To add one: a function here, and a line in DUTIES.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mission_control import log
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.schedule import next_time_of_day
from mission_control.errors import StoreBusy, describe
from mission_control.folder import Folder
from mission_control.notices import Notices
from mission_control.outbox import Outbox
from mission_control.rotation import rotate_logs
from mission_control.store.settings import has_channels
from mission_control.store.store import Store

LOG = "upkeep.log"
NOTIFY_SECONDS = 1.0  # how soon the resident process looks for news to be told
DELIVERY_SECONDS = 20.0  # for the deliveries of one turn; a heartbeat from cron must come to its end
LONGEST_SECONDS = 60.0  # a duty is asked at least that often: the wall clock may have been set
SHORTEST_SECONDS = 0.1  # and no more often than that
FIRST_PAUSE_SECONDS = 1.0  # after a fault; doubles
LONGEST_PAUSE_SECONDS = 300.0


@dataclass(frozen=True)
class Means:
    """What a duty works with."""

    store: Store
    config: Config
    clock: Clock
    patient: bool  # whoever asks does not come again soon, so a moment may be waited


@dataclass(frozen=True)
class Duty:
    """One thing to be kept up."""

    name: str
    is_wanted: Callable[[Config], bool]  # costs nothing
    do: Callable[[Means], datetime]  # what is due now; answers when it is due next


# What a duty needs besides is imported when it is done: most missions want few of them.


def _rotate(means: Means) -> datetime:
    config = means.config
    rotate_logs(Folder(config.home).logs, max_bytes=config.log_max_bytes, keep=config.log_keep)
    return _in_seconds(means, LONGEST_SECONDS)


def _mirror(means: Means) -> datetime:
    from mission_control.ops.legacy.mirror import SECONDS_BETWEEN, mirror_if_due

    mirror_if_due(means.store, means.config, means.clock, patient=means.patient)
    return _in_seconds(means, SECONDS_BETWEEN)


def _tell_silences(means: Means) -> datetime:
    """Looks at every agent."""
    if has_channels(means.store):
        Notices(means.store, means.clock, means.config).tell_silences()
    return _in_seconds(means, LONGEST_SECONDS)


def _deliver(means: Means) -> datetime:
    if Outbox(means.store, means.clock, means.config).is_any_due():
        from mission_control.ops.notify.delivering import deliver_due

        deliver_due(means.store, means.config, means.clock, most_seconds=DELIVERY_SECONDS)
    return _in_seconds(means, NOTIFY_SECONDS)


def _prune(means: Means) -> datetime:
    from mission_control.ops.retention import prune_if_due

    prune_if_due(means.store, means.config, means.clock)
    return _in_seconds(means, LONGEST_SECONDS)


def _stand_up(means: Means) -> datetime:
    from mission_control.ops.standup.schedule import make_if_due

    at = means.config.standup_at
    assert at is not None
    make_if_due(means.store, means.config, means.clock)
    return next_time_of_day(means.clock.now(), at, means.config.zone)


def _back_up(means: Means) -> datetime:
    from mission_control.ops.backup.schedule import back_up_if_due

    at = means.config.backup_at
    assert at is not None
    back_up_if_due(means.config, means.clock)
    return next_time_of_day(means.clock.now(), at, means.config.zone)


def _in_seconds(means: Means, seconds: float) -> datetime:
    return means.clock.now() + timedelta(seconds=seconds)


def _wants_retention(config: Config) -> bool:
    return config.attempts_retention_days is not None or config.activities_retention_days is not None


# In this order. What may take long stands last. Channels may be added at any time, so their duties are always on.
DUTIES = (
    Duty("logs", lambda _: True, _rotate),
    Duty("mirror", lambda config: config.mirror, _mirror),
    Duty("standup", lambda config: config.standup_at is not None, _stand_up),
    Duty("silence", lambda _: True, _tell_silences),
    Duty("deliver", lambda _: True, _deliver),
    Duty("retention", _wants_retention, _prune),
    Duty("backup", lambda config: config.backup_at is not None, _back_up),
)


@dataclass
class _State:
    """How it stands with one duty."""

    due_at: float = 0.0  # on the monotonic clock, which nobody sets
    pause: float = 0.0  # seconds, while it fails
    told: str = ""


class Upkeep:
    """The duties that the settings want. One that fails is tried again ever later, and keeps no other from its turn."""

    def __init__(self, config: Config, clock: Clock, duties: Sequence[Duty] = DUTIES) -> None:
        self._config = config
        self._clock = clock
        self._duties = [duty for duty in duties if duty.is_wanted(config)]
        self._states = {duty.name: _State() for duty in self._duties}

    @property
    def is_in_trouble(self) -> bool:
        """Whether the last try of any duty failed."""
        return any(state.pause for state in self._states.values())

    def keep(self, store: Store, *, patient: bool = False) -> float:
        """Do everything that is due; in how many seconds something is again. Faults are logged, not raised."""
        means = Means(store, self._config, self._clock, patient)
        for duty in self._duties:
            state = self._states[duty.name]
            if state.due_at <= self._clock.monotonic():
                state.due_at = self._try(duty, state, means) + self._clock.monotonic()
        due_at = (state.due_at - self._clock.monotonic() for state in self._states.values())
        return max(min(due_at, default=LONGEST_SECONDS), 0.0)

    def _try(self, duty: Duty, state: _State, means: Means) -> float:
        """In how many seconds to try it next."""
        try:
            next_at = duty.do(means)
        except Exception as fault:  # noqa: BLE001  whatever it is, the other duties must be done, and the work go on
            state.pause = min(max(state.pause * 2, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            self._tell(duty, state, fault)
            return state.pause
        if state.told:
            self._log("upkeep_goes_on", duty=duty.name)
        state.pause, state.told = 0.0, ""
        return min(max((next_at - self._clock.now()).total_seconds(), SHORTEST_SECONDS), LONGEST_SECONDS)

    def _tell(self, duty: Duty, state: _State, fault: Exception) -> None:
        """Once, until it goes on or something else is wrong. That others are writing is no fault."""
        words = describe(fault)
        if not isinstance(fault, StoreBusy) and words != state.told:
            self._log("upkeep_failed", duty=duty.name, error=words)
            state.told = words

    def _log(self, event: str, **fields: object) -> None:
        log.append(self._config.home / "logs" / LOG, event, self._clock.now(), **fields)
