"""Faults that a resident process outlives: told once, waited out ever longer, told again when they are over."""

from __future__ import annotations

from mission_control import log
from mission_control.clock import Clock
from mission_control.errors import Unavailable, describe
from mission_control.folder import Folder

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0


class LauncherLost(Unavailable):
    """The launcher process is gone; another must be started."""


class Trouble:
    """What goes wrong with one thing that is tried again and again."""

    def __init__(self, what: str, folder: Folder, clock: Clock) -> None:
        """`what` is tried: a word for the log."""
        self._what = what
        self._path = folder.dispatcher_log
        self._clock = clock
        self._told = ""
        self._since = 0.0
        self._pause = 0.0

    def note(self, fault: Exception) -> float:
        """Log it unless it was the last thing logged; how many seconds to wait before trying again."""
        if not self._pause:
            self._since = self._clock.monotonic()
        text = describe(fault)
        if text != self._told:
            event = "launcher_lost" if isinstance(fault, LauncherLost) else "dispatcher_failed"
            log.append(self._path, event, self._clock.now(), doing=self._what, error=text)
            self._told = text
        self._pause = min(max(self._pause * 2, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        return self._pause

    def over(self) -> None:
        """It worked."""
        if self._pause:
            seconds = self._clock.monotonic() - self._since
            log.append(self._path, "dispatcher_goes_on", self._clock.now(), doing=self._what, after_seconds=seconds)
            self._told, self._pause = "", 0.0
