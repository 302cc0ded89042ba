"""Attending executors: while the process that launched them lives, it writes to the board for all of them.

What several executors say is committed in one transaction, together with new claims for the slots that became
free; only then are they answered. Whoever gets no answer goes to the board alone, and every write is guarded by
its token, so this is only a faster way, never a needed one.

An executor that is done is given the next claim, if there is one. That it starts stands on the board before it is
told so: it lives, and its life is what the board asks for.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mission_control.board import Board, Claim
from mission_control.config import Config
from mission_control.domain.attempt import Ending, Outcome, ProcessIdentity
from mission_control.errors import Conflict, LeaseLost, NotFound, Unavailable
from mission_control.execution import exit_file
from mission_control.execution.attended import Attended
from mission_control.execution.doorbell import Doorbell
from mission_control.execution.execution import RENEWALS_PER_LEASE, execution_of
from mission_control.execution.launchers.local import LocalLauncher, start_launcher
from mission_control.store import attempts
from mission_control.store.attempts import Lease
from mission_control.store.store import Store

ClaimMore = Callable[[Sequence[ProcessIdentity]], Sequence[Claim]]
IDLE_SECONDS = 1.0  # how long an executor without work is kept for more


def claim_nothing(executors: Sequence[ProcessIdentity]) -> list[Claim]:  # noqa: ARG001  a ClaimMore
    """For who only stays until the end of what runs."""
    return []


@contextmanager
def attending(board: Board, config: Config, environment: Mapping[str, str]) -> Iterator[Attendance]:
    """A launcher process and the attendance of what it starts; both end with the block, executors go on.

    `environment` is what attempts may inherit from.
    """
    attendance = Attendance(board, start_launcher(config, environment), lease_seconds=config.lease_seconds)
    try:
        yield attendance
    finally:
        attendance.close()


class Attendance:
    """The executors launched by this process, for as long as it lives."""

    def __init__(self, board: Board, launcher: LocalLauncher, *, lease_seconds: float) -> None:
        self._board = board
        self._launcher = launcher
        self._renewal_seconds = lease_seconds / RENEWALS_PER_LEASE
        self._renew_at = time.monotonic() + self._renewal_seconds
        self._selector = selectors.DefaultSelector()
        self._at_work: dict[str, Attended] = {}  # by the name of the attempt
        self._idle: list[Attended] = []
        self._to_release: dict[Lease, str] = {}  # claimed, but nobody could be found to execute them; and why
        self.lost_sight_of: set[str] = set()  # attempts whose executor hung up before its end was recorded

    @property
    def unstarted(self) -> int:
        """Executors launched that have not yet said that they start."""
        return sum(not attended.has_started for attended in self._at_work.values())

    @property
    def live(self) -> int:
        """Attempts launched whose end has not been recorded, as far as we know."""
        return len(self._at_work) + len(self.lost_sight_of)

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
                self._to_release |= {unlaunched.lease: str(fault) for unlaunched in claims[position:]}
                with self._board.together():
                    self._release()
                self._to_release.clear()
                raise
            self._at_work[claim.name] = attended = Attended(channel, claim)
            self._selector.register(channel, selectors.EVENT_READ, attended)

    def turn(self, seconds: float, claim_more: ClaimMore) -> list[Claim]:
        """Wait for news up to `seconds`; write it and what `claim_more` claims in one transaction; answer; launch.

        `claim_more` is asked when an executor has ended, somebody rang or the time is over; it is told which executors
        are free, or will be by this commit, and lets its first claims start in them. Returns the new claims.
        Raises Unavailable when the board cannot be written or nothing can be launched; may then be called again.
        """
        until_renewal = max(self._renew_at - time.monotonic(), 0)
        ready = [key.data for key, _ in self._selector.select(min(seconds, until_renewal))]
        speaking = [data for data in ready if isinstance(data, Attended)]
        for data in ready:
            if isinstance(data, Doorbell):
                data.clear()
            else:
                data.listen()
        is_news = len(speaking) < len(ready) or not ready or any(a.has_ended for a in speaking)
        try:
            with self._board.together(durable=is_news or bool(self._to_release)):
                self._release()
                for attended in speaking:
                    self._write(attended)
                free = self._free(speaking)
                claims = list(claim_more([*free])) if is_news else []
                goers_on = [free[claim.executor] for claim in claims if claim.executor is not None]
                renewed = self._renew(set(self._at_work.values()).difference(speaking))
        except Unavailable:
            # Nothing was written. Hang up: each of them goes to the board alone until it gets through.
            for attended in speaking:
                attended.is_over = attended.idle_since is not None
                self._part_from(attended)
            raise
        self._to_release.clear()
        for attended, (lost, cancel_requested) in renewed.items():
            attended.tell_renewal(lost=lost, cancel_requested=cancel_requested)
        for claim in claims[: len(goers_on)]:
            assert claim.executor is not None
            self._give(free[claim.executor], claim)
        for attended in set(speaking).difference(goers_on):
            self._answer(attended)
        self._dismiss_idle()
        self.launch(claims[len(goers_on) :])
        return claims

    def _renew(self, silent: Iterable[Attended]) -> dict[Attended, tuple[str | None, bool]]:
        """Now and then, prolong the leases of those who are at work: why each is lost, and whether it is cancelled."""
        now = time.monotonic()
        if now < self._renew_at:
            return {}
        self._renew_at = now + self._renewal_seconds
        told: dict[Attended, tuple[str | None, bool]] = {}
        for attended in silent:
            if attended.has_started:
                try:
                    told[attended] = (None, self._board.renew(attended.claim.lease).cancel_requested)
                except LeaseLost as lost:
                    told[attended] = (str(lost), False)
        return told

    def _release(self) -> None:
        """Give back what could not be started; tried again with the next turn when this is not committed."""
        for lease, reason in self._to_release.items():
            try:
                self._board.finish(lease, Ending(Outcome.RELEASED, error=reason))
            except (Conflict, NotFound):
                pass  # somebody has ended the attempt

    def _write(self, attended: Attended) -> None:
        """Write what one executor said; it gets its answer once this is committed."""
        for message in attended.said:
            if message["say"] == "start" and attended.executor is None:
                break
            lost, cancel_requested = None, False
            try:
                cancel_requested = self._carry_out(attended, message)
            except (Conflict, NotFound) as refused:
                lost = str(refused)
            attended.prepare_answer(lost=lost, cancel_requested=cancel_requested)
        if attended.has_hung_up and not attended.has_started:
            self._write_stillborn(attended)

    def _carry_out(self, attended: Attended, message: dict[str, Any]) -> bool:
        """Whether somebody wants the task cancelled."""
        lease = attended.claim.lease
        if message["token"] != lease.token:
            raise LeaseLost(f"{attended.claim.name} is not what this executor speaks of. Stop working on it.")
        if message["say"] == "start":
            assert attended.executor is not None
            state = self._board.start(lease, attended.executor)
            attended.has_started = True
            return state.cancel_requested
        self._board.finish(lease, exit_file.from_json(message["ending"]))
        attended.is_over, attended.is_last = True, message["is_last"]
        return False

    def _write_stillborn(self, attended: Attended) -> None:
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

    def _free(self, speaking: Sequence[Attended]) -> dict[ProcessIdentity, Attended]:
        """Executors that are free, or will be by the commit that is under way."""
        return {a.executor: a for a in (*speaking, *self._idle) if a.can_go_on and a.executor is not None}

    def _answer(self, attended: Attended) -> None:
        attended.answer()
        if attended.can_go_on:
            if attended.idle_since is None:
                del self._at_work[attended.claim.name]
                self._idle.append(attended)
            attended.rest()
        elif attended.is_over or attended.has_hung_up:
            self._part_from(attended)

    def _give(self, attended: Attended, claim: Claim) -> None:
        """Answer this executor and let it go on; one that was told to stop meanwhile takes no more."""
        if attended.idle_since is None:
            del self._at_work[attended.claim.name]
        else:
            self._idle.remove(attended)
        self._at_work[claim.name] = attended
        try:
            attended.give(claim)
        except OSError:
            self._to_release[claim.lease] = "its executor was told to stop"
            attended.is_over = True
            self._part_from(attended)

    def _dismiss_idle(self) -> None:
        """Let go who has had nothing to do for a while."""
        now = time.monotonic()
        for attended in [a for a in self._idle if a.idle_since is not None and now - a.idle_since > IDLE_SECONDS]:
            self._part_from(attended)

    def _part_from(self, attended: Attended) -> None:
        self._selector.unregister(attended.channel)
        attended.channel.close()
        if attended.idle_since is not None:
            self._idle.remove(attended)
            return
        del self._at_work[attended.claim.name]
        if not attended.is_over:
            self.lost_sight_of.add(attended.claim.name)

    def forget_ended(self, store: Store) -> None:
        """Keep waiting only for those out of sight that are still live."""
        self.lost_sight_of &= {attempt.name for attempt in attempts.live(store)}

    def close(self) -> None:
        """Hang up on all; they go on alone."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, Attended):
                key.data.channel.close()
        self._selector.close()
        self._launcher.close()
