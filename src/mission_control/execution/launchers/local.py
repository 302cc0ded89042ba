"""Starts executors on this machine through a small process that has few modules, no threads and no open database."""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Mapping

from mission_control.config import Config
from mission_control.errors import Unavailable
from mission_control.execution.execution import Execution

END_SECONDS = 3.0
LOOK_SECONDS = 0.002
_LENGTH = struct.Struct("!I")
_PROCESS = ("-P", "-m", "mission_control.execution.launchers.forking")  # -P: never import from where we stand


class LocalLauncher:
    """A launcher process and the socket through which it is told what to start."""

    def __init__(self, pid: int, orders: socket.socket, config: Config) -> None:
        """`orders` leads to the launcher process `pid`, which is told the settings first."""
        self.pid = pid
        self._orders = orders
        send(orders, config.to_bytes())

    def launch(self, execution: Execution) -> socket.socket:
        """Start the executor of one attempt and return our end of its channel.

        The channel ends when the executor has, or could not be started. Raises Unavailable when the launcher
        process is gone, or no channel can be made.
        """
        try:
            ours, theirs = socket.socketpair()
        except OSError as fault:
            raise Unavailable(
                f"No executor can be reached: {fault.strerror}. Try again, or raise `ulimit -n`."
            ) from fault
        try:
            send(self._orders, execution.to_bytes(), theirs)
        except OSError as fault:
            ours.close()
            raise Unavailable(f"The launcher process {self.pid} is gone ({fault}). Try again.") from fault
        finally:
            theirs.close()
        return ours

    @property
    def is_gone(self) -> bool:
        """Whether the launcher process has ended; it never says anything, so only its end can be read."""
        try:
            return not self._orders.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Let the launcher process end, by force when it does not; executors go on."""
        self._orders.close()
        deadline = time.monotonic() + END_SECONDS
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() >= deadline:  # e.g. stopped by a signal
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(LOOK_SECONDS)


def start_launcher(config: Config, environment: Mapping[str, str]) -> LocalLauncher:
    """A launcher process of our own, started afresh: a fork would copy all that we have imported, for every executor.

    `environment` is what attempts may inherit from.
    """
    ours, theirs = socket.socketpair()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, *_PROCESS],
        dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
            # It holds neither a terminal nor the pipes of whoever waits for our output to end, as cron and ssh do.
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
    )
    theirs.close()
    return LocalLauncher(pid, ours, config)


def send(target: socket.socket, content: bytes, channel: socket.socket | None = None) -> None:
    """One message, its length first; the descriptor of `channel` travels with the first byte. Raises OSError."""
    descriptors = [] if channel is None else [channel.fileno()]
    sent = socket.send_fds(target, [_LENGTH.pack(len(content))], descriptors)
    target.sendall(_LENGTH.pack(len(content))[sent:] + content)


def receive(source: socket.socket) -> tuple[bytes, socket.socket | None] | None:
    """The next message and the channel that came with it; None when the other side is gone."""
    header, descriptors, _, _ = socket.recv_fds(source, _LENGTH.size, 1)
    if not header:
        return None
    header += _read_exactly(source, _LENGTH.size - len(header))
    content = _read_exactly(source, *_LENGTH.unpack(header))
    for descriptor in descriptors:  # unlike all that we open, what came this way would reach the runner
        os.set_inheritable(descriptor, False)  # noqa: FBT003  its only form
    return content, socket.socket(fileno=descriptors[0]) if descriptors else None


def _read_exactly(source: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        piece = source.recv(count - len(content))
        if not piece:
            raise EOFError
        content += piece
    return content
