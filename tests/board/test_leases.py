"""One live attempt per task, and only the holder of the newest token is heard (I1, I2, I4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mission_control.board import Board, Claim
from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Status
from mission_control.errors import Conflict, LeaseLost, MissionControlError
from mission_control.store import attempts, tasks
from mission_control.store.attempts import Lease
from mission_control.store.store import Store
from support.clock import FakeClock
from support.database import ask, everything
from support.factories import PERSON, AgentFactory, TaskFactory, ending, process
from support.invariants import check_board


def claim_one(board: Board, agent: str = "ada") -> Claim:
    """The one task that the agent can take now."""
    (claim,) = board.claim(agent, claimer=process(), most=1)
    return claim


@pytest.fixture
def claim(board: Board, task: TaskFactory) -> Claim:
    """A task of ada's, claimed and not started."""
    task()
    return claim_one(board)


def test_a_claimed_task_cannot_be_claimed_again(
    board: Board, store: Store, task: TaskFactory, agent: AgentFactory
) -> None:
    task(to=("ada", "bob"))
    claim_one(board, "ada")
    assert board.claim("bob", claimer=process()) == []
    check_board(store)


def test_the_database_refuses_a_second_live_attempt(store: Store, claim: Claim) -> None:
    row = (
        "INSERT INTO attempt (task_id, number, token, agent, host, claimer_pid, claimer_started, claimer_boot, "
        "claimed_at, lease_expires_at) SELECT task_id, 2, token + 1, agent, host, claimer_pid, claimer_started, "
        "claimer_boot, claimed_at, lease_expires_at FROM attempt"
    )
    before = everything(store)
    with pytest.raises(Conflict):
        ask(store, row)
    assert everything(store) == before


def test_the_database_refuses_an_end_without_an_outcome(store: Store, claim: Claim) -> None:
    for change in ("ended_at = claimed_at", "outcome = 'failed'", "outcome = 'unknown', ended_at = claimed_at"):
        with pytest.raises(Conflict):
            ask(store, f"UPDATE attempt SET {change}")


def test_tokens_grow_over_all_tasks(board: Board, task: TaskFactory) -> None:
    seen = []
    for _ in range(5):
        task()
        claim = claim_one(board)
        seen.append(claim.lease.token)
        assert claim.task.token == claim.lease.token
        board.finish(claim.lease, ending())
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("stale", ["token", "number", "task"])
def test_a_wrong_lease_changes_nothing(board: Board, store: Store, claim: Claim, stale: str) -> None:
    wrong = {
        "token": replace(claim.lease, token=claim.lease.token + 1),
        "number": replace(claim.lease, number=2),
        "task": replace(claim.lease, task_id=99),
    }[stale]
    assert_nothing_is_heard(board, store, wrong)


def test_a_token_of_an_ended_attempt_changes_nothing_once_the_task_is_claimed_again(
    board: Board, store: Store, clock: FakeClock, claim: Claim
) -> None:
    board.finish(claim.lease, ending(Outcome.LOST))
    clock.advance(timedelta(minutes=1))
    later = claim_one(board)
    assert later.lease.token > claim.lease.token
    assert_nothing_is_heard(board, store, claim.lease)
    assert board.finish(later.lease, ending()).status is Status.DONE
    check_board(store)


def test_a_lease_of_a_deleted_task_is_lost(board: Board, store: Store, claim: Claim) -> None:
    board.finish(claim.lease, ending())
    board.delete(claim.task.id, actor=PERSON)
    assert_nothing_is_heard(board, store, claim.lease)


def assert_nothing_is_heard(board: Board, store: Store, lease: Lease) -> None:
    before = everything(store)
    with pytest.raises(LeaseLost):
        board.start(lease, process(pid=1))
    with pytest.raises(LeaseLost):
        board.renew(lease)
    for outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.RELEASED, Outcome.CANCELLED):
        with pytest.raises(LeaseLost):
            board.finish(lease, ending(outcome))
    assert everything(store) == before


def test_a_second_executor_cannot_start_the_same_attempt(board: Board, store: Store, claim: Claim) -> None:
    board.start(claim.lease, process(pid=10))
    before = everything(store)
    with pytest.raises(LeaseLost):
        board.start(claim.lease, process(pid=11))
    assert everything(store) == before


