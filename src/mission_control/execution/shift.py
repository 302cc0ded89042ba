"""A shift: one process claims for some agents, launches, and attends to what it launched."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from mission_control import log
from mission_control.board import Board, Claim
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.attempt import ProcessIdentity
from mission_control.errors import NotFound, Unavailable
from mission_control.execution.attendance import Attendance, attending
from mission_control.execution.doorbell import Doorbell
from mission_control.execution.process import own_identity
from mission_control.execution.recovery import recover
from mission_control.folder import Folder
from mission_control.store.store import Store

START_SECONDS = 10.0  # how long a shift that does not wait stays for its executors to say that they start


class Shift:
    """The work of one heartbeat process."""

    def __init__(self, names: Sequence[str], *, store: Store, board: Board, clock: Clock, config: Config) -> None:
        self._names = names
        self._store = store
        self._board = board
        self._clock = clock
        self._config = config
        self._folder = Folder(config.home)
        self.claims: list[Claim] = []  # all that were claimed, in order
        self.error: str | None = None  # why something could not be started or recorded

    def work(self, environment: Mapping[str, str], *, wait: bool) -> None:
        """Claim, launch and stay until the executors have started; with `wait` until they have ended.

        `environment` is what attempts may inherit from.
        """
        try:
            with attending(self._board, self._config, environment) as attendance:
                self._turn(attendance, 0)
                deadline = time.monotonic() + START_SECONDS
                while attendance.unstarted and (left := deadline - time.monotonic()) > 0:
                    self._turn(attendance, left, self._names if wait else ())
                if wait:
                    self._stay(attendance)
        except Unavailable as fault:
            self.error = str(fault)

    def _stay(self, attendance: Attendance) -> None:
        """Fill the slots that become free until nothing is live any more."""
        try:
            bell = Doorbell(self._folder.doorbells)
        except OSError as fault:
            raise Unavailable(f"No doorbell can be hung in {self._folder.doorbells}: {fault}.") from fault
        attendance.listen_to(bell)
        try:
            self._turn(attendance, 0)  # what came before the bell hung
            while attendance.live:
                self._turn(attendance, self._config.poll_seconds)
                self._settle(attendance)
        finally:
            bell.close()

    def _turn(self, attendance: Attendance, seconds: float, names: Sequence[str] | None = None) -> None:
        """One turn of the attendance, in which these agents (null: all of the shift) claim.

        In the order of their names, so that shifts which lock the same agents do not wait for one another in a ring.
        """
        wanted = self._names if names is None else names
        claimer = own_identity()

        def claim(executors: Sequence[ProcessIdentity]) -> list[Claim]:
            found: list[Claim] = []
            for name in sorted(wanted):
                try:
                    found += self._board.claim(name, claimer=claimer, executors=executors[len(found) :])
                except NotFound:
                    continue  # left the squad during the shift
            return found

        claims = attendance.turn(seconds, claim)
        self.claims += claims
        self._log(claims)

    def _settle(self, attendance: Attendance) -> None:
        """Find out about executors that hung up: recover those that are gone, forget those that have ended."""
        if attendance.lost_sight_of:
            recover(self._board, config=self._config, clock=self._clock)
            attendance.forget_ended(self._store)

    def _log(self, claims: Sequence[Claim]) -> None:
        lines: dict[str, list[str]] = {}
        now = self._clock.now()
        for claim in claims:
            fields = {"attempt": claim.name, "agent": claim.agent.name, "token": claim.lease.token}
            lines.setdefault(claim.agent.name, []).append(log.line("attempt_claimed", now, fields))
        for name, of_agent in lines.items():
            log.append_lines(self._folder.heartbeat_log(name), of_agent)
