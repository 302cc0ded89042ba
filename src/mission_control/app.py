"""The one place where the parts are joined. Imports late: a command pays only for the parts it uses."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mission_control import config as settings
from mission_control import log
from mission_control.clock import Clock, SystemClock
from mission_control.config import Config
from mission_control.errors import Conflict, Unavailable
from mission_control.folder import Folder, make_private_directory, open_private, sync
from mission_control.interfaces.mission import Application, Bell, Mission, Parts, Runners
from mission_control.rotation import rotate_logs
from mission_control.store import schema
from mission_control.store.settings import has_channels
from mission_control.store.store import Store

if TYPE_CHECKING:
    from signal import Signals

    from mission_control.access import Access
    from mission_control.board import Board
    from mission_control.dispatcher.resident import Resident
    from mission_control.domain.attempt import Attempt, Outcome
    from mission_control.domain.report import Memory
    from mission_control.heartbeat import Heart
    from mission_control.inbox import Call
    from mission_control.notices import Notices
    from mission_control.reporting import Reporting
    from mission_control.routine_views import RoutineViews
    from mission_control.routines import Routines
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


def open_mission(home: str | None, host: str | None = None) -> Mission:
    """The mission that a command is about, on a machine that it may call `host`.

    Raises NoMission, ConfigInvalid, Unavailable.
    """
    environment = settings.process_environment()
    folder = settings.find_home(home, environment, Path.cwd())
    _refuse_half_restored(Folder(folder))
    config = settings.load(folder, environment, {"host": host})
    return _join(config, schema.open_store(config.database_address))


def _refuse_half_restored(folder: Folder) -> None:
    if os.path.exists(folder.restore_journal):
        from mission_control.ops.backup.restoring import refuse_if_interrupted

        refuse_if_interrupted(folder)


def create_mission(home: Path) -> Mission:
    """Make the folder of a new mission with its database. Raises Conflict when there is one already."""
    folder = Folder(home.absolute())
    _refuse_second(folder)
    missing = [path for path in (folder.home, *folder.home.parents) if not path.exists()]
    make_private_directory(folder.home)
    with _alone(folder.home):
        _refuse_second(folder)  # somebody may have been faster
        folder.make()
        config = settings.load(folder.home, settings.process_environment())
        store = schema.connect(config.database_address, create=True)
        schema.migrate(store, now=SystemClock().now())
        # Last, because it is what makes the folder a mission: whatever fails before can be tried again.
        _write_settings(folder)
    for directory in (folder.home, *(path.parent for path in missing)):
        sync(directory)
    return _join(config, store)


def _refuse_second(folder: Folder) -> None:
    if folder.settings.exists():
        raise Conflict(f"There is a mission in {folder.home} already. See: missionctl --home {folder.home} status")


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Whoever else makes a mission in this directory waits meanwhile."""
    import fcntl

    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_settings(folder: Folder) -> None:
    with os.fdopen(open_private(folder.settings, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w") as file:
        file.write(settings.commented_defaults())
        file.flush()
        os.fsync(file.fileno())


def _join(config: Config, store: Store) -> Mission:
    """A mission whose parts are made when they are first asked for."""
    clock = SystemClock()
    folder = Folder(config.home)
    environment = settings.process_environment()
    log.write_as(config.log_format)
    parts = Parts(
        board=partial(_board, store, clock, config),
        squad=partial(_squad, store, clock, config),
        views=partial(_views, store, clock, config),
        access=partial(_access, store, clock),
        routines=lambda: _routines(store, mission.board, clock, config),
        routine_views=partial(_routine_views, store, clock, config),
        reporting=lambda: _reporting(store, clock, config, mission.board),
        inbox=partial(_inbox, store),
        memories=partial(_memories, store),
        working_memory=partial(_working_memory, folder),
        notices=partial(_notices, store, clock, config),
        heart=lambda: _heart(store, lambda: mission.board, clock, config, environment),
        resident=partial(_resident, clock, config, environment),
        run=lambda task_id, agent, show: _run(mission, task_id, agent, show, environment),
        recover=lambda: _recover(mission.board, config, clock),
        tell=_tell,
        stop=_stop,
        is_here=_is_here,
        is_executing=_is_executing,
        ring=partial(_ring, folder),
        hang_bell=partial(_hang_bell, folder),
        keep_up=partial(_keep_up, store, config, clock),
        runners=partial(_runners, config, clock, environment),
    )
    mission = Mission(config=config, clock=clock, folder=folder, store=store, parts=parts)
    return mission


def _squad(store: Store, clock: Clock, config: Config) -> Squad:
    from mission_control.execution.runners import names
    from mission_control.squad import Squad

    return Squad(store, clock, config, runners=names(config.runners))


def _views(store: Store, clock: Clock, config: Config) -> Views:
    from mission_control.views import Views

    return Views(store, clock, config)


def _notices(store: Store, clock: Clock, config: Config) -> Notices:
    from mission_control.notices import Notices

    return Notices(store, clock, config)


def _heart(
    store: Store, board: Callable[[], Board], clock: Clock, config: Config, environment: Mapping[str, str]
) -> Heart:
    from mission_control.heartbeat import Heart

    return Heart(store, board, clock, config, environment)


def _resident(clock: Clock, config: Config, environment: Mapping[str, str]) -> Resident:
    from mission_control.dispatcher.resident import Resident
    from mission_control.execution.service_notice import ServiceNotices

    open_again = partial(_open_again, clock, config)
    notices = ServiceNotices(settings.supervision_of(environment, os.getpid()))
    return Resident(open_again, clock=clock, config=config, environment=environment, notices=notices)


def _recover(board: Board, config: Config, clock: Clock) -> list[Attempt]:
    from mission_control.execution import recovery

    return recovery.recover(board, config=config, clock=clock)


def _run(mission: Mission, task_id: int, agent: str, show: BinaryIO, environment: Mapping[str, str]) -> Outcome:
    from mission_control.execution.foreground import run_in_foreground

    return run_in_foreground(
        task_id,
        agent,
        store=mission.store,
        board=mission.board,
        clock=mission.clock,
        config=mission.config,
        environment=environment,
        show=show,
    )


def _access(store: Store, clock: Clock) -> Access:
    from mission_control.access import Access

    return Access(store, clock)


def _reporting(store: Store, clock: Clock, config: Config, board: Board) -> Reporting:
    from mission_control.reporting import Reporting

    return Reporting(store, clock, config, board)


def _inbox(store: Store, name: str, limit: int) -> list[Call]:
    from mission_control.inbox import inbox

    return inbox(store, name, limit=limit)


def _memories(store: Store, agent: str, limit: int) -> list[Memory]:
    from mission_control.store import reporting

    return reporting.memories(store, agent, limit)


def _working_memory(folder: Folder, agent: str) -> str:
    from mission_control.hand_in import read_memory

    return read_memory(folder.working(agent))


def _keep_up(store: Store, config: Config, clock: Clock) -> None:
    rotate_logs(Folder(config.home).logs, max_bytes=config.log_max_bytes, keep=config.log_keep)
    try:
        is_wanted = config.wants_upkeep or has_channels(store)
    except Unavailable:
        return  # the work itself is done; whoever is awake next keeps up
    if is_wanted:
        from mission_control.ops.upkeep import Upkeep

        Upkeep(config, clock).keep(store, patient=True)


def _runners(config: Config, clock: Clock, environment: Mapping[str, str]) -> Runners:
    from mission_control.execution.driving.trial import Trials

    trials = Trials(config, clock, environment)
    return Runners(trials.facts, trials.try_out)


def _board(store: Store, clock: Clock, config: Config) -> Board:
    from mission_control.board import Board
    from mission_control.execution.runners import refusing

    return Board(store, clock, config, refuses=refusing(config.runners))


def _routines(store: Store, board: Board, clock: Clock, config: Config) -> Routines:
    from mission_control.routines import Routines

    return Routines(store, board, clock, config)


def _routine_views(store: Store, clock: Clock, config: Config) -> RoutineViews:
    from mission_control.routine_views import RoutineViews

    return RoutineViews(store, clock, config)


@contextmanager
def _open_again(clock: Clock, config: Config) -> Iterator[tuple[Store, Board]]:
    """One more connection, for another thread or after a fault of the first."""
    store = schema.open_store(config.database_address)
    try:
        yield store, _board(store, clock, config)
    finally:
        store.close()


def _ring(folder: Folder) -> None:
    from mission_control.execution import doorbell

    doorbell.ring(folder.doorbells)


def _hang_bell(folder: Folder) -> Bell:
    from mission_control.execution.doorbell import Doorbell

    bell = Doorbell(folder.doorbells)
    return Bell(bell.descriptor, bell.clear, bell.close)


def _tell(attempt: Attempt) -> bool:
    """Let the executor look at the board; False when it is not a living process of this machine."""
    import signal

    return _signal(attempt, signal.SIGUSR1)


def _stop(attempt: Attempt) -> bool:
    """Let the executor give its task back; False when it is not a living process of this machine."""
    import signal

    return _signal(attempt, signal.SIGTERM)


def _signal(attempt: Attempt, number: Signals) -> bool:
    from mission_control.execution import process

    if attempt.executor is None or not process.is_alive(attempt.executor):
        return False
    alive = process.table().get(attempt.executor.pid)
    return alive is not None and process.send([alive], number) == 1


def _is_here(attempt: Attempt) -> bool:
    from mission_control.execution import process

    return (attempt.executor or attempt.claimer).boot == process.boot()


def _is_executing(attempt: Attempt) -> bool:
    from mission_control.execution import process

    return not _is_here(attempt) or process.is_alive(attempt.executor or attempt.claimer)
