"""Attending executors: while the process that launched them lives, it writes to the board for all of them.

What several executors say is committed in one transaction, together with new claims for the slots that became
free; only then are they answered. Whoever gets no answer goes to the board alone, and every write is guarded by
its token, so this is only a faster way, never a needed one.
"""

from __future__ import annotations

import json
import selectors
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mission_control.board import Board, Claim
from mission_control.config import Config
from mission_control.domain.attempt import Ending, Outcome, ProcessIdentity
from mission_control.errors import Conflict, NotFound, Unavailable
from mission_control.execution import exit_file, process
from mission_control.execution.doorbell import Doorbell
from mission_control.execution.execution import execution_of
from mission_control.execution.launchers.local import LocalLauncher, start_launcher
from mission_control.store import attempts
from mission_control.store.store import Store

_LONGEST_LINE = 1_000_000


@dataclass
class _Attended:
    """One executor that we speak with."""

    claim: Claim
    channel: socket.socket
    heard: bytes = b""
    said: list[dict[str, Any]] = field(default_factory=list)
    answer: bytes = b""
    executor: ProcessIdentity | None = None  # null until it asks to start
    has_started: bool = False  # it said that it starts the runner, and that is recorded
    has_hung_up: bool = False
    is_over: bool = False  # its end is recorded, or it was told that its lease is lost

    @property
    def has_ended(self) -> bool:
        """It says so, or it is gone."""
        return self.has_hung_up or any(message["say"] == "finish" for message in self.said)


@contextmanager
def attending(board: Board, config: Config, environment: Mapping[str, str]) -> Iterator[Attendance]:
    """A launcher process and the attendance of what it starts; both end with the block, executors go on.

    `environment` is what attempts may inherit from.
    """
    attendance = Attendance(board, start_launcher(config, environment))
    try:
        yield attendance
    finally:
        attendance.close()


