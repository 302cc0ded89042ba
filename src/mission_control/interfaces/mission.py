"""What every interface is given: one open mission, joined together by app.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mission_control.board import Board
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.attempt import Attempt, Outcome
from mission_control.folder import Folder
from mission_control.heartbeat import Report
from mission_control.squad import Squad
from mission_control.store.store import Store
from mission_control.views import Views


class Heartbeat(Protocol):
    """One wake-up of each named agent."""

    def __call__(self, names: Sequence[str], *, dry_run: bool = False, wait: bool = False) -> list[Report]: ...


@dataclass(frozen=True)
class Mission:
    """One open mission. Interfaces call these parts and nothing below them."""

    config: Config
    clock: Clock
    folder: Folder
    store: Store  # for ops (import, backup) only
    board: Board
    squad: Squad
    views: Views
    heartbeat: Heartbeat
    due: Callable[[], list[str]]  # names of the agents whose heartbeat is due
    run: Callable[[int, str], Outcome]  # (task, agent): execute now, output to this terminal, until it ends
    tell: Callable[[Attempt], bool]  # let the executor of a live attempt look at the board now; False: not from here
    ring: Callable[[], None]  # wake whoever waits for work
    is_executing: Callable[[Attempt], bool]  # whether the executor of a live attempt is alive, as seen from here
    close: Callable[[], None]


@dataclass(frozen=True)
class Application:
    """How an interface comes to a mission."""

    open: Callable[[str | None], Mission]  # the --home flag; raises NoMission, ConfigInvalid, Unavailable
    create: Callable[[Path], Mission]  # `init`: makes the folder; raises Conflict when there is one already
    runners: tuple[str, ...]
