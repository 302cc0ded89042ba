"""The board under random moves: after each, everything that it keeps equals what is computed anew."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from mission_control.board import Board, Claim
from mission_control.config import Config
from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Priority
from mission_control.errors import Conflict, LeaseLost, MissionControlError, NotFound
from mission_control.squad import NewAgent, Squad
from mission_control.store import attempts
from mission_control.store.store import Store
from support.clock import FakeClock
from support.database import empty, everything
from support.factories import PERSON, ending, process
from support.invariants import check_board

NAMES = ("ada", "bob")
names = st.sampled_from(NAMES)
minutes = st.sampled_from([-120, -1, 1, 5, 30, 600])
waits = st.none() | st.sampled_from([-10, 0, 10]).map(lambda minutes: timedelta(minutes=minutes))


class BoardMachine(RuleBasedStateMachine):
    """Everything that people, heartbeats and executors may do, in any order."""

    task_ids: Bundle[int] = Bundle("task_ids")
    claims: Bundle[Claim] = Bundle("claims")
    ended: Bundle[tuple[Claim, Outcome]] = Bundle("ended")

    def __init__(self, store: Store, config: Config) -> None:
        super().__init__()
        empty(store)
        self.store = store
        self.clock = FakeClock()
        self.latest: datetime = self.clock.now()
        self.board = Board(store, self.clock, config, refuses=lambda _runner, _command: None)
        self.squad = Squad(store, self.clock, config, runners=("shell",))

    @initialize()
    def assemble(self) -> None:
        for name in NAMES:
            self.squad.add(NewAgent(name, slots=2), actor=PERSON)

    # Others may have moved the task; a refusal must change nothing.
    def attempt(self, act: Callable[[], Any]) -> Any:
        before = everything(self.store)
        try:
            return act()
        except (Conflict, NotFound):
            assert everything(self.store) == before
            return None

    @rule(
        target=task_ids,
        priority=st.sampled_from(list(Priority)),
        agents=st.lists(names, unique=True),
        after=st.lists(task_ids, max_size=3),
        wait=waits,
        max_attempts=st.integers(1, 3),
        review=st.booleans(),
    )
    def add(self, wait: timedelta | None, after: list[int], **fields: Any) -> int:
        not_before = None if wait is None else self.clock.now() + wait
        new = NewTask(title="x", not_before=not_before, after=after, **fields)
        added = self.attempt(lambda: self.board.add(new, actor=PERSON))
        return added[0].id if added else after[0]  # a predecessor was deleted

    @rule(target=claims, name=names)
    def claim_one(self, name: str) -> MultipleResults[Claim]:
        return multiple(*self.board.claim(name, claimer=process(), most=1))

    @rule(name=names)
    def claim_and_fail_all(self, name: str) -> None:
        live = sum(attempt.agent == name for attempt in attempts.live(self.store))
        taken = self.board.claim(name, claimer=process())
        assert live + len(taken) <= max(live, 2)
        with self.board.together():
            for claim in taken:
                self.board.finish(claim.lease, ending(Outcome.FAILED))

    @rule(target=claims, task_id=task_ids, name=names)
    def claim_out_of_turn(self, task_id: int, name: str) -> MultipleResults[Claim]:
        claim = self.attempt(lambda: self.board.claim_task(task_id, name, claimer=process()))
        return multiple(claim) if claim else multiple()

    @rule(claim=claims, pid=st.integers(1, 2))
    def start_or_renew(self, claim: Claim, pid: int) -> None:
        self.attempt(lambda: self.board.start(claim.lease, process(pid=pid)))
        self.attempt(lambda: self.board.renew(claim.lease))

    @rule(target=ended, claim=consumes(claims), outcome=st.sampled_from(list(Outcome)))
    def finish(self, claim: Claim, outcome: Outcome) -> tuple[Claim, Outcome]:
        self.board.finish(claim.lease, ending(outcome))
        return claim, outcome

    @rule(end=ended, outcome=st.sampled_from(list(Outcome)))
    def finish_again(self, end: tuple[Claim, Outcome], outcome: Outcome) -> None:
        claim, first = end
        before = everything(self.store)
        heard = True
        try:
            self.board.finish(claim.lease, ending(outcome))
        except LeaseLost:
            heard = False
        assert heard is (outcome is first) or not self.exists(claim)
        assert everything(self.store) == before

    def exists(self, claim: Claim) -> bool:
        return attempts.get(self.store, claim.lease.task_id, claim.lease.number) is not None

    @rule(task_id=task_ids, move=st.sampled_from(["approve", "reject", "answer", "cancel", "retry", "delete"]))
    def decide(self, task_id: int, move: str) -> None:
        words = ("because",) if move in ("reject", "answer") else ()
        self.attempt(lambda: getattr(self.board, move)(task_id, *words, actor=PERSON))

    @rule(task_id=task_ids, wait=waits, priority=st.sampled_from(list(Priority)), agents=st.lists(names, unique=True))
    def edit(self, task_id: int, wait: timedelta | None, priority: Priority, agents: list[str]) -> None:
        changes = {
            "not_before": None if wait is None else self.clock.now() + wait,
            "priority": priority,
            "agents": agents,
            "max_attempts": 2,
        }
        self.attempt(lambda: self.board.edit(task_id, changes, actor=PERSON))

    @rule(task_id=task_ids, on=task_ids, remove=st.booleans())
    def depend(self, task_id: int, on: int, remove: bool) -> None:
        change = self.board.undepend if remove else self.board.depend
        self.attempt(lambda: change(task_id, on, actor=PERSON))

    @rule(name=names, slots=st.integers(1, 2), paused=st.booleans())
    def manage(self, name: str, slots: int, paused: bool) -> None:
        self.squad.edit(name, {"slots": slots}, actor=PERSON)
        (self.squad.pause if paused else self.squad.resume)(name, actor=PERSON)

    @rule(name=names)
    def leave_and_come_back(self, name: str) -> None:
        with suppress(Conflict):
            self.squad.remove(name, actor=PERSON)
            self.squad.add(NewAgent(name, slots=2), actor=PERSON)

    @rule(task_id=task_ids, name=names)
    def change_together(self, task_id: int, name: str) -> None:
        with self.board.together():
            for act in (self.board.cancel, self.board.approve, self.board.retry):
                with suppress(MissionControlError):
                    act(task_id, actor=PERSON)
            self.board.claim(name, claimer=process(), most=0)

    @rule(by=minutes)
    def move_the_clock(self, by: int) -> None:
        self.clock.set_wall(self.clock.now() + timedelta(minutes=by))
        self.latest = max(self.latest, self.clock.now())

    @invariant()
    def everything_kept_is_true(self) -> None:
        check_board(self.store, latest=self.latest)


def test_the_board_keeps_its_word_whatever_happens(store: Store, config: Config) -> None:
    run_state_machine_as_test(
        lambda: BoardMachine(store, config),  # type: ignore[arg-type]  # any callable that makes one will do
        settings=settings(
            max_examples=25 if store.dialect.name == "sqlite" else 12,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
