"""What a dispatcher does for as long as its database and its launcher process work: one turn after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from mission_control import log
from mission_control.board import Board, Claim
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.dispatcher.calendar import Calendar, Page
from mission_control.dispatcher.trouble import LauncherLost
from mission_control.domain.attempt import ProcessIdentity
from mission_control.domain.shares import Wish, fair_shares
from mission_control.errors import Conflict, InvalidInput, NotFound, Unavailable
from mission_control.execution.attendance import Attendance
from mission_control.execution.process import own_identity
from mission_control.folder import Folder
from mission_control.heartbeat import Result, log_line
from mission_control.routines import Routines
from mission_control.store import agents, dispatch
from mission_control.store.agents import Beat
from mission_control.store.store import Store

MOST_AT_ONCE = 64  # claims in one turn: executors that speak are not to wait for the launch of hundreds


class Duty:
    """The turns of one dispatcher over one open database and one launcher process."""

    def __init__(
        self,
        store: Store,
        board: Board,
        attendance: Attendance,
        *,
        clock: Clock,
        config: Config,
        calendar: Calendar,
        routines: Routines,
        when_lost: Callable[[], None],
        longest_sleep_seconds: float | None,
    ) -> None:
        """`when_lost` is called when an executor has hung up whose end is not recorded."""
        self._store = store
        self._board = board
        self._attendance = attendance
        self._clock = clock
        self._config = config
        self._calendar = calendar
        self._routines = routines
        self._when_lost = when_lost
        self._longest_sleep = min(config.poll_seconds, longest_sleep_seconds or config.poll_seconds)
        self._folder = Folder(config.home)
        self._page = Page()
        self._faults: dict[str, str] = {}  # agent -> why nothing could be claimed for it in this turn
        self._woken: AbstractSet[str] = frozenset()  # agents without work that got some in this turn
        self._has_more = True  # there was more to claim than was taken; so is the first turn
        self._turns = 0
        self._last_turn: dict[str, int] = {}  # of each agent, in which it took something

    def turn(self) -> None:
        """Let routines make what is due; sleep until there is news; record, give heartbeats, claim, answer, launch.

        Raises Unavailable; what was not written then is written by others, see Attendance.
        """
        self._page, self._faults, self._woken = Page(), {}, frozenset()
        self._store.check_place()
        self._has_more |= self._routines.make_due()  # apart from the claims, so that they never lock one another out
        try:
            claims = self._attendance.turn(self._seconds_to_sleep(), self._claim)
        except Unavailable:
            self._has_more = True  # the ring that woke us is forgotten, what it rang for is not done
            raise
        self._log(claims)
        if self._attendance.lost_sight_of:
            self._attendance.lost_sight_of.clear()  # from now on they are looked after as those of others are
            self._when_lost()
        if not self._attendance.can_launch:
            raise LauncherLost("The launcher process has ended; another is started.")

    def _seconds_to_sleep(self) -> float:
        """Until time alone gives something to do, at most until the next look of the backstop."""
        if self._has_more:
            return 0
        now = self._clock.now()
        instant = dispatch.next_instant(self._store, now)
        if instant is None:
            return self._longest_sleep
        return min(max((instant - now).total_seconds(), 0), self._longest_sleep)

    def _claim(self, executors: Sequence[ProcessIdentity]) -> list[Claim]:
        """Everything that is to do now, inside the transaction of the attendance; `executors` are free for it."""
        self._has_more = False
        if not self._attendance.can_launch:
            return []
        self._page = self._calendar.turn_page()
        now = self._clock.now()
        dispatch.wake_due(self._store, now=now, latest_backoff=now + self._config.backoff_cap)
        able = dispatch.able(self._store, self._config.host)
        if not able:
            return []
        self._turns += 1
        wishes = [Wish(a.agent, a.slots, a.live, self._last_turn.get(a.agent, 0)) for a in able]
        shares = fair_shares(wishes, self._room())
        claims: list[Claim] = []
        # In the order of their names, so that several who lock the same agents do not wait for one another in a ring.
        for name in sorted(shares):
            claims += self._claim_for(name, shares[name], executors[len(claims) :])
        self._wake({a.agent for a in able if a.live == 0} & {claim.agent.name for claim in claims}, now)
        self._has_more = bool(claims) and sum(shares.values()) < sum(wish.slots - wish.live for wish in wishes)
        return claims

    def _room(self) -> int:
        slots = self._config.machine_slots
        if slots is None:
            return MOST_AT_ONCE
        return min(MOST_AT_ONCE, slots - dispatch.live_here(self._store, self._config.host))

    def _claim_for(self, name: str, share: int, executors: Sequence[ProcessIdentity]) -> list[Claim]:
        """What this agent gets; its faults are its own."""
        try:
            claims = self._board.claim(name, claimer=own_identity(), most=share, executors=executors)
        except NotFound:
            return []  # left the squad meanwhile
        except (Conflict, InvalidInput) as fault:
            self._faults[name] = str(fault)
            return []
        if claims:
            self._last_turn[name] = self._turns
        return claims

    def _wake(self, idle: AbstractSet[str], now: datetime) -> None:
        """Work has woken these agents. Who was at work already, and fills a slot, goes on with the same heartbeat."""
        self._woken = idle
        for name in sorted(idle - self._page.given.keys()):
            agents.mark_heartbeat(self._store, name, now)

    def _log(self, claims: Sequence[Claim]) -> None:
        """One line for each claim and each heartbeat; a turn in which nothing happens leaves none."""
        now = self._clock.now()
        jump = self._page.jump
        if jump is not None:
            log.append(self._folder.dispatcher_log, "clock_jumped", now, seconds=jump.total_seconds())
        lines: dict[str, list[str]] = {}
        for missed in self._page.missed:
            fields = {"agent": missed.agent, "planned": f"{missed.planned_at:%Y-%m-%dT%H:%M:%SZ}"}
            lines.setdefault(missed.agent, []).append(log.line("heartbeat_missed", now, fields))
        started: Counter[str] = Counter()
        for claim in claims:
            name = claim.agent.name
            started[name] += 1
            fields = {"attempt": claim.name, "agent": name, "token": str(claim.lease.token)}
            lines.setdefault(name, []).append(log.line("attempt_claimed", now, fields))
        faults = {**self._page.faults, **self._faults}
        for name in {*self._page.given, *faults, *self._woken}:
            line = _line(name, now, beat=self._page.given.get(name), started=started[name], fault=faults.get(name))
            lines.setdefault(name, []).append(line)
        for name, of_agent in lines.items():
            log.append_lines(self._folder.heartbeat_log(name), of_agent)


def _line(agent: str, at: datetime, *, beat: Beat | None, started: int, fault: str | None) -> str:
    """The line of one heartbeat; `beat` is null when work and not the schedule gave it."""
    result = Result.WORKED if started else Result.PAUSED if beat is not None and beat.paused else Result.OK
    waiting = None if beat is None else beat.waiting - started
    return log_line(agent, Result.ERROR if fault else result, at, started=started, waiting=waiting, error=fault)
