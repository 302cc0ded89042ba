"""A clock that tests move by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 2, 6, 10, 0, tzinfo=UTC)


class FakeClock:
    """Wall time and monotonic time that stand still until a test moves them."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._monotonic = 1_000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, by: timedelta) -> None:
        """Let time pass, on both clocks."""
        self._now += by
        self._monotonic += by.total_seconds()

    def set_wall(self, now: datetime) -> None:
        """Set the wall clock, as a person or a time server does; the monotonic one goes on."""
        self._now = now
