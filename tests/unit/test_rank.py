"""The order of the queue."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mission_control.domain.task import Priority, rank
from support.clock import START

AGEING = timedelta(hours=6)
priorities = st.sampled_from(Priority)
ages = st.timedeltas(timedelta(0), timedelta(days=3650))
ageings = st.timedeltas(timedelta(seconds=3.6), timedelta(hours=100_000))


def test_of_one_age_the_more_urgent_goes_first():
    order = [Priority.URGENT, Priority.HIGH, Priority.NORMAL, Priority.LOW]
    ranks = [rank(priority, START, AGEING) for priority in order]
    assert all(earlier < later for earlier, later in pairwise(ranks))


@given(priorities, ages, ages)
def test_of_one_priority_the_oldest_goes_first(priority, one, other):
    first, second = sorted([START - one, START - other])
    assert rank(priority, first, AGEING) <= rank(priority, second, AGEING)
    assert first == second or rank(priority, first, AGEING) != rank(priority, second, AGEING)


@given(priorities, priorities, ageings, ages)
def test_no_task_starves_behind_newer_ones_however_urgent(waiting, newer, ageing, age):
    """What comes later than all the levels a task can gain goes behind it."""
    comes = START + 3 * ageing + age + timedelta(microseconds=1)
    assert rank(waiting, START, ageing) < rank(newer, comes, ageing)


@given(ageings)
def test_a_task_gains_one_level_in_the_time_of_ageing(ageing):
    assert rank(Priority.NORMAL, START, ageing) == rank(Priority.HIGH, START + ageing, ageing)


@given(priorities, ageings)
def test_a_rank_fits_into_the_column_that_holds_it(priority, ageing):
    assert 0 <= rank(priority, START, ageing) < 2**63
