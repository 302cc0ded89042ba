"""What counts as a failed try, and what happens when tries are used up (I6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mission_control.board import Board
from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Status, Task
from mission_control.errors import Conflict
from mission_control.store import attempts
from mission_control.store.store import Store
from support.clock import FakeClock
from support.database import everything
from support.factories import PERSON, TaskFactory, ending, process
from support.invariants import check_board

HOUR = timedelta(hours=1)  # longer than any backoff


def end_once(board: Board, clock: FakeClock, outcome: Outcome) -> Task:
    """Wait out the backoff, let ada try once, and end it like this."""
    clock.advance(HOUR)
    (claim,) = board.claim("ada", claimer=process())
    return board.finish(claim.lease, ending(outcome))


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST])
def test_a_task_is_blocked_with_its_reason_when_its_tries_are_used_up(
    board: Board, store: Store, clock: FakeClock, task: TaskFactory, outcome: Outcome
) -> None:
    task(max_attempts=3)
    for failures in (1, 2):
        again = end_once(board, clock, outcome)
        assert (again.status, again.failures) == (Status.INBOX, failures)
        assert again.retry_at is not None
        assert again.retry_at > clock.now()
    blocked = end_once(board, clock, outcome)
    assert (blocked.status, blocked.failures) == (Status.BLOCKED, 3)
    assert blocked.reason is not None
    assert blocked.reason.startswith("3 attempts failed, the last: ")
    clock.advance(HOUR)
    assert board.claim("ada", claimer=process()) == []
    check_board(store, latest=clock.now())


def test_a_released_attempt_does_not_count_and_waits_for_nothing(
    board: Board, store: Store, clock: FakeClock, task: TaskFactory
) -> None:
    task(max_attempts=1)
    for _ in range(4):
        released = end_once(board, clock, Outcome.RELEASED)
        assert (released.status, released.failures, released.retry_at) == (Status.INBOX, 0, None)
    assert end_once(board, clock, Outcome.SUCCEEDED).status is Status.DONE
    assert [attempt.number for attempt in attempts.of_task(store, released.id)] == [1, 2, 3, 4, 5]
    check_board(store, latest=clock.now())


def test_a_failed_task_is_not_tried_again_before_its_backoff(board: Board, clock: FakeClock, task: TaskFactory) -> None:
    task()
    failed = end_once(board, clock, Outcome.FAILED)
    assert failed.retry_at == clock.now() + timedelta(seconds=30)
    clock.advance(timedelta(seconds=30, microseconds=-1))
    assert board.claim("ada", claimer=process()) == []
    clock.advance(timedelta(microseconds=1))
    assert len(board.claim("ada", claimer=process())) == 1


def test_a_person_who_says_now_ends_the_backoff_and_one_who_says_later_does_not(
    board: Board, store: Store, clock: FakeClock, task: TaskFactory
) -> None:
    task(max_attempts=3)
    failed = end_once(board, clock, Outcome.FAILED)
    later = board.edit(failed.id, {"not_before": clock.now() + HOUR}, actor=PERSON)
    assert later.retry_at == failed.retry_at
    board.edit(failed.id, {"not_before": clock.now()}, actor=PERSON)
    assert [claim.task.id for claim in board.claim("ada", claimer=process())] == [failed.id]
    check_board(store, latest=clock.now())


def test_a_retry_counts_from_zero_and_keeps_token_and_history(
    board: Board, store: Store, clock: FakeClock, task: TaskFactory
) -> None:
    task(max_attempts=1)
    blocked = end_once(board, clock, Outcome.FAILED)
    again = board.retry(blocked.id, actor=PERSON)
    assert (again.status, again.failures, again.reason) == (Status.INBOX, 0, None)
    assert again.token == blocked.token > 0
    assert len(attempts.of_task(store, blocked.id)) == 1
    (claim,) = board.claim("ada", claimer=process())
    assert claim.lease.token > blocked.token
    assert claim.lease.number == 2
    check_board(store, latest=clock.now())


def test_a_retry_for_later_waits(board: Board, clock: FakeClock, task: TaskFactory) -> None:
    cancelled = board.cancel(task().id, actor=PERSON)
    board.retry(cancelled.id, actor=PERSON, after=timedelta(minutes=10))
    assert board.claim("ada", claimer=process()) == []
    clock.advance(timedelta(minutes=10))
    assert len(board.claim("ada", claimer=process())) == 1


def test_work_asked_for_review_is_done_only_when_a_person_approves(
    board: Board, store: Store, clock: FakeClock, task: TaskFactory
) -> None:
    asked = task(review=True)
    assert end_once(board, clock, Outcome.SUCCEEDED).status is Status.REVIEW
    rejected = board.reject(asked.id, "Shorter, please", actor=PERSON)
    assert (rejected.status, rejected.reason) == (Status.INBOX, "Shorter, please")
    assert end_once(board, clock, Outcome.SUCCEEDED).status is Status.REVIEW
    assert board.approve(asked.id, actor=PERSON).status is Status.DONE
    check_board(store, latest=clock.now())


def test_an_answer_puts_a_blocked_task_back_with_all_its_tries(
    board: Board, store: Store, clock: FakeClock, task: TaskFactory
) -> None:
    task(max_attempts=1)
    blocked = end_once(board, clock, Outcome.FAILED)
    answered = board.answer(blocked.id, "Use the other key", actor=PERSON)
    assert (answered.status, answered.failures) == (Status.INBOX, 0)
    check_board(store, latest=clock.now())


def test_a_failure_after_a_cancel_is_not_tried_again(board: Board, clock: FakeClock, task: TaskFactory) -> None:
    task()
    clock.advance(HOUR)
    (claim,) = board.claim("ada", claimer=process())
    board.cancel(claim.task.id, actor=PERSON)
    assert board.finish(claim.lease, ending(Outcome.LOST)).status is Status.CANCELLED


@pytest.mark.parametrize("running", [False, True])
def test_the_limit_of_tries_is_never_set_so_low_that_they_are_used_up(
    board: Board, store: Store, clock: FakeClock, task: TaskFactory, running: bool
) -> None:
    limited = task(max_attempts=4)
    end_once(board, clock, Outcome.FAILED)
    end_once(board, clock, Outcome.FAILED)
    if running:
        clock.advance(HOUR)
        (claim,) = board.claim("ada", claimer=process())
    before = everything(store)
    with pytest.raises(Conflict):
        board.edit(limited.id, {"max_attempts": 2}, actor=PERSON)
    assert everything(store) == before
    board.edit(limited.id, {"max_attempts": 3}, actor=PERSON)
    ended = board.finish(claim.lease, ending(Outcome.FAILED)) if running else end_once(board, clock, Outcome.FAILED)
    assert (ended.status, ended.failures) == (Status.BLOCKED, 3)
    check_board(store, latest=clock.now())
