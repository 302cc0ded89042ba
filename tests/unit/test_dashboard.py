"""Figures over time, lanes and pulse: what a chart shows is what happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.dashboard.course import change, course
from mission_control.dashboard.pulse import Pulse, pulse, record
from mission_control.domain.agent import Agent
from mission_control.domain.attempt import Outcome
from mission_control.interfaces.web.pages.lanes import lanes
from mission_control.store.overview import Bar, TimedEnd
from support.clock import START

WEEK = timedelta(days=7)


def end(
    at: datetime = START, outcome: Outcome = Outcome.SUCCEEDED, error: str | None = None, **more: float
) -> TimedEnd:
    return TimedEnd(at, "ada", outcome, error, more.get("wait"), more.get("took"), None, None, more.get("cost"))


@given(st.lists(st.tuples(st.floats(0, WEEK.total_seconds()), st.sampled_from(Outcome)), max_size=60))
def test_every_end_is_in_one_step_and_one_hour(ends: list[tuple[float, Outcome]]) -> None:
    since = START - WEEK
    found = course([end(since + timedelta(seconds=age), outcome) for age, outcome in ends], since, START, UTC)
    succeeded = sum(outcome is Outcome.SUCCEEDED for _, outcome in ends)
    failed = sum(outcome in (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST) for _, outcome in ends)
    assert sum(step.succeeded for step in found.steps) == succeeded
    assert sum(step.failed for step in found.steps) == failed
    assert sum(map(sum, found.by_hour)) == len(ends)
    assert sum(reason.attempts for reason in found.reasons) == failed


def test_failures_that_differ_only_in_numbers_are_one_reason_but_exit_codes_stay_apart() -> None:
    said = ["time limit of 2 s reached", "time limit of 60 s reached", "exit status 1", "exit status 2"]
    found = course([end(outcome=Outcome.FAILED, error=text) for text in said], START - WEEK, START, UTC)
    assert [(reason.text, reason.attempts) for reason in found.reasons] == [
        ("time limit of … s reached", 2),
        ("exit status 1", 1),
        ("exit status 2", 1),
    ]


def test_unknown_cost_stays_unknown() -> None:
    found = course(
        [end(START - timedelta(days=1)), end(START - timedelta(hours=1), cost=0.5)], START - WEEK, START, UTC
    )
    assert [step.cost_usd for step in found.steps if step.succeeded] == [None, 0.5]


@pytest.mark.parametrize(("now", "before", "share"), [(3, 2, 0.5), (None, 2, None), (3, None, None), (3, 0, None)])
def test_a_change_is_known_only_against_something(now: float | None, before: float | None, share: float | None) -> None:
    assert change(now, before) == share


def bar(number: int, begin: float, length: float | None) -> Bar:
    began = START - timedelta(hours=begin)
    ended = None if length is None else began + timedelta(hours=length)
    return Bar(1, number, "Write", "ada", began, ended, None if ended is None else Outcome.SUCCEEDED)


@given(st.lists(st.tuples(st.floats(0, 6), st.floats(0, 6)), max_size=12))
def test_bars_of_one_lane_never_cover_one_another(times: list[tuple[float, float]]) -> None:
    oldest_last = sorted(
        (bar(n, begin, min(length, begin)) for n, (begin, length) in enumerate(times)), key=lambda b: b.claimed_at
    )
    picture = lanes(oldest_last[::-1], ["ada"], now=START, window=timedelta(hours=6))
    placed = picture.rows[0].bars
    for row in {bar.top for bar in placed}:
        spans = sorted((bar.left, bar.left + bar.width) for bar in placed if bar.top == row)
        # Bars at the very end are moved to the left so that they can be seen.
        assert all(one[1] <= other[0] + 0.36 for one, other in pairwise(spans))
    assert picture.count == len(times)


def test_a_live_attempt_reaches_up_to_now() -> None:
    picture = lanes([bar(1, 3, None)], [], now=START, window=timedelta(hours=6))
    (lane,) = picture.rows
    assert (lane.bars[0].left, lane.bars[0].width, lane.bars[0].outcome) == (50, 50, None)


def agent(**changes: object) -> Agent:
    values: dict[str, object] = {
        "name": "ada", "role": "", "runner": "shell", "model": None, "slots": 1, "schedule": "*/15 * * * *",
        "host": None, "review": False, "paused": False, "removed": False, "next_heartbeat_at": None,
        "last_heartbeat_at": START, "legacy_id": None, "created_at": START, "updated_at": START,
    }  # fmt: skip
    return Agent(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(14, Pulse.STEADY), (22, Pulse.STEADY), (23, Pulse.LATE), (44, Pulse.LATE), (45, Pulse.MISSING)],
)
def test_the_pulse_is_judged_by_the_interval_of_the_schedule(minutes: int, said: Pulse) -> None:
    assert pulse(agent(), START + timedelta(minutes=minutes), UTC) is said


def test_a_pause_and_a_first_heartbeat_to_come_are_no_alarm() -> None:
    assert pulse(agent(paused=True), START + WEEK, UTC) is Pulse.PAUSED
    assert pulse(agent(last_heartbeat_at=None), START + timedelta(minutes=5), UTC) is Pulse.NEVER


def test_released_and_cancelled_attempts_say_nothing_about_an_agent() -> None:
    assert (
        record({Outcome.SUCCEEDED: 3, Outcome.LOST: 1, Outcome.CANCELLED: 9, Outcome.RELEASED: 9}).success_rate == 0.75
    )
    assert record({Outcome.CANCELLED: 1}).success_rate is None
