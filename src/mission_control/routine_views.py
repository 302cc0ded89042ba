"""What may be seen of routines: read-only answers shared by every interface."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.routine import Routine, routine_name
from mission_control.errors import InvalidInput, NotFound
from mission_control.store import routines
from mission_control.store.routines import Made
from mission_control.store.store import Store

_ID = re.compile(r"(?:[Rr]-)?([0-9]{1,18})\Z")


@dataclass(frozen=True)
class RoutineView:
    """A routine with its newest tasks, newest first; lists have the newest alone."""

    routine: Routine
    made: tuple[Made, ...]
    next_slots: tuple[datetime, ...] = ()  # for one that is looked at alone

    @property
    def status(self) -> str:
        """`paused`, `failing` (the last slot made no task) or `active`."""
        if self.routine.paused:
            return "paused"
        return "failing" if self.routine.fault else "active"


class RoutineViews:
    """Read-only answers about routines. Raises NotFound and InvalidInput."""

    def __init__(self, store: Store, clock: Clock, config: Config) -> None:
        self._store = store
        self._clock = clock
        self._config = config

    def resolve(self, text: str) -> int:
        """The id of the routine meant by `R-3`, `r-3` or `3`."""
        found = _ID.match(text)
        if not found:
            raise InvalidInput(f"{text[:60]!a} is no routine id. Write e.g. R-3. See: missionctl routine list")
        return self._known(int(found[1])).id

    def routines(self) -> list[RoutineView]:
        """All of them, oldest first."""
        with self._store.snapshot():
            return [self._view(routine, most=1) for routine in routines.listed(self._store)]

    def routine(self, routine_id: int, *, most: int = 10, slots: int = 5) -> RoutineView:
        """One of them, with so many of its tasks and of its next slots."""
        with self._store.snapshot():
            return self._view(self._known(routine_id), most=most, slots=slots)

    def next_one(self) -> Routine | None:
        """The one whose slot comes first."""
        return routines.next_one(self._store)

    def _known(self, routine_id: int) -> Routine:
        routine = routines.get(self._store, routine_id)
        if routine is None or routine.removed:
            raise NotFound(f"There is no routine {routine_name(routine_id)}. See: missionctl routine list")
        return routine

    def _view(self, routine: Routine, *, most: int, slots: int = 0) -> RoutineView:
        made = tuple(routines.made(self._store, routine.id, limit=most))
        return RoutineView(routine, made, self._slots(routine, slots) if slots else ())

    def _slots(self, routine: Routine, count: int) -> tuple[datetime, ...]:
        if routine.next_at is None:
            return ()
        from mission_control.domain.schedule import fires_after

        later = fires_after(routine.schedule, max(routine.next_at, self._clock.now()), self._config.zone)
        return (routine.next_at, *islice(later, count - 1))
