"""The process of the pages and the API, started and watched beside the dispatcher, which it never slows.

This process holds the listening socket: the address stays while the pages are started anew, and whoever asks
meanwhile waits for a moment instead of being refused. See docs/decisions/0011-the-web-is-a-process-beside.md.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.dispatcher.trouble import Trouble
from mission_control.errors import Unavailable
from mission_control.folder import Folder, make_private_directory, open_private

DEFAULT_PORT = 7777
PORTS_TRIED = 100
BACKLOG = 128
FORMER_SECONDS = 2.0  # how long the port of a killed predecessor may still be held by its pages
LOOK_SECONDS = 0.02
END_SECONDS = 6.0  # for answers under way
LIVED_SECONDS = 30.0  # who lived for so long has not failed at the start
MODULE = "mission_control.web_process"


class WebProcess:
    """Started anew whenever it ends, ended with us: it holds a pipe to us, which ends however we end."""

    def __init__(self, config: Config, clock: Clock, environment: Mapping[str, str], *, port: int | None) -> None:
        """`port` null: 7777, or the next that is free."""
        self._config = config
        self._environment = environment
        self._port = port
        self._folder = Folder(config.home)
        self._trouble = Trouble("web", self._folder, clock)
        self._listening: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name="web", daemon=True)

    def listen(self, former: str | None) -> str:
        """Take the port and return the address for people. `former` is that of a predecessor who was killed.

        Raises Unavailable.
        """
        self._listening = listen(self._config.web_address, self._port, former=former)
        return local_url(self._config.web_address, self._listening.getsockname()[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End it; whoever reads a stream is told so."""
        self._stopping.set()
        with self._lock:
            process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)
        if self._listening is not None:
            self._listening.close()

    def _live(self) -> None:
        while not self._stopping.is_set():
            since = time.monotonic()
            try:
                fault = f"The process of the pages ended with {self._run()}; another is started. See logs/web.log"
            except OSError as refused:
                fault = f"The process of the pages cannot be started: {refused}."
            if self._stopping.is_set():
                return
            if time.monotonic() - since > LIVED_SECONDS:
                self._trouble.over()
            self._stopping.wait(self._trouble.note(Unavailable(fault)))

    def _run(self) -> int:
        """From its start to its end, which is told by the exit status."""
        assert self._listening is not None
        descriptor = self._listening.fileno()
        with self._lock:
            if self._stopping.is_set():
                return 0
            self._process = process = self._spawn(descriptor)
        status = process.wait()
        assert process.stdin is not None
        process.stdin.close()
        return status

    def _spawn(self, descriptor: int) -> subprocess.Popen[bytes]:
        words: Sequence[str] = (str(self._config.home), self._config.host, str(descriptor))
        make_private_directory(self._folder.web_log.parent)
        with open(open_private(self._folder.web_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE, *words],
                cwd="/",
                env=dict(self._environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                pass_fds=[descriptor],
                start_new_session=True,  # a Ctrl-C is for us; we end it in good order
            )


def listen(address: str, port: int | None, *, former: str | None = None) -> socket.socket:
    """A listening socket. `port` null: that of `former`, else 7777, else the next that is free. Raises Unavailable."""
    before = None if former is None else urlsplit(former).port
    if port is not None:
        return _bind_patiently(address, port, lambda fault: f"Name another with --port N, or leave it out. ({fault})")
    if before is not None:
        try:
            return _bind_patiently(address, before, str)
        except Unavailable:
            pass  # somebody else has it by now
    for candidate in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED):
        try:
            return _bind(address, candidate)
        except OSError:
            continue
    last = DEFAULT_PORT + PORTS_TRIED - 1
    raise Unavailable(
        f"No port from {DEFAULT_PORT} to {last} is free at {address}. Name one with --port N, or --no-web."
    )


def local_url(address: str, port: int) -> str:
    """How a person at this machine reaches a server that listens at `address`."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  what a person must have configured
    host = anywhere.get(address, f"[{address}]" if ":" in address else address)
    return f"http://{host}:{port}/"


def _bind_patiently(address: str, port: int, advice: Callable[[OSError], str]) -> socket.socket:
    deadline = time.monotonic() + FORMER_SECONDS
    while True:
        try:
            return _bind(address, port)
        except OSError as fault:
            if time.monotonic() >= deadline or isinstance(fault, PermissionError):
                raise Unavailable(f"Port {port} at {address} cannot be had. {advice(fault)}") from fault
        time.sleep(LOOK_SECONDS)


def _bind(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound
