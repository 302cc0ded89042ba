"""What every interface is given: one open mission, joined together by app.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # a command imports only the parts that it asks for
    from pathlib import Path
    from typing import BinaryIO

    from mission_control.access import Access
    from mission_control.board import Board
    from mission_control.clock import Clock
    from mission_control.config import Config
    from mission_control.dispatcher.resident import Resident
    from mission_control.domain.attempt import Attempt, Outcome
    from mission_control.domain.report import Memory
    from mission_control.domain.runner import RunnerFacts, TrialStep
    from mission_control.folder import Folder
    from mission_control.heartbeat import Heart, Report
    from mission_control.inbox import Call
    from mission_control.notices import Notices
    from mission_control.reporting import Reporting
    from mission_control.routine_views import RoutineViews
    from mission_control.routines import Routines
    from mission_control.squad import Squad
    from mission_control.store.store import Store
    from mission_control.views import Views

ALL_VERSIONS = 100_000  # more than anybody looks through


class Bell(NamedTuple):
    """A doorbell of our own: its descriptor becomes readable when somebody rang."""

    descriptor: int
    clear: Callable[[], None]  # before looking at the board, or a ring could be missed
    close: Callable[[], None]


class Runners(NamedTuple):
    """The runners of the mission, as they would be driven from here."""

    facts: Callable[[], list[RunnerFacts]]
    # (name, model or null, seconds): each thing as it has been tried. Raises NotFound.
    try_out: Callable[[str, str | None, float], Iterator[TrialStep]]


class Parts(NamedTuple):
    """How the parts of a mission are made, each when it is first asked for."""

    board: Callable[[], Board]
    squad: Callable[[], Squad]
    views: Callable[[], Views]
    access: Callable[[], Access]
    routines: Callable[[], Routines]
    routine_views: Callable[[], RoutineViews]
    reporting: Callable[[], Reporting]
    inbox: Callable[[str, int], list[Call]]
    memories: Callable[[str, int], list[Memory]]
    working_memory: Callable[[str], str]
    notices: Callable[[], Notices]
    heart: Callable[[], Heart]
    resident: Callable[[], Resident]
    run: Callable[[int, str, BinaryIO], Outcome]
    recover: Callable[[], list[Attempt]]
    tell: Callable[[Attempt], bool]
    stop: Callable[[Attempt], bool]
    is_here: Callable[[Attempt], bool]
    is_executing: Callable[[Attempt], bool]
    ring: Callable[[], None]
    hang_bell: Callable[[], Bell]
    keep_up: Callable[[], None]
    runners: Callable[[], Runners]


class Mission:
    """One open mission. Interfaces call its parts and nothing below them."""

    def __init__(self, *, config: Config, clock: Clock, folder: Folder, store: Store, parts: Parts) -> None:
        """`store` is for ops (import, backup, notify, prune), and for what the pages read through `dashboard`."""
        self.config = config
        self.clock = clock
        self.folder = folder
        self.store = store
        self._parts = parts

    @cached_property
    def board(self) -> Board:
        """What may be done with tasks."""
        return self._parts.board()

    @cached_property
    def squad(self) -> Squad:
        """What may be done with agents."""
        return self._parts.squad()

    @cached_property
    def views(self) -> Views:
        """What may be seen."""
        return self._parts.views()

    @cached_property
    def access(self) -> Access:
        """Who comes over the network."""
        return self._parts.access()

    @cached_property
    def routines(self) -> Routines:
        """What may be done with routines."""
        return self._parts.routines()

    @cached_property
    def routine_views(self) -> RoutineViews:
        """What may be seen of routines."""
        return self._parts.routine_views()

    @cached_property
    def reporting(self) -> Reporting:
        """What the agent of a live attempt may do."""
        return self._parts.reporting()

    def inbox(self, name: str, *, limit: int) -> list[Call]:
        """What needs a person, and where this one was mentioned."""
        return self._parts.inbox(name, limit)

    def memories(self, agent: str, *, limit: int | None = None) -> list[Memory]:
        """The versions of an agent's WORKING.md that are kept, newest first."""
        return self._parts.memories(agent, ALL_VERSIONS if limit is None else limit)

    def working_memory(self, agent: str) -> str:
        """What WORKING.md says now; empty when there is none."""
        return self._parts.working_memory(agent)

    @cached_property
    def notices(self) -> Notices:
        """Through which channels people are told, and about what."""
        return self._parts.notices()

    @cached_property
    def _heart(self) -> Heart:
        return self._parts.heart()

    def heartbeat(self, names: Sequence[str], *, dry_run: bool = False, wait: bool = False) -> list[Report]:
        """One wake-up of each of these agents; a dry run changes nothing."""
        if dry_run:
            return self._heart.rehearse(names)
        reports = self._heart.beat(names, wait=wait)
        self._parts.keep_up()
        return reports

    def due(self) -> list[str]:
        """The agents whose heartbeat is due, the longest waiting first."""
        return self._heart.due()

    def everybody(self) -> list[str]:
        """The agents of the squad, by name."""
        return self._heart.everybody()

    def run(self, task_id: int, agent: str, show: BinaryIO) -> Outcome:
        """Execute this task now until it ends, copying what it prints to `show`."""
        return self._parts.run(task_id, agent, show)

    @cached_property
    def resident(self) -> Resident:
        """The resident process: being it, seeing who it is, ending it."""
        return self._parts.resident()

    @cached_property
    def runners(self) -> Runners:
        """What drives the agents' programs."""
        return self._parts.runners()

    def recover(self) -> list[Attempt]:
        """End attempts whose executor is gone; those that this call ended."""
        return self._parts.recover()

    def stop(self, attempt: Attempt) -> bool:
        """Let the executor of a live attempt give its task back; False when that is not possible from here."""
        return self._parts.stop(attempt)

    def is_here(self, attempt: Attempt) -> bool:
        """Whether a live attempt is worked on by this machine, whatever the board calls it."""
        return self._parts.is_here(attempt)

    def tell(self, attempt: Attempt) -> bool:
        """Let the executor of a live attempt look at the board now; False when that is not possible from here."""
        return self._parts.tell(attempt)

    def is_executing(self, attempt: Attempt) -> bool:
        """Whether somebody works on a live attempt, as far as this machine can tell."""
        return self._parts.is_executing(attempt)

    def ring(self) -> None:
        """Wake whoever waits for work."""
        self._parts.ring()

    def hang_bell(self) -> Bell:
        """Something to wait at until anything happens here. Whoever hangs it closes it."""
        return self._parts.hang_bell()

    def close(self) -> None:
        self.store.close()


class Application(NamedTuple):
    """How an interface comes to a mission."""

    # The flags --home and --host; raises NoMission, ConfigInvalid, Unavailable.
    open: Callable[[str | None, str | None], Mission]
    create: Callable[[Path], Mission]  # `init`: makes the folder; raises Conflict when there is one already
