"""Joins an executor to its mission: what a forked executor does, and how a process comes to attend executors."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

from mission_control.board import Board
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.execution.attendance import Attendance
from mission_control.execution.execution import Execution
from mission_control.execution.executor import execute
from mission_control.execution.launchers.local import Execute, LocalLauncher
from mission_control.execution.recorder import Recorder
from mission_control.execution.runners import refuses
from mission_control.store.schema import open_store
from mission_control.store.store import Store


def executor_of(config: Config, clock: Clock, environment: Mapping[str, str]) -> Execute:
    """What a forked executor of this mission does with one execution."""

    @contextmanager
    def open_board() -> Iterator[Board]:
        store = open_store(config.database_address)
        try:
            yield Board(store, clock, config, refuses=refuses)
        finally:
            store.close()

    def execute_one(execution: Execution, channel: socket.socket) -> NoReturn:
        recorder = Recorder(execution.lease, open_board, channel)
        execute(execution, config=config, clock=clock, environment=environment, recorder=recorder)

    return execute_one


@contextmanager
def attending(store: Store, board: Board, execute_one: Execute) -> Iterator[Attendance]:
    """A launcher process and the attendance of what it starts; both end with the block, executors go on.

    The store is closed while the launcher process is forked.
    """
    with store.closed():
        launcher = LocalLauncher(execute_one)
    attendance = Attendance(board, launcher)
    try:
        yield attendance
    finally:
        attendance.close()