def test_starting_twice_is_harmless_for_the_same_executor(
    board: Board, store: Store, clock: FakeClock, claim: Claim
) -> None:
    board.start(claim.lease, process(pid=10))
    first = attempts.live(store)[0]
    clock.advance(timedelta(seconds=5))
    board.start(claim.lease, process(pid=10))
    again = attempts.live(store)[0]
    assert (again.started_at, again.executor) == (first.started_at, first.executor)


def test_a_renewal_prolongs_the_lease(board: Board, store: Store, clock: FakeClock, claim: Claim) -> None:
    clock.advance(timedelta(seconds=40))
    board.renew(claim.lease)
    (live,) = attempts.live(store)
    assert live.lease_expires_at == clock.now() + timedelta(seconds=60)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_saying_the_same_end_twice_is_harmless(board: Board, store: Store, claim: Claim, outcome: Outcome) -> None:
    first = board.finish(claim.lease, ending(outcome))
    before = everything(store)
    assert board.finish(claim.lease, ending(outcome)) == tasks.get(store, first.id)
    assert everything(store) == before
    check_board(store)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_different_second_end_is_refused(board: Board, store: Store, claim: Claim, outcome: Outcome) -> None:
    board.finish(claim.lease, ending(outcome))
    before = everything(store)
    for other in set(Outcome) - {outcome}:
        with pytest.raises(LeaseLost):
            board.finish(claim.lease, ending(other))
    assert everything(store) == before


@pytest.mark.parametrize("error", ["bell \x07 and NUL \0", "half a character \udc80", "x" * 100_000])
def test_whatever_a_program_says_its_end_is_recorded(board: Board, store: Store, claim: Claim, error: str) -> None:
    board.finish(claim.lease, ending(Outcome.FAILED, error=error))
    (attempt,) = attempts.of_task(store, claim.task.id)
    assert attempt.outcome is Outcome.FAILED
    assert attempt.error is not None
    assert "\0" not in attempt.error
    assert len(attempt.error) < 3_000
    board.finish(claim.lease, ending(Outcome.FAILED, error=error))


def test_a_cancel_reaches_the_executor_with_its_next_word(board: Board, claim: Claim) -> None:
    assert not board.start(claim.lease, process(pid=10)).cancel_requested
    asked = board.cancel(claim.task.id, actor=PERSON)
    assert asked.status is Status.IN_PROGRESS
    assert asked.cancel_requested_at is not None
    assert board.renew(claim.lease).cancel_requested
    assert board.finish(claim.lease, ending(Outcome.CANCELLED)).status is Status.CANCELLED


def test_work_that_was_finished_before_the_cancel_came_stays_finished(board: Board, claim: Claim) -> None:
    board.cancel(claim.task.id, actor=PERSON)
    done = board.finish(claim.lease, ending())
    assert (done.status, done.cancel_requested_at) == (Status.DONE, None)


def test_a_task_that_is_worked_on_cannot_be_taken_out_of_its_executors_hands(
    board: Board, store: Store, claim: Claim
) -> None:
    before = everything(store)
    for act in (board.approve, board.retry, board.delete):
        with pytest.raises(Conflict):
            act(claim.task.id, actor=PERSON)
    with pytest.raises(Conflict):
        board.claim_task(claim.task.id, "ada", claimer=process())
    assert everything(store) == before


def test_a_task_can_be_claimed_out_of_turn_when_nothing_holds_it(board: Board, store: Store, task: TaskFactory) -> None:
    task("first")
    second = task("second")
    assert board.claim_task(second.id, "ada", claimer=process()).task.id == second.id
    check_board(store)


def test_a_refused_claim_out_of_turn_names_every_cause(board: Board, task: TaskFactory, agent: AgentFactory) -> None:
    agent("ada", slots=1)
    first = task("first")
    waiting = task("second", after=[first])
    board.claim_task(first.id, "ada", claimer=process())
    with pytest.raises(MissionControlError, match=r"T-1 is in_progress; no free slot: ada has 1 of 1 in use"):
        board.claim_task(waiting.id, "ada", claimer=process())
