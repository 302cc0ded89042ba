"""Open missions for the threads that answer requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mission_control.errors import Unavailable
from mission_control.interfaces.mission import Mission

MOST = 8  # answered at once; more wait
WAIT_SECONDS = 15.0


class OpenMissions:
    """Each has a database connection of its own and is used by one thread at a time; the last used comes first."""

    def __init__(self, open_one: Callable[[], Mission], *, most: int = MOST) -> None:
        self.open_one = open_one  # for who closes it again
        self._free = threading.Semaphore(most)
        self._lock = threading.Lock()
        self._idle: list[Mission] = []

    @contextmanager
    def one(self) -> Iterator[Mission]:
        """An open mission for this thread alone. Raises Unavailable where none can be had."""
        if not self._free.acquire(timeout=WAIT_SECONDS):
            raise Unavailable("Too much is asked at once. Try again in a moment.")
        try:
            mission = self._idle_one() or self.open_one()
            try:
                yield mission
            except Unavailable:  # whatever became of the connection, the next opens its own
                mission.close()
                raise
            except BaseException:
                self._give_back(mission)
                raise
            else:
                self._give_back(mission)
        finally:
            self._free.release()

    def close(self) -> None:
        """Close those that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for mission in idle:
            mission.close()

    def _idle_one(self) -> Mission | None:
        """One that is open, unless its database was moved or replaced meanwhile."""
        with self._lock:
            mission = self._idle.pop() if self._idle else None
        if mission is not None:
            try:
                mission.store.check_place()
            except Unavailable:
                mission.close()
                return None
        return mission

    def _give_back(self, mission: Mission) -> None:
        with self._lock:
            self._idle.append(mission)
