"""How an executor reaches the board: through whoever launched it while that lives, else by itself."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from mission_control.board import Board
from mission_control.domain.attempt import Ending
from mission_control.errors import LeaseLost, StoreDamaged, Unavailable
from mission_control.execution import exit_file
from mission_control.execution.process import own_identity
from mission_control.store.attempts import Lease, LeaseState

ANSWER_SECONDS = 10.0  # a launching process that is silent for longer is taken for gone
FIRST_PAUSE_SECONDS = 0.05  # between tries while the database is busy or its disk full; doubled each time
LONGEST_PAUSE_SECONDS = 10.0

GO_ON = b'{"lost": null, "cancel_requested": false}\n'  # the usual answer, known without reading it
_GOING_ON = LeaseState(cancel_requested=False)

Answer = TypeVar("Answer")
OpenBoard = Callable[[], AbstractContextManager[Board]]


class Recorder:
    """Start, renew and finish one lease. Every call raises LeaseLost when another holds the task."""

    def __init__(self, lease: Lease, open_board: OpenBoard, channel: socket.socket | None) -> None:
        self._lease = lease
        self._open_board = open_board
        self._channel = channel

    @property
    def channel(self) -> socket.socket | None:
        """Readable when the launching process says something or is gone; null once we are on our own."""
        return self._channel

    def start(self) -> LeaseState:
        """The check right before the runner starts, tried until the board can be reached. Called by the executor.

        Who we are is looked up by whoever answers: here it would cost each executor 50 pages.
        """
        asked = self._ask(f'{{"say": "start", "pid": {os.getpid()}}}')
        return asked or self._insist(lambda board: board.start(self._lease, own_identity()))

    def renew(self) -> LeaseState | None:
        """Prolong the lease; None when the board cannot be reached now."""
        try:
            with self._open_board() as board:
                return board.renew(self._lease)
        except Unavailable:
            return None

    def finish(self, ending: Ending, *, when_refused: Callable[[], None] = lambda: None) -> None:
        """Record the end; tried for as long as the database is busy or its disk full.

        `when_refused` is called before the first wait, and before giving up.
        """
        if not self._ask(json.dumps({"say": "finish", "ending": exit_file.to_json(ending)})):
            self._insist(lambda board: board.finish(self._lease, ending), when_refused)

    def hang_up(self) -> None:
        """Do without the launching process from now on."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _ask(self, message: str) -> LeaseState | None:
        """The answer of the launching process after its commit; None when it does not answer."""
        if self._channel is None:
            return None
        try:
            self._channel.sendall(message.encode() + b"\n")
            line = self._read_line(self._channel)
        except OSError:
            line = None
        if line is None:
            self.hang_up()
            return None
        if line == GO_ON:
            return _GOING_ON
        answer = json.loads(line)
        if answer["lost"]:
            raise LeaseLost(answer["lost"])
        return LeaseState(cancel_requested=answer["cancel_requested"])

    def _read_line(self, channel: socket.socket) -> bytes | None:
        """One line, or None when the other side is gone or silent."""
        line = b""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([channel], [], [], left)[0]:
                return None
            piece = channel.recv(4096)
            if not piece:
                return None
            line += piece
        return line

    def _insist(self, act: Callable[[Board], Answer], when_refused: Callable[[], None] = lambda: None) -> Answer:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                with self._open_board() as board:
                    return act(board)
            except Unavailable as fault:
                if pause == FIRST_PAUSE_SECONDS:
                    when_refused()
                if isinstance(fault, StoreDamaged):
                    raise  # moved away or broken: waiting mends nothing, the exit file stands
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
