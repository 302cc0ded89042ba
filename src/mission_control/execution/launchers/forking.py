"""The launcher process: forks an executor for each order until whoever started it is gone.

Run as a module, with the socket as standard input; the first message is the settings, each later one an execution
with the descriptor of its channel. Kept small, because every executor is a copy of it.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from mission_control import log
from mission_control.board import Board
from mission_control.clock import SystemClock
from mission_control.config import Config, process_environment
from mission_control.domain.attempt import Ending, Outcome
from mission_control.execution import process
from mission_control.execution.environment import inheritable, inheritable_by_runner
from mission_control.execution.execution import Execution
from mission_control.execution.executor import Executor, listen_to_signals, prepare_signals
from mission_control.execution.launchers.local import receive
from mission_control.execution.recorder import GO_ON, Recorder
from mission_control.execution.runners import refusing
from mission_control.execution.tree import become_subreaper
from mission_control.store.attempts import Lease
from mission_control.store.schema import open_store

WARM_UPS = 20


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
            launcher = _Launcher(orders, Config.from_bytes(first[0]))
            _settle_down()
            while (order := receive(orders)) is not None:
                content, channel = order
                assert channel is not None
                launcher.fork_executor(Execution.from_bytes(content), channel)
    finally:
        os._exit(0)


class _Launcher:
    def __init__(self, orders: socket.socket, config: Config) -> None:
        self._orders = orders
        self._config = config
        log.write_as(config.log_format)
        self._clock = SystemClock()
        self._inherited = inheritable(process_environment(), config.pass_environment)
        self._by_runner = inheritable_by_runner(process_environment(), config.runners)

    def fork_executor(self, execution: Execution, channel: socket.socket) -> None:
        """A failed fork closes the channel, which tells the other side."""
        inherited, by_runner = self._inherited, self._by_runner
        executor = Executor(execution, config=self._config, clock=self._clock, inherited=inherited, by_runner=by_runner)
        recorder = Recorder(self._open_board, channel)
        try:
            if os.fork() == 0:
                self._orders.close()
                executor.live(recorder)
        except OSError:
            pass
        finally:
            channel.close()

    @contextmanager
    def _open_board(self) -> Iterator[Board]:
        store = open_store(self._config.database_address)
        try:
            yield Board(store, self._clock, self._config, refuses=refusing(self._config.runners))
        finally:
            store.close()


def _settle_down() -> None:
    """Become what executors are best copied from."""
    os.setsid()
    os.umask(0o077)
    process.boot()  # known to all forks
    _warm_up()
    prepare_signals()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps executors; they listen to theirs
    gc.collect()
    gc.disable()  # a collection would touch, and so copy, every page that forks share
    gc.freeze()


def _warm_up() -> None:
    """Do what every executor does, often enough for Python to have specialised that code.

    Python writes into code as it runs. What it has written before the fork need not be copied by each executor:
    that saves each of them some 40 pages. It leaves this process a subreaper, which does no harm.
    """
    ours, theirs = socket.socketpair()
    lease = Lease(1, 1, 1)
    recorder = Recorder(_no_board, ours)
    ending = Ending(Outcome.SUCCEEDED, exit_code=0, duration_seconds=0.1)
    for _ in range(WARM_UPS):
        become_subreaper()
        os.close(listen_to_signals())
        os.close(signal.set_wakeup_fd(-1))
        theirs.sendall(GO_ON + b"\n")
        recorder.start(lease)
        theirs.sendall(GO_ON + b"\n")
        recorder.report(lease, ending, is_last=False)
        theirs.recv(4096)
        log.line("attempt_started", SystemClock().now(), {"task": "T-1", "token": 1, "seconds": 0.1})
    recorder.hang_up()
    theirs.close()


def _no_board() -> NoReturn:
    raise AssertionError


if __name__ == "__main__":
    main()
