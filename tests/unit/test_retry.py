"""When to try again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.domain.retry import RetryPolicy

seconds = st.floats(0, 7 * 86_400).map(lambda value: timedelta(seconds=value))
policies = st.builds(RetryPolicy, base=seconds, ceiling=seconds)
failures = st.integers(1, 10_000)


@given(policies, failures)
def test_a_later_failure_never_waits_less(policy, count):
    assert policy.backoff(count) <= policy.backoff(count + 1)


@given(policies, failures)
def test_no_wait_exceeds_the_ceiling(policy, count):
    assert timedelta(0) <= policy.backoff(count) <= policy.ceiling


@given(policies, failures, st.floats(0, 1))
def test_jitter_only_shortens_a_wait(policy, count, jitter):
    assert timedelta(0) <= policy.wait(count, jitter) <= policy.backoff(count)


def test_the_wait_doubles_from_the_base():
    policy = RetryPolicy(base=timedelta(seconds=10), ceiling=timedelta(seconds=70))
    assert [policy.backoff(count).total_seconds() for count in (1, 2, 3, 4, 5)] == [10, 20, 40, 70, 70]


@pytest.mark.parametrize("count", [0, -1])
def test_failures_count_from_one(count):
    with pytest.raises(ValueError, match="counts from 1"):
        RetryPolicy().backoff(count)


@pytest.mark.parametrize("jitter", [-0.1, 1.1, float("nan")])
def test_jitter_outside_its_range_is_refused(jitter):
    with pytest.raises(ValueError, match="jitter"):
        RetryPolicy().wait(1, jitter)
