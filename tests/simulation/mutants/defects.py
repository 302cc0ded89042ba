"""Defects that a program like this could have, each put into the running code. The simulation must find every one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from mission_control import board as board_module
from mission_control.board import Board
from mission_control.domain.attempt import Attempt, Ending, Outcome, ProcessIdentity, Verdict, judge
from mission_control.domain.readiness import HoldKind
from mission_control.domain.task import Event, Task
from mission_control.execution import process, recovery
from mission_control.execution.recovery import Dead, find_dead
from mission_control.folder import Folder
from mission_control.moves import Moves
from mission_control.store import attempts, history
from mission_control.store.queries import Queries
from mission_control.store.store import Store
from simulation import actors
from simulation.world import World

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Defect:
    """One thing done wrong."""

    name: str
    apply: Callable[[Patch], None]
    breaks: frozenset[str]  # the invariants, of which the first to be seen broken may be any
    schema: str = ""  # what is done to the database besides


def _query(name: str, *changes: tuple[str, str]) -> Callable[[Patch], None]:
    """A named query with other words; each change must have something to change."""

    def apply(patch: Patch) -> None:
        genuine = Queries.__getitem__

        def mutated(self: Queries, wanted: str) -> str:
            text = genuine(self, wanted)
            if wanted == name:
                for old, new in changes:
                    assert old in text, f"{name} has no {old!r} any more; adapt the defect"
                    text = text.replace(old, new)
            return text

        patch.setattr(Queries, "__getitem__", mutated)

    return apply


def _attribute(owner: object, name: str, value: object) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(owner, name, value)


def _several(*parts: Callable[[Patch], None]) -> Callable[[Patch], None]:
    def apply(patch: Patch) -> None:
        for part in parts:
            part(patch)

    return apply


# Claims


def _each_statement_alone(patch: Patch) -> None:
    genuine = Board.claim

    def claim(self: Board, *args: Any, **named: Any) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(Store, "transaction", lambda _self, **_: nullcontext())
            return genuine(self, *args, **named)

    patch.setattr(Board, "claim", claim)
    patch.setattr(Board, "together", lambda _self, **_: nullcontext())


def _count_before_the_transaction(patch: Patch) -> None:
    genuine = Board._loads
    known: dict[str, Any] = {}

    def stale(self: Board, agent: Any) -> Any:
        fresh = genuine(self, agent)
        seen = known.get(agent.name, fresh)
        known[agent.name] = fresh
        return seen

    patch.setattr(Board, "_loads", stale)


def _claim_twice(patch: Patch) -> None:
    genuine = attempts.claim

    def twice(store: Store, task_id: int, *, token: int, **named: Any) -> int:
        genuine(store, task_id, token=token, **named)
        return genuine(store, task_id, token=store.number("token"), **named)

    patch.setattr(attempts, "claim", twice)


def _without_hold(*kinds: HoldKind) -> Callable[[Patch], None]:
    genuine = Board._task_holds

    def holds(self: Board, task: Task, now: Any) -> Any:
        return [hold for hold in genuine(self, task, now) if hold.kind not in kinds]

    return _attribute(Board, "_task_holds", holds)


# Ends


def _judge(change: Callable[[Ending], Ending] = lambda e: e, after: Callable[[Verdict], Verdict] = lambda v: v) -> Any:
    def mutated(task: Task, ending: Ending, **named: Any) -> Verdict:
        return after(judge(task, change(ending), **named))

    return _attribute(board_module, "judge", mutated)


def _seen_as(seen: Outcome, instead_of: Outcome) -> Any:
    return _judge(lambda ending: replace(ending, outcome=seen) if ending.outcome is instead_of else ending)


def _move_with(event: Event, change: Callable[[dict[str, Any]], object]) -> Callable[[Patch], None]:
    def apply(patch: Patch) -> None:
        genuine = Moves.move

        def move(self: Moves, task: Task, what: Event, **named: Any) -> Task:
            if what is event:
                change(named)
            return genuine(self, task, what, **named)

        patch.setattr(Moves, "move", move)

    return apply


@contextmanager
def _relaxed(self: Board, *, durable: bool = True) -> Iterator[None]:
    with self._store.transaction(durable=False):
        yield


# Recovery


def _judge_by_time(attempt: Attempt, host: str, now: Any, lease: Any) -> Dead | None:
    return Dead(attempt, "its lease has expired", is_here=True) if attempt.lease_expires_at < now else None


def _judge_strangers_at_once(attempt: Attempt, host: str, now: Any, lease: Any) -> Dead | None:
    known = attempt.executor or attempt.claimer
    if known.boot != process.boot():
        return Dead(attempt, "it is not of this boot", is_here=attempt.host == host)
    return _GENUINE_JUDGE(attempt, host, now, lease)


def _alive_by_pid(known: ProcessIdentity) -> bool:
    return known.boot == process.boot() and process.identity(known.pid) is not None


def _recover_by_the_first_look(board: Board, *, config: Any, clock: Any) -> list[Attempt]:
    dead = find_dead(board.live(), config=config, now=clock.now())
    recovery.end_leftovers([d.attempt for d in dead if d.is_here], config=config)
    with board.together():
        live = {attempt.name for attempt in board.live()}
        for d in dead:
            if d.attempt.name in live:
                recovery.record(board, d, Folder(config.home))
    return []


_GENUINE_JUDGE = recovery._judge
_BLIND = SimpleNamespace(read=lambda _folder, _token: None)
_LIVE = "AND ended_at IS NULL"
_THIS_ATTEMPT = "AND number = :number AND token = :token"


def _defect(name: str, apply: Callable[[Patch], None], *breaks: str, schema: str = "") -> Defect:
    return Defect(name, apply, frozenset(breaks), schema)


DEFECTS = [
    _defect("a claim whose statements commit one by one", _each_statement_alone, "I1", "I3"),
    _defect("slots counted before the claim's transaction", _count_before_the_transaction, "I7"),
    _defect(
        "slots that count only what has started",
        _query("agent.load", ("l.ended_at IS NULL", "l.ended_at IS NULL AND l.started_at IS NOT NULL")),
        "I7",
    ),
    _defect("two attempts in one claim", _claim_twice, "I1", schema="DROP INDEX attempt_one_live"),
    _defect(
        "a claim that does not look at predecessors",
        _several(
            _query("task.ready", ("q.claimable", "q.in_inbox"), ("AND t.unmet = 0", "")),
            _without_hold(HoldKind.PREDECESSOR),
        ),
        "I8",
    ),
    _defect(
        "a claim that does not wait",
        _several(
            _query(
                "task.ready", ("AND q.wake_at IS NULL", ""), ("t.not_before <= :now", "1"), ("t.retry_at <= :now", "1")
            ),
            _without_hold(HoldKind.NOT_BEFORE, HoldKind.BACKOFF),
        ),
        "I8",
    ),
    _defect(
        "predecessors that are not counted when they finish",
        _several(),
        "I8",
        "board",
        "liveness",
        schema="DROP TRIGGER task_successors",
    ),
    _defect("a start without token", _query("attempt.start", (_THIS_ATTEMPT, "")), "I1", "I2", "I5"),
    _defect("a start after the end", _query("attempt.start", (_LIVE, "")), "I4", "I5"),
    _defect("an end without token", _query("attempt.finish", (_THIS_ATTEMPT, "")), "I2", "I4", "I5"),
    _defect(
        "an executor that goes on while nobody notes its start",
        _query("attempt.claim", (":pid, :pid_started, :pid_boot, :now, :started_at", "NULL, NULL, NULL, :now, NULL")),
        "I1",
        "I2",
        "I5",
    ),
    _defect("an outcome that is written twice", _query("attempt.finish", (_LIVE, "")), "I4", "error"),
    _defect("a failure without backoff", _judge(after=lambda verdict: replace(verdict, retry_at=None)), "I8"),
    _defect("a release that counts", _seen_as(Outcome.FAILED, instead_of=Outcome.RELEASED), "I6"),
    _defect("a lost attempt that does not count", _seen_as(Outcome.RELEASED, instead_of=Outcome.LOST), "I6"),
    _defect("ends that a power cut undoes", _attribute(Board, "together", _relaxed), "I9"),
    _defect("a retry that takes the token back", _move_with(Event.RETRY, lambda named: named.update(token=0)), "I2"),
    _defect(
        "an answer that forgives nothing", _move_with(Event.ANSWER, lambda named: named.pop("failures")), "I6", "error"
    ),
    _defect(
        "a cancel that does not wait for the executor",
        _attribute(attempts, "live_of_task", lambda _store, _task_id: None),
        "I3",
    ),
    _defect("a move without a line of history", _attribute(history, "append", lambda _store, _line: None), "I3"),
    _defect("recovery by time alone", _attribute(recovery, "_judge", _judge_by_time), "I2", "I5", "liveness"),
    _defect(
        "recovery of other machines' attempts at once", _attribute(recovery, "_judge", _judge_strangers_at_once), "I5"
    ),
    _defect(
        "recovery that believes its first look", _attribute(actors, "recover", _recover_by_the_first_look), "I2", "I5"
    ),
    _defect("recovery that reads no exit file", _attribute(recovery, "exit_file", _BLIND), "I2"),
    _defect(
        "recovery that leaves processes behind", _attribute(recovery, "end_leftovers", lambda _, **__: set()), "I5"
    ),
    _defect(
        "recovery that knows sessions only",
        _several(
            _attribute(process, "_rest_of_entry", lambda _pid, _mark: None),
            _attribute(World, "output_file", lambda _self, _pid: ""),
        ),
        "I5",
    ),
    _defect(
        "recovery that takes any process with the pid for the executor",
        _attribute(process, "is_alive", _alive_by_pid),
        "liveness",
    ),
]
