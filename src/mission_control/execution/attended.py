"""One executor that the process which launched it speaks with: a line of JSON each way at a time."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from mission_control.board import Claim
from mission_control.domain.attempt import ProcessIdentity
from mission_control.execution import process
from mission_control.execution.execution import Order, execution_of

_LONGEST_LINE = 1_000_000


@dataclass(eq=False)
class Attended:
    """What we know of an executor, and what is to be said to it once that is committed."""

    channel: socket.socket
    claim: Claim  # what it works on; null in meaning, not in type, once `idle_since` is set
    executor: ProcessIdentity | None = None  # null until it asks to start
    has_started: bool = False  # it starts the runner, and that is recorded
    has_hung_up: bool = False
    is_over: bool = False  # the end of its attempt is recorded, or it is told that its lease is lost
    is_refused: bool = False  # it is told that its lease is lost, and ends
    is_last: bool = False  # it takes no attempt after the one it has
    idle_since: float | None = None  # monotonic seconds; null while it has an attempt
    said: list[dict[str, Any]] = field(default_factory=list)
    _heard: bytes = b""
    _answer: bytes = b""

    @property
    def has_ended(self) -> bool:
        """Its attempt has, as it says, or it is gone itself."""
        return self.has_hung_up or any(message["say"] == "finish" for message in self.said)

    @property
    def can_go_on(self) -> bool:
        """It has nothing left to do and waits for more."""
        return self.is_over and not (self.is_refused or self.is_last or self.has_hung_up)

    def listen(self) -> None:
        """Take in what it says, or that it is gone."""
        try:
            piece = self.channel.recv(65536)
        except OSError:
            piece = b""
        *lines, self._heard = (self._heard + piece).split(b"\n")
        self.said = [json.loads(line) for line in lines]
        self.has_hung_up = not piece or len(self._heard) > _LONGEST_LINE
        for message in self.said:
            if message["say"] == "start":
                self._note_who_starts(message["pid"])

    def _note_who_starts(self, pid: int) -> None:
        """One that has ended since it asked has hung up: an end to record, known before anybody writes.

        It leads a session of its own. A later process with its pid may do so, too; but while the channel is open
        the executor lives, so whoever had the pid just before was the executor.
        """
        self.executor = process.session_leader(pid)
        if self.executor is None or self._is_closed():
            self.executor = None
            self.has_hung_up = True

    def _is_closed(self) -> bool:
        try:
            return not self.channel.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def prepare_answer(self, *, lost: str | None, cancel_requested: bool) -> None:
        """What it is told once what it said is committed; `lost` says why its lease is over."""
        self.is_refused = lost is not None
        self.is_over |= self.is_refused
        self._answer = json.dumps({"lost": lost, "cancel_requested": cancel_requested}).encode() + b"\n"

    def answer(self) -> None:
        """Say what was prepared, if anything."""
        answer, self._answer, self.said = self._answer, b"", []
        self._send(answer)

    def _send(self, content: bytes) -> None:
        try:
            self.channel.sendall(content)
        except OSError:
            pass  # it has gone to the board alone meanwhile

    def tell_renewal(self, *, lost: str | None, cancel_requested: bool) -> None:
        """Let it know that its lease was renewed for it, or is lost."""
        self.is_refused = lost is not None
        self.is_over |= self.is_refused
        self._send(json.dumps({"renewed": True, "lost": lost, "cancel_requested": cancel_requested}).encode() + b"\n")

    def rest(self) -> None:
        """From now on it waits for an attempt."""
        self.idle_since = time.monotonic()

    def give(self, claim: Claim) -> None:
        """Answer and let it go on with this claim, whose start is recorded. Raises OSError when it takes no more."""
        answer, self._answer, self.said = self._answer, b"", []
        self.claim = claim
        self.is_over, self.idle_since = False, None
        self.channel.sendall(answer + Order(execution_of(claim), time.monotonic()).to_bytes() + b"\n")
