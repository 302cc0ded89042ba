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
from mission_control.errors import LeaseLost, SchemaMismatch, StoreDamaged, Unavailable
from mission_control.execution import exit_file
from mission_control.execution.execution import Order
from mission_control.execution.process import own_identity
from mission_control.store.attempts import Lease, LeaseState

ANSWER_SECONDS = 10.0  # a launching process that is silent for longer is taken for gone
FIRST_PAUSE_SECONDS = 0.05  # between tries while the database is busy or its disk full; doubled each time
LONGEST_PAUSE_SECONDS = 10.0

GO_ON = b'{"lost": null, "cancel_requested": false}'  # the usual answer, known without reading it
RENEWED = b'{"renewed": '  # how a line begins that answers nothing: the lease was renewed for us
GOING_ON = LeaseState(cancel_requested=False)

Answer = TypeVar("Answer")
OpenBoard = Callable[[], AbstractContextManager[Board]]


class Recorder:
    """Starts, renews and finishes leases. Raises LeaseLost when another holds the task."""

    def __init__(self, open_board: OpenBoard, channel: socket.socket | None) -> None:
        self._open_board = open_board
        self._heard = b""
        self.channel = channel  # readable when the launching process says something or is gone; null: on our own

    def start(self, lease: Lease) -> LeaseState:
        """The check right before the runner starts, tried until the board can be reached. Called by the executor.

        Who we are is looked up by whoever answers: here it would cost each executor 50 pages.
        """
        asked = self._ask(f'{{"say": "start", "token": {lease.token}, "pid": {os.getpid()}}}')
        return asked or self._insist(lambda board: board.start(lease, own_identity()))

    def renew(self, lease: Lease) -> LeaseState | None:
        """Prolong the lease; None when the board cannot be reached now."""
        try:
            with self._open_board() as board:
                return board.renew(lease)
        except Unavailable:
            return None

    def renewal(self) -> LeaseState | None:
        """What the launching process, which renews our lease while it attends us, has said of that; null: nothing."""
        line = self._next_line()
        return None if line is None else _state_of(line)

    def report(self, lease: Lease, ending: Ending, *, is_last: bool) -> bool:
        """Let whoever launched us record the end; False when nobody answers. `is_last`: we take no other attempt."""
        message = {"say": "finish", "token": lease.token, "ending": exit_file.to_json(ending), "is_last": is_last}
        return self._ask(json.dumps(message)) is not None

    def record(self, lease: Lease, ending: Ending, *, when_refused: Callable[[], None]) -> None:
        """Record the end ourselves; tried for as long as the database is busy or its disk full.

        `when_refused` is called before the first wait, and before giving up.
        """
        self._insist(lambda board: board.finish(lease, ending), when_refused)

    def order(self) -> Order | None:
        """The next attempt, when the launching process has sent one."""
        line = self._next_line()
        return None if line is None else Order.from_bytes(line)

    def listen(self) -> None:
        """Take in what the launching process says, or that it is gone."""
        try:
            is_there = self.channel is not None and self._hear(self.channel)
        except OSError:
            is_there = False
        if not is_there:
            self.hang_up()

    def take_no_more_orders(self) -> None:
        """Whoever sends one from now on gets an error; what has been sent is still heard."""
        try:
            if self.channel is not None:
                self.channel.shutdown(socket.SHUT_RD)
        except OSError:
            self.hang_up()

    def hang_up(self) -> None:
        """Do without the launching process from now on."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def _ask(self, message: str) -> LeaseState | None:
        """The answer of the launching process after its commit; None when it does not answer."""
        if self.channel is None:
            return None
        try:
            self.channel.sendall(message.encode() + b"\n")
            line = self._read_line(self.channel)
        except OSError:
            line = None
        if line is None:
            self.hang_up()
            return None
        return _state_of(line)

    def _read_line(self, channel: socket.socket) -> bytes | None:
        """The answer to what we said, or None when the other side is gone or silent."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            while (line := self._next_line()) is not None:
                if not line.startswith(RENEWED):  # that was under way when we spoke
                    return line
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([channel], [], [], left)[0] or not self._hear(channel):
                return None

    def _next_line(self) -> bytes | None:
        """The first whole line of what we heard, without its end."""
        line, found, rest = self._heard.partition(b"\n")
        if not found:
            return None
        self._heard = rest
        return line

    def _hear(self, channel: socket.socket) -> bool:
        """False when the other side is gone."""
        piece = channel.recv(65536)
        self._heard += piece
        return bool(piece)

    def _insist(self, act: Callable[[Board], Answer], when_refused: Callable[[], None] = lambda: None) -> Answer:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                with self._open_board() as board:
                    return act(board)
            except Unavailable as fault:
                if pause == FIRST_PAUSE_SECONDS:
                    when_refused()
                if isinstance(fault, StoreDamaged | SchemaMismatch):
                    raise  # moved away, broken, or of a newer program: waiting mends nothing, the exit file stands
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _state_of(line: bytes) -> LeaseState:
    """What an answer says; raises LeaseLost when that is what it says."""
    if line == GO_ON:
        return GOING_ON
    answer = json.loads(line)
    if answer["lost"]:
        raise LeaseLost(answer["lost"])
    return LeaseState(cancel_requested=answer["cancel_requested"])
