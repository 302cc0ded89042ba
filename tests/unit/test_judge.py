"""What the end of an attempt means for its task."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from mission_control.domain.attempt import COUNTED, Outcome, judge
from mission_control.domain.retry import RetryPolicy
from mission_control.domain.task import TRANSITIONS, Event, Status
from support.clock import START
from support.factories import ending, make_task

POLICY = RetryPolicy(base=timedelta(seconds=10), ceiling=timedelta(minutes=15))


def verdict(outcome, *, jitter=1.0, **task):
    running = make_task(status=Status.IN_PROGRESS, **task)
    return judge(running, ending(outcome), policy=POLICY, now=START, jitter=jitter)


@pytest.mark.parametrize(("outcome", "cancelled", "failures"), list(product(Outcome, [False, True], [0, 1, 2])))
def test_every_end_moves_the_task_as_its_outcome_and_the_limit_say(outcome, cancelled, failures):
    judged = verdict(outcome, failures=failures, cancel_requested_at=START if cancelled else None)
    last = failures + 1 == 3
    expected = {
        Outcome.SUCCEEDED: Event.SUCCEED,
        Outcome.CANCELLED: Event.CANCEL,
        Outcome.RELEASED: Event.CANCEL if cancelled else Event.REQUEUE,
    }.get(outcome, Event.CANCEL if cancelled else Event.BLOCK if last else Event.REQUEUE)
    assert judged.event is expected
    assert judged.failures == failures + (outcome in COUNTED)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_verdict_is_a_legal_move(outcome):
    assert verdict(outcome).event in TRANSITIONS[Status.IN_PROGRESS]


@pytest.mark.parametrize(("limit", "failures"), [(1, 0), (3, 2), (100, 99)])
@pytest.mark.parametrize("outcome", sorted(COUNTED))
def test_counted_attempts_never_exceed_the_limit(outcome, limit, failures):
    judged = verdict(outcome, max_attempts=limit, failures=failures)
    assert judged.event is Event.BLOCK
    assert judged.failures == limit
    assert judged.reason is not None  # a blocked task says why


def test_a_failure_waits_its_backoff_and_a_release_does_not():
    assert verdict(Outcome.FAILED, failures=1).retry_at == START + timedelta(seconds=20)
    assert verdict(Outcome.FAILED, failures=1, jitter=0.5).retry_at == START + timedelta(seconds=10)
    assert verdict(Outcome.RELEASED).retry_at is None


def test_work_that_needs_review_is_submitted():
    assert verdict(Outcome.SUCCEEDED, review=True).event is Event.SUBMIT


def test_a_success_stays_one_though_a_cancel_was_asked_for():
    assert verdict(Outcome.SUCCEEDED, cancel_requested_at=START).event is Event.SUCCEED


def test_a_blocked_task_names_its_last_error_and_how_often_it_failed():
    assert verdict(Outcome.FAILED, failures=2).reason == "3 attempts failed, the last: exit status 1"
    assert verdict(Outcome.LOST, max_attempts=1).reason == "1 attempt failed, the last: lost"
