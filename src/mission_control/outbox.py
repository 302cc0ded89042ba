"""What is still to be told: taken by one deliverer at a time, recorded as it went. No transaction is open meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.history import Activity
from mission_control.domain.notice import RETRIES, Notice
from mission_control.moves import SYSTEM
from mission_control.store import history, notices
from mission_control.store.store import Store

# Beyond every time limit of a delivery: whoever took a notice and has not said how it went by then is dead.
HOLD = timedelta(minutes=2)
LONGEST_WAIT = RETRIES.ceiling + HOLD
# Of the other notices of a channel that failed: one that hangs must not be asked for each, while other channels wait.
LONGEST_PAUSE = timedelta(minutes=1)
GIVEN_UP = "notification_given_up"


class Outbox:
    """Notices on their way. A notice is delivered at least once, always with the same message id."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        config: Config,
        *,
        jitter: Callable[[], float] = lambda: int.from_bytes(os.urandom(7)) / 2**56,
    ) -> None:
        self._store = store
        self._clock = clock
        self._give_up_after = timedelta(hours=config.notify_give_up_hours)
        self._jitter = jitter

    def take(self) -> Notice | None:
        """The next notice that is due, now ours alone for two minutes; None when nothing is.

        Nobody ever puts one off for longer than the longest backoff, so one that seems to be was put off before the
        clock was set back.
        """
        if not self.is_any_due():
            return None
        now = self._clock.now()
        with self._store.transaction():
            return notices.take_due(self._store, now=now, latest=now + LONGEST_WAIT, until=now + HOLD)

    def is_any_due(self) -> bool:
        """One look, without a transaction."""
        now = self._clock.now()
        return notices.is_any_due(self._store, now=now, latest=now + LONGEST_WAIT)

    def delivered(self, notice: Notice) -> None:
        """Its receiver has it."""
        with self._store.transaction():
            if notices.drop(self._store, notice):
                notices.note_success(self._store, notice.channel, self._clock.now())

    def failed(self, notice: Notice, error: str, *, is_final: bool = False) -> bool:
        """Try again later, or give it up: once it is too old, or where a repetition is pointless (`is_final`).

        True when it was given up, which the history then tells.
        """
        now = self._clock.now()
        with self._store.transaction():
            give_up = is_final or now - notice.news.at >= self._give_up_after
            kept = notices.drop if give_up else self._put_off
            if not kept(self._store, notice):
                return False  # somebody else has it now
            notices.note_failure(self._store, notice.channel, error, now)
            if give_up:
                self._tell_end(notice, error)
        return give_up

    def _put_off(self, store: Store, notice: Notice) -> bool:
        now = self._clock.now()
        backoff = RETRIES.backoff(notice.tries)
        # At least half of it, so that a receiver that is down is not asked by everybody at once, nor at once again.
        wait = backoff / 2 + backoff / 2 * self._jitter()
        if not notices.put_off(store, notice, now + wait):
            return False
        notices.pause_channel(store, notice.channel, now=now, until=now + min(wait, LONGEST_PAUSE))
        return True

    def _tell_end(self, notice: Notice, error: str) -> None:
        tries = f"{notice.tries} {'try' if notice.tries == 1 else 'tries'}"
        message = f"{notice.news.topic} through {notice.channel.name} after {tries}: {error}"
        activity = Activity(
            at=self._clock.now(), kind=GIVEN_UP, actor=SYSTEM, message=message, task_id=notice.news.task_id
        )
        history.append(self._store, activity)