class Attendance:
    """The executors launched by this process, for as long as it lives."""

    def __init__(self, board: Board, launcher: LocalLauncher) -> None:
        self._board = board
        self._launcher = launcher
        self._selector = selectors.DefaultSelector()
        self._attended: dict[str, _Attended] = {}
        self.lost_sight_of: set[str] = set()  # attempts whose executor hung up before its end was recorded

    @property
    def unstarted(self) -> int:
        """Executors launched that have not yet said that they start."""
        return sum(not attended.has_started for attended in self._attended.values())

    @property
    def live(self) -> int:
        """Executors launched whose end has not been recorded, as far as we know."""
        return len(self._attended) + len(self.lost_sight_of)

    @property
    def can_launch(self) -> bool:
        """False once the launcher process is gone; those whom it launched are attended all the same."""
        return not self._launcher.is_gone

    def listen_to(self, doorbell: Doorbell) -> None:
        """Let a ring end the wait of `turn`, too."""
        self._selector.register(doorbell.descriptor, selectors.EVENT_READ, doorbell)

    def launch(self, claims: Sequence[Claim]) -> None:
        """Start an executor for each claim. When the launcher process is gone: gives them back, raises Unavailable."""
        for position, claim in enumerate(claims):
            try:
                channel = self._launcher.launch(execution_of(claim))
            except Unavailable as fault:
                for unlaunched in claims[position:]:
                    self._board.finish(unlaunched.lease, Ending(Outcome.RELEASED, error=str(fault)))
                raise
            self._attended[claim.name] = attended = _Attended(claim, channel)
            self._selector.register(channel, selectors.EVENT_READ, attended)

    def turn(self, seconds: float, claim_more: Callable[[], Sequence[Claim]]) -> list[Claim]:
        """Wait for news up to `seconds`; write it and what `claim_more` claims in one transaction; answer; launch.

        `claim_more` is asked when an executor has ended, somebody rang or the time is over. Returns the new claims.
        Raises Unavailable when the board cannot be written or nothing can be launched; may then be called again.
        """
        ready = [key.data for key, _ in self._selector.select(seconds)]
        speaking = [data for data in ready if isinstance(data, _Attended)]
        for data in ready:
            if isinstance(data, Doorbell):
                data.clear()
            else:
                self._listen(data)
        is_news = len(speaking) < len(ready) or not ready or any(a.has_ended for a in speaking)
        try:
            with self._board.together(durable=is_news):
                for attended in speaking:
                    self._write(attended)
                claims = list(claim_more()) if is_news else []
        except Unavailable:
            # Nothing was written. Hang up: each of them goes to the board alone until it gets through.
            for attended in speaking:
                attended.is_over = False
                self._part_from(attended)
            raise
        for attended in speaking:
            self._answer(attended)
        self.launch(claims)
        return claims

    def _listen(self, attended: _Attended) -> None:
        try:
            piece = attended.channel.recv(65536)
        except OSError:
            piece = b""
        attended.heard += piece
        *lines, attended.heard = attended.heard.split(b"\n")
        attended.said = [json.loads(line) for line in lines]
        attended.has_hung_up = not piece or len(attended.heard) > _LONGEST_LINE

    def _write(self, attended: _Attended) -> None:
        """Write what one executor said; it gets its answer once this is committed."""
        for message in attended.said:
            if message["say"] == "start" and not self._note_who_starts(attended, message["pid"]):
                break
            lost, cancel_requested = None, False
            try:
                cancel_requested = self._carry_out(attended, message)
            except (Conflict, NotFound) as refused:
                lost = str(refused)
                attended.is_over = True
            attended.answer = json.dumps({"lost": lost, "cancel_requested": cancel_requested}).encode() + b"\n"
        if attended.has_hung_up and not attended.has_started:
            self._write_stillborn(attended)

    def _note_who_starts(self, attended: _Attended, pid: int) -> bool:
        """False when the executor has ended since it asked; then nobody reads an answer.

        It leads a session of its own, which a later process that happens to get its pid hardly does.
        """
        attended.executor = process.session_leader(pid)
        if attended.executor is None:
            attended.has_hung_up = True
        return attended.executor is not None

    def _carry_out(self, attended: _Attended, message: dict[str, Any]) -> bool:
        """Whether somebody wants the task cancelled."""
        lease = attended.claim.lease
        if message["say"] == "start":
            assert attended.executor is not None
            state = self._board.start(lease, attended.executor)
            attended.has_started = True
            return state.cancel_requested
        self._board.finish(lease, exit_file.from_json(message["ending"]))
        attended.is_over = True
        return False

    def _write_stillborn(self, attended: _Attended) -> None:
        """Its executor ended before it began. Should it live after all, the lost lease keeps it from starting.

        One that went to the board alone, and has started, is left to recovery, which ends what is left of it.
        """
        name = attended.claim.name
        if any(attempt.name == name and attempt.executor is not None for attempt in self._board.live()):
            return
        try:
            self._board.finish(attended.claim.lease, Ending(Outcome.LOST, error="its executor could not be started"))
            attended.is_over = True
        except (Conflict, NotFound):
            pass  # somebody has ended the attempt

    def _answer(self, attended: _Attended) -> None:
        if attended.answer:
            try:
                attended.channel.sendall(attended.answer)
            except OSError:
                pass  # it has gone to the board alone meanwhile
            attended.said, attended.answer = [], b""
        if attended.is_over or attended.has_hung_up:
            self._part_from(attended)

    def _part_from(self, attended: _Attended) -> None:
        self._selector.unregister(attended.channel)
        attended.channel.close()
        del self._attended[attended.claim.name]
        if not attended.is_over:
            self.lost_sight_of.add(attended.claim.name)

    def forget_ended(self, store: Store) -> None:
        """Keep waiting only for those out of sight that are still live."""
        self.lost_sight_of &= {attempt.name for attempt in attempts.live(store)}

    def close(self) -> None:
        """Hang up on all; they go on alone."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, _Attended):
                key.data.channel.close()
        self._selector.close()
        self._launcher.close()
