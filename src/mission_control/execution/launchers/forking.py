"""The launcher process: forks an executor for each order until whoever started it is gone.

Run as a module, with the socket as standard input; the first message is the settings, each later one an execution
with the descriptor of its channel. Kept small, because every executor is a copy of it.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from mission_control.board import Board
from mission_control.clock import SystemClock
from mission_control.config import Config, process_environment
from mission_control.execution import process
from mission_control.execution.execution import Execution
from mission_control.execution.executor import execute
from mission_control.execution.launchers.local import receive
from mission_control.execution.recorder import Recorder
from mission_control.execution.runners import refuses
from mission_control.store.schema import open_store

Execute = Callable[[Execution, socket.socket], NoReturn]


def main() -> NoReturn:
    """Serve the socket that is our standard input."""
    orders = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    # What was left open for us by the caller of the caller, such as a file that `flock` has locked.
    os.closerange(3, orders.fileno())
    os.closerange(orders.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    serve(orders)


def serve(orders: socket.socket) -> NoReturn:
    """Fork an executor for each order; ends this process when the other side is gone."""
    try:
        first = receive(orders)
        if first is not None:
            execute_one = executor_of(Config.from_bytes(first[0]))
            _settle_down()
            while (order := receive(orders)) is not None:
                content, channel = order
                assert channel is not None
                _fork_executor(Execution.from_bytes(content), channel, orders, execute_one)
    finally:
        os._exit(0)


def executor_of(config: Config) -> Execute:
    """What a forked executor of this mission does with one execution."""
    clock = SystemClock()
    environment = process_environment()

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


def _settle_down() -> None:
    """Become what executors are best copied from."""
    os.setsid()
    os.umask(0o077)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps executors; they reset this for themselves
    process.boot()  # known to all forks
    gc.collect()
    gc.disable()  # a collection would touch, and so copy, every page that forks share
    gc.freeze()


def _fork_executor(execution: Execution, channel: socket.socket, orders: socket.socket, execute_one: Execute) -> None:
    """A failed fork closes the channel, which tells the other side."""
    try:
        if os.fork() == 0:
            orders.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            execute_one(execution, channel)
    except OSError:
        pass
    finally:
        channel.close()


if __name__ == "__main__":
    main()
