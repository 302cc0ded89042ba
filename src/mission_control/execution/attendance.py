"""Attending executors: while the process that launched them lives, it writes to the board for all of them.

What several executors say is committed in one transaction, together with new claims for the slots that became
free; only then are they answered. Whoever gets no answer goes to the board alone, and every write is guarded by
its token, so this is only a faster way, never a needed one.
"""

from __future__ import annotations

import json
import selectors
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mission_control.board import Board, Claim
from mission_control.domain.attempt import ProcessIdentity
from mission_control.errors import Conflict, NotFound, Unavailable
from mission_control.execution import exit_file
from mission_control.execution.doorbell import Doorbell
from mission_control.execution.execution import execution_of
from mission_control.execution.launchers.local import LocalLauncher
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
    is_over: bool = False  # it said how it ended and that is recorded


class Attendance:
    """The executors launched by this process, for as long as it lives."""

    def __init__(self, board: Board, launcher: LocalLauncher) -> None:
        self._board = board
        self._launcher = launcher
        self._selector = selectors.DefaultSelector()
        self._unstarted: set[str] = set()
        self._attended: set[str] = set()
        self.lost_sight_of: set[str] = set()  # attempts whose executor hung up before its end was recorded

    @property
    def unstarted(self) -> int:
        """Executors launched that have not yet said that they start."""
        return len(self._unstarted)

    @property
    def live(self) -> int:
        """Executors launched whose end has not been recorded by us."""
        return len(self._attended) + len(self.lost_sight_of)

    def listen_to(self, doorbell: Doorbell) -> None:
        """Let a ring end the wait of `turn`, too."""
        self._selector.register(doorbell.descriptor, selectors.EVENT_READ, doorbell)

    def launch(self, claims: Iterable[Claim]) -> None:
        """Start an executor for each claim. Raises Unavailable when the launcher process is gone."""
        for claim in claims:
            channel = self._launcher.launch(execution_of(claim))
            self._selector.register(channel, selectors.EVENT_READ, _Attended(claim, channel))
            self._attended.add(claim.name)
            self._unstarted.add(claim.name)

    def turn(self, seconds: float, claim_more: Callable[[], Sequence[Claim]]) -> list[Claim]:
        """Wait for news up to `seconds`; write it and what `claim_more` claims in one transaction; answer; launch.

        `claim_more` is asked when an executor has ended, somebody rang or the time is over. Returns the new claims.
        """
        ready = [key.data for key, _ in self._selector.select(seconds)]
        speaking = [data for data in ready if isinstance(data, _Attended)]
        for data in ready:
            if isinstance(data, Doorbell):
                data.clear()
            else:
                self._listen(data)
        try:
            with self._board.together():
                for attended in speaking:
                    self._write(attended)
                is_news = len(speaking) < len(ready) or not ready or any(a.is_over for a in speaking)
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
        if not piece or len(attended.heard) > _LONGEST_LINE:
            self._part_from(attended)

    def _write(self, attended: _Attended) -> None:
        """Write what one executor said; it gets its answer once this is committed."""
        lease = attended.claim.lease
        for message in attended.said:
            answer: dict[str, Any] = {"lost": None, "cancel_requested": False}
            try:
                if message["say"] == "start":
                    executor = ProcessIdentity(message["pid"], message["started"], message["boot"])
                    answer["cancel_requested"] = self._board.start(lease, executor).cancel_requested
                else:
                    self._board.finish(lease, exit_file.from_json(message["ending"]))
                    attended.is_over = True
            except (Conflict, NotFound) as refused:
                answer["lost"] = str(refused)
                attended.is_over = True
            attended.answer = json.dumps(answer).encode() + b"\n"

    def _answer(self, attended: _Attended) -> None:
        if attended.answer:
            self._unstarted.discard(attended.claim.name)
            try:
                attended.channel.sendall(attended.answer)
            except OSError:
                pass  # it has gone to the board alone meanwhile
            attended.said, attended.answer = [], b""
        if attended.is_over:
            self._part_from(attended)

    def _part_from(self, attended: _Attended) -> None:
        name = attended.claim.name
        if name not in self._attended:
            return
        self._selector.unregister(attended.channel)
        attended.channel.close()
        self._attended.discard(name)
        self._unstarted.discard(name)
        if not attended.is_over:
            self.lost_sight_of.add(name)

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
