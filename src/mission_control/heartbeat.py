"""One wake-up of one agent: look, recover, claim, launch, report.

A heartbeat that finds nothing is what happens most, so whatever only work needs is imported when there is some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from mission_control import log
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.errors import NotFound
from mission_control.folder import Folder
from mission_control.store import agents, dispatch
from mission_control.store.store import Store

if TYPE_CHECKING:
    from mission_control.board import Board, Claim
    from mission_control.domain.attempt import Attempt
    from mission_control.domain.task import Task


class Result(StrEnum):
    """What a heartbeat came to."""

    OK = "ok"  # nothing to do
    WORKED = "worked"
    PAUSED = "paused"
    ERROR = "error"


@dataclass(frozen=True)
class Report:
    """What one heartbeat of one agent found and did."""

    agent: str
    result: Result
    mentions: int
    started: Sequence[Attempt]  # with outcomes when the heartbeat waited
    reaped: Sequence[Attempt]  # attempts of the agent that were found dead and ended
    waiting: int  # tasks of the agent that stay in the inbox
    would_start: Sequence[Task]  # a dry run: what would be claimed, in order
    duration_ms: float
    error: str | None = None


@dataclass
class _Beat:
    """One agent's heartbeat while it is under way."""

    agent: str
    paused: bool
    claims: list[Claim] = field(default_factory=list)
    reaped: list[Attempt] = field(default_factory=list)
    would_start: list[Task] = field(default_factory=list)
    waiting: int = 0
    error: str | None = None

    @property
    def result(self) -> Result:
        if self.error:
            return Result.ERROR
        if self.claims or self.reaped or self.would_start:
            return Result.WORKED
        return Result.PAUSED if self.paused else Result.OK


