"""Whether anything of a mission runs, and keeping it so: nobody may work on what is about to be replaced."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from mission_control.config import Config
from mission_control.errors import Conflict, StoreBusy, StoreDamaged
from mission_control.execution import process
from mission_control.execution.execution import mark
from mission_control.execution.recovery import find_dead
from mission_control.folder import Folder, make_private_directory, open_private
from mission_control.store import attempts, copies
from mission_control.store.store import Store

SHOWN = 5


@contextmanager
def held_quiet(config: Config, now: datetime) -> Iterator[Store | None]:
    """The mission while nothing of it runs and nothing can start; its database, or None for one that is not usable.

    Raises Conflict and names what runs.
    """
    with ExitStack() as held:
        held.callback(os.close, _take_seat(config.home))
        store = None if config.is_on_a_server else _hold_database(held, Path(config.database_address))
        _refuse_what_runs(store, config, now)
        yield store


def _take_seat(home: Path) -> int:
    path = Folder(home).seat
    make_private_directory(path.parent)
    descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Conflict("The resident process of this mission runs. End it, and try again: missionctl down") from None
    return descriptor


def _hold_database(held: ExitStack, path: Path) -> Store | None:
    if not path.exists() or path.stat().st_size == 0:  # opening an empty one would delete the log beside it
        return None
    try:
        store = held.enter_context(copies.held_alone(path))
        copies.contents(store)
        return store
    except StoreBusy:
        raise Conflict(
            f"Somebody has the database {path} open. See who: fuser {path}; wait until it ends, and try again."
        ) from None
    except StoreDamaged:  # which may be why a backup is put back
        return None


def _refuse_what_runs(store: Store | None, config: Config, now: datetime) -> None:
    if store is not None:
        live = attempts.live(store)
        dead = {found.attempt.name for found in find_dead(live, config=config, now=now)}
        if running := [attempt.name for attempt in live if attempt.name not in dead]:
            raise Conflict(
                f"{_listed(running)} still {'runs' if len(running) == 1 else 'run'}. "
                "Wait for the end, or end it: missionctl cancel ID"
            )
    if marked := process.marked(mark(str(config.home), "")):
        who = [f"process {found.pid} of {name}" for found, name in marked]
        raise Conflict(f"{_listed(who)} still lives. End what was left behind with: missionctl heartbeat --all")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
