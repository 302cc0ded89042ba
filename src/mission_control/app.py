"""The one place where the parts are joined."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mission_control import config as settings
from mission_control.board import Board
from mission_control.clock import SystemClock
from mission_control.config import Config
from mission_control.domain.attempt import Attempt, Outcome
from mission_control.errors import Conflict
from mission_control.execution import doorbell, process, runners
from mission_control.folder import Folder, make_private_directory, open_private
from mission_control.heartbeat import Heart, Report
from mission_control.interfaces.mission import Application, Mission
from mission_control.squad import Squad
from mission_control.store import schema
from mission_control.store.store import Store
from mission_control.views import Views

RUNNERS = tuple(runners.RUNNERS)


def main() -> None:
    """The command `missionctl`."""
    from mission_control.interfaces.cli import run

    sys.exit(run(Application(open=open_mission, create=create_mission, runners=RUNNERS)))


def open_mission(home: str | None) -> Mission:
    """The mission that a command is about. Raises NoMission, ConfigInvalid, Unavailable."""
    environment = settings.process_environment()
    folder = settings.find_home(home, environment, Path.cwd())
    config = settings.load(folder, environment)
    return _join(config, schema.open_store(config.database_address))


def create_mission(home: Path) -> Mission:
    """Make the folder of a new mission with its database. Raises Conflict when there is one already."""
    folder = Folder(home.absolute())
    if folder.settings.exists():
        raise Conflict(f"There is a mission in {folder.home} already. See: missionctl --home {folder.home} status")
    make_private_directory(folder.home)
    folder.make()
    config = settings.load(folder.home, settings.process_environment())
    store = schema.connect(config.database_address, create=True)
    schema.migrate(store, now=SystemClock().now())
    # Last, because it is what makes the folder a mission: whatever fails before can be tried again.
    _write_settings(folder)
    return _join(config, store)


def _write_settings(folder: Folder) -> None:
    with os.fdopen(open_private(folder.settings, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w") as file:
        file.write(settings.commented_defaults())


def _join(config: Config, store: Store) -> Mission:
    clock = SystemClock()
    folder = Folder(config.home)
    board = Board(store, clock, config, refuses=runners.refuses)
    heart = Heart(store, board, clock, config, settings.process_environment())

    def heartbeat(names: Sequence[str], *, dry_run: bool = False, wait: bool = False) -> list[Report]:
        return heart.rehearse(names) if dry_run else heart.beat(names, wait=wait)

    def run(task_id: int, agent: str) -> Outcome:
        from mission_control.execution.foreground import run_in_foreground

        return run_in_foreground(
            task_id,
            agent,
            store=store,
            board=board,
            clock=clock,
            config=config,
            environment=settings.process_environment(),
        )

    return Mission(
        config=config,
        clock=clock,
        folder=folder,
        store=store,
        board=board,
        squad=Squad(store, clock, config, runners=RUNNERS),
        views=Views(store, clock, config),
        heartbeat=heartbeat,
        due=heart.due,
        run=run,
        tell=_tell,
        ring=_ringer(folder),
        is_executing=_is_executing,
        close=store.close,
    )


def _tell(attempt: Attempt) -> bool:
    """Let the executor look at the board now; False when it is not a living process of this machine."""
    if attempt.executor is None or not process.is_alive(attempt.executor):
        return False
    alive = process.table().get(attempt.executor.pid)
    return alive is not None and process.send([alive], signal.SIGUSR1) == 1


def _is_executing(attempt: Attempt) -> bool:
    """Whether somebody works on a live attempt, as far as this machine can tell."""
    known = attempt.executor or attempt.claimer
    return known.boot != process.boot() or process.is_alive(known)


def _ringer(folder: Folder) -> Callable[[], None]:
    return lambda: doorbell.ring(folder.doorbells)