class Heart:
    """Gives heartbeats."""

    def __init__(
        self,
        store: Store,
        board: Callable[[], Board],
        clock: Clock,
        config: Config,
        environment: Mapping[str, str],
    ) -> None:
        """`board` is asked for when there is work; `environment` is what attempts may inherit from."""
        self._store = store
        self._board = board
        self._clock = clock
        self._config = config
        self._environment = environment
        self._folder = Folder(config.home)

    def due(self) -> list[str]:
        """The agents whose heartbeat is due now."""
        return agents.due(self._store, self._clock.now())

    def everybody(self) -> list[str]:
        """The agents of the squad, by name."""
        return [agent.name for agent in agents.listed(self._store)]

    def beat(self, names: Sequence[str], *, wait: bool = False) -> list[Report]:
        """Wake these agents. Raises NotFound before anything is done when one is unknown.

        Stays until its executors have started; with `wait` until they have ended, claiming what fits into the
        slots that become free.
        """
        since = self._clock.monotonic()
        looks = self._look(names)
        beats = {name: _Beat(name, look.paused, waiting=look.waiting) for name, look in looks.items()}
        # What a recovery ends may put a task back, or be what others waited for.
        recovered = any(look.has_live for look in looks.values()) and self._recover(beats)
        changed = self._make_routine_tasks() or recovered
        able = [
            name for name, look in looks.items() if not look.paused and (changed or (look.has_work and look.has_room))
        ]
        if able:
            self._work({name: beats[name] for name in able}, wait=wait)
        return [self._report(beat, since) for beat in beats.values()]

    def _recover(self, beats: Mapping[str, _Beat]) -> bool:
        """Whether there was anything to recover."""
        from mission_control.execution.recovery import recover

        ended = recover(self._board(), config=self._config, clock=self._clock)
        for attempt in ended:
            if attempt.agent in beats:
                beats[attempt.agent].reaped.append(attempt)
        return bool(ended)

    def _make_routine_tasks(self) -> bool:
        """Whether a slot of any routine had come, whoever its tasks are for."""
        if not dispatch.is_routine_due(self._store, self._clock.now()):
            return False
        from mission_control.routines import Routines

        routines = Routines(self._store, self._board(), self._clock, self._config)
        while routines.make_due():  # again, where one catches up very many
            pass
        return True

    def _work(self, beats: Mapping[str, _Beat], *, wait: bool) -> None:
        from mission_control.execution.shift import Shift
        from mission_control.store import tasks

        shift = Shift(list(beats), store=self._store, board=self._board(), clock=self._clock, config=self._config)
        shift.work(self._environment, wait=wait)
        for claim in shift.claims:
            beats[claim.agent.name].claims.append(claim)
        for name, beat in beats.items():
            beat.error = shift.error
            beat.waiting = tasks.count_waiting(self._store, name)

    def rehearse(self, names: Sequence[str]) -> list[Report]:
        """What `beat` would do, found out by doing it in a transaction that is rolled back. Changes nothing."""
        from mission_control.execution.process import own_identity
        from mission_control.execution.recovery import find_dead, record
        from mission_control.store import tasks

        since = self._clock.monotonic()
        board = self._board()
        beats = []
        with self._store.rehearsal():
            for dead in find_dead(board.live(), config=self._config, now=self._clock.now()):
                record(board, dead, self._folder)
            self._make_routine_tasks()
            for name in names:
                beat = _Beat(name, self._known(name))
                beat.would_start = [claim.task for claim in board.claim(name, claimer=own_identity())]
                beat.waiting = tasks.count_waiting(self._store, name)
                beats.append(beat)
        return [self._report(beat, since, in_earnest=False) for beat in beats]

    def _known(self, name: str) -> bool:
        """Whether the agent is paused; NotFound when there is none."""
        agent = agents.get(self._store, name)
        if agent is None or agent.removed:
            raise _no_agent(name)
        return agent.paused

    def _look(self, names: Sequence[str]) -> dict[str, agents.Beat]:
        """Mark each heartbeat and learn whether there is work: one indexed statement an agent."""
        now = self._clock.now()
        looks: dict[str, agents.Beat] = {}
        with self._store.transaction():
            for name in sorted(names):  # in one order, so that two heartbeats never wait for each other
                looks[name] = mark(self._store, name, now=now, config=self._config)
        return {name: looks[name] for name in names}

    def _report(self, beat: _Beat, since: float, *, in_earnest: bool = True) -> Report:
        started = [self._attempt(claim) for claim in beat.claims]
        report = Report(
            agent=beat.agent,
            result=beat.result,
            mentions=0,
            started=[attempt for attempt in started if attempt],
            reaped=beat.reaped,
            waiting=beat.waiting,
            would_start=beat.would_start,
            duration_ms=(self._clock.monotonic() - since) * 1000,
            error=beat.error,
        )
        if in_earnest:
            self._log(report)
        return report

    def _attempt(self, claim: Claim) -> Attempt | None:
        """None when somebody deleted the task meanwhile."""
        from mission_control.store import attempts

        return attempts.get(self._store, claim.lease.task_id, claim.lease.number)

    def _log(self, report: Report) -> None:
        fields = {
            "recovered": len(report.reaped) or None,
            "waiting": report.waiting,
            "ms": report.duration_ms,
            "error": report.error,
        }
        line = log_line(report.agent, report.result, self._clock.now(), started=len(report.started), **fields)
        log.append_lines(self._folder.heartbeat_log(report.agent), [line])


def mark(store: Store, name: str, *, now: datetime, config: Config) -> agents.Beat:
    """Note the heartbeat, plan the next one when this one was due, and learn whether there is work.

    Raises NotFound; InvalidInput when the agent's schedule never fires.
    """
    look = agents.beat(store, name, now=now, latest_backoff=now + config.backoff_cap)
    if look is None:
        raise _no_agent(name)
    if look.next_heartbeat_at is None or look.next_heartbeat_at <= now:
        from mission_control.domain.schedule import next_heartbeat

        agents.schedule_next(store, name, next_heartbeat(look.schedule, now, config.zone))
    return look


def log_line(agent: str, result: Result, at: datetime, *, started: int, **fields: object) -> str:
    """The line of one heartbeat in its agent's log; fields that are null are left out."""
    event = {Result.ERROR: "heartbeat_failed"}.get(result, f"heartbeat_{result}")
    return log.line(event, at, {"agent": agent, "started": started or None, **fields})


def _no_agent(name: str) -> NotFound:
    return NotFound(f"There is no agent {name}. See: missionctl agent list")
