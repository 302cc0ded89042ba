"""Starts executors on this machine by forking them from a small process that has no threads and no open database."""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
from collections.abc import Callable
from typing import NoReturn

from mission_control.errors import Unavailable
from mission_control.execution import process
from mission_control.execution.execution import Execution

_LENGTH = struct.Struct("!I")

Execute = Callable[[Execution, socket.socket], NoReturn]


class LocalLauncher:
    """A launcher process and the socket through which it is told what to start."""

    def __init__(self, execute: Execute) -> None:
        """Fork the launcher process. Call with no database open and no other thread running.

        `execute` is what each executor does; it never returns.
        """
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            _serve(theirs, execute)
        theirs.close()
        self._socket = ours

    def launch(self, execution: Execution) -> socket.socket:
        """Start the executor of one attempt and return our end of its channel.

        The channel ends when the executor has, or could not be started. Raises Unavailable when the launcher
        process is gone.
        """
        ours, theirs = socket.socketpair()
        content = execution.to_bytes()
        try:
            # The descriptor travels with the first byte of the length.
            socket.send_fds(self._socket, [_LENGTH.pack(len(content))], [theirs.fileno()])
            self._socket.sendall(content)
        except OSError as fault:
            ours.close()
            raise Unavailable(f"The launcher process {self.pid} is gone ({fault}). Try again.") from fault
        finally:
            theirs.close()
        return ours

    def close(self) -> None:
        """Let the launcher process end; executors go on."""
        self._socket.close()
        os.waitpid(self.pid, 0)


def _serve(orders: socket.socket, execute: Execute) -> NoReturn:
    """The launcher process: fork an executor for each order until the other side is gone."""
    try:
        os.setsid()
        os.umask(0o077)
        _leave_terminal()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number == signal.SIGHUP else signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps executors; they reset this for themselves
        process.boot()  # known to all forks
        gc.disable()  # a collection would touch, and so copy, every page that forks share
        gc.freeze()
        while order := _receive(orders):
            _fork_executor(*order, orders, execute)
    finally:
        os._exit(0)


def _leave_terminal() -> None:
    """Hold neither the terminal nor the pipes of whoever waits for our output to end, as cron and ssh do."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def _fork_executor(execution: Execution, channel: socket.socket, orders: socket.socket, execute: Execute) -> None:
    """A failed fork closes the channel, which tells the other side."""
    try:
        if os.fork() == 0:
            orders.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            execute(execution, channel)
    except OSError:
        pass
    finally:
        channel.close()


def _receive(orders: socket.socket) -> tuple[Execution, socket.socket] | None:
    header, descriptors, _, _ = socket.recv_fds(orders, _LENGTH.size, 1)
    if not descriptors:
        return None
    channel = socket.socket(fileno=descriptors[0])
    header += _read_exactly(orders, _LENGTH.size - len(header))
    content = _read_exactly(orders, *_LENGTH.unpack(header))
    return Execution.from_bytes(content), channel


def _read_exactly(source: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        piece = source.recv(count - len(content))
        if not piece:
            raise EOFError
        content += piece
    return content
