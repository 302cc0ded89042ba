"""The one place where the parts are joined. Imports late: a command pays only for the parts it uses."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mission_control import config as settings
from mission_control.clock import SystemClock
from mission_control.config import Config
from mission_control.errors import Conflict
from mission_control.folder import Folder, make_private_directory, open_private
from mission_control.interfaces.mission import Application, Mission, Parts
from mission_control.store import schema
from mission_control.store.store import Store

if TYPE_CHECKING:
    from mission_control.board import Board
    from mission_control.domain.attempt import Attempt, Outcome
    from mission_control.heartbeat import Heart
    from mission_control.squad import Squad
    from mission_control.views import Views

INTERRUPTED = 130


def main() -> None:
    """The command `missionctl`."""
    try:
        from mission_control.interfaces.cli import carry_out

        code = carry_out(Application(open=open_mission, create=create_mission))
    except KeyboardInterrupt:  # while still importing
        code = INTERRUPTED
    sys.exit(code)


def open_mission(home: str | None) -> Mission:
    """The mission that a command is about. Raises NoMission, ConfigInvalid, Unavailable."""
    environment = settings.process_environment()
    folder = settings.find_home(home, environment, Path.cwd())
    _refuse_half_restored(Folder(folder))
    config = settings.load(folder, environment)
    return _join(config, schema.open_store(config.database_address))


def _refuse_half_restored(folder: Folder) -> None:
    if os.path.exists(folder.restore_journal):
        from mission_control.ops.backup.restoring import refuse_if_interrupted

        refuse_if_interrupted(folder)


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
    environment = settings.process_environment()

    def board() -> Board:
        from mission_control.board import Board
        from mission_control.execution.runners import refuses

        return Board(store, clock, config, refuses=refuses)

    def squad() -> Squad:
        from mission_control.execution.runners import RUNNERS
        from mission_control.squad import Squad

        return Squad(store, clock, config, runners=tuple(RUNNERS))

    def views() -> Views:
        from mission_control.views import Views

        return Views(store, clock, config)

    def heart() -> Heart:
        from mission_control.heartbeat import Heart

        return Heart(store, lambda: mission.board, clock, config, environment)

    def run(task_id: int, agent: str, show: BinaryIO) -> Outcome:
        from mission_control.execution.foreground import run_in_foreground

        return run_in_foreground(
            task_id,
            agent,
            store=store,
            board=mission.board,
            clock=clock,
            config=config,
            environment=environment,
            show=show,
        )

    def keep_up() -> None:
        if config.mirror or config.backup_at is not None:
            from mission_control.ops.upkeep import keep_up

            keep_up(store, config, clock, patient=True)

    def ring() -> None:
        from mission_control.execution import doorbell

        doorbell.ring(folder.doorbells)

    parts = Parts(
        board=board,
        squad=squad,
        views=views,
        heart=heart,
        run=run,
        tell=_tell,
        is_executing=_is_executing,
        ring=ring,
        keep_up=keep_up,
    )
    mission = Mission(config=config, clock=clock, folder=folder, store=store, parts=parts)
    return mission


def _tell(attempt: Attempt) -> bool:
    """Signal the executor; False when it is not a living process of this machine."""
    import signal

    from mission_control.execution import process

    if attempt.executor is None or not process.is_alive(attempt.executor):
        return False
    alive = process.table().get(attempt.executor.pid)
    return alive is not None and process.send([alive], signal.SIGUSR1) == 1


def _is_executing(attempt: Attempt) -> bool:
    from mission_control.execution import process

    known = attempt.executor or attempt.claimer
    return known.boot != process.boot() or process.is_alive(known)
