"""What becomes of every slot of a routine: at most one task, and none lost that the policy promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.domain.routine import MOST_AT_ONCE, ON_TIME, CatchUp, Overlap, Routine, decide, latest_slot
from mission_control.domain.schedule import fires_after, latest_time_of_day, next_heartbeat, next_time_of_day
from mission_control.domain.task import Priority
from mission_control.errors import InvalidInput
from support.clock import START

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2026, 3, 28, 12, tzinfo=BERLIN)  # that night 02:00 becomes 03:00
AUTUMN = datetime(2026, 10, 24, 12, tzinfo=BERLIN)  # that night 03:00 becomes 02:00
SCHEDULES = ["* * * * *", "*/15 * * * *", "30 2 * * *", "0 9 * * mon-fri", "5,50 2 * * *", "0 0 1 * *"]


def routine(schedule: str = "0 * * * *", at: datetime = START, **changes: object) -> Routine:
    """One that was planned at `at`."""
    made = Routine(
        id=1,
        title="Routine",
        description="",
        command="true",
        agents=("ada",),
        priority=Priority.NORMAL,
        max_attempts=None,
        timeout_seconds=None,
        review=False,
        schedule=schedule,
        catch_up=CatchUp.ONCE,
        overlap=Overlap.SKIP,
        paused=False,
        removed=False,
        next_at=next_heartbeat(schedule, at, BERLIN),
        planned_at=at,
        fault=None,
        created_at=at,
        updated_at=at,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name


def live(of: Routine, looks: list[datetime]) -> list[datetime]:
    """The slots that get a task when somebody looks at these times, until nothing is left to decide at each."""
    made: list[datetime] = []
    for now in looks:
        while of.next_at is not None and of.next_at <= now:
            decision = decide(of, now, BERLIN)
            made += decision.make
            of = replace(of, next_at=decision.next_at, planned_at=now)
    return made


@given(
    st.sampled_from(SCHEDULES),
    st.sampled_from([SPRING, AUTUMN]),
    st.lists(st.timedeltas(timedelta(0), timedelta(hours=20)), min_size=1, max_size=8),
)
def test_all_makes_a_task_for_every_slot_whenever_somebody_looks(
    schedule: str, start: datetime, waits: list[timedelta]
) -> None:
    start = start.astimezone(UTC)
    looks = [start := start + wait for wait in waits]
    of = routine(schedule, looks[0] - waits[0], catch_up=CatchUp.ALL)
    expected = []
    for slot in fires_after(schedule, looks[0] - waits[0], BERLIN):
        if slot > looks[-1]:
            break
        expected.append(slot)
    assert live(of, looks) == expected


@given(
    st.sampled_from(SCHEDULES),
    st.sampled_from([SPRING, AUTUMN]),
    st.lists(st.timedeltas(timedelta(0), timedelta(hours=20)), min_size=1, max_size=8),
    st.sampled_from([CatchUp.ONCE, CatchUp.SKIP]),
)
def test_once_and_skip_make_one_task_at_a_look_for_the_latest_slot(
    schedule: str, start: datetime, waits: list[timedelta], catch_up: CatchUp
) -> None:
    before = start.astimezone(UTC)
    of = routine(schedule, before, catch_up=catch_up)
    for wait in waits:
        now = before + wait
        passed = []
        for slot in fires_after(schedule, before, BERLIN):
            if slot > now:
                break
            passed.append(slot)
        made = live(of, [now])
        if not passed or (catch_up is CatchUp.SKIP and now - passed[-1] > ON_TIME):
            assert made == []
        else:
            assert made == [passed[-1]]
        of = replace(of, next_at=next_heartbeat(schedule, now, BERLIN))
        before = now


def test_a_local_time_that_is_skipped_or_repeated_makes_one_task() -> None:
    for start, expected in ((SPRING, "03:00+0200"), (AUTUMN, "02:30+0200")):
        looks = [start.astimezone(UTC) + timedelta(minutes=10 * count) for count in range(6 * 24)]
        made = live(routine("30 2 * * *", start.astimezone(UTC)), looks)
        assert [f"{slot.astimezone(BERLIN):%H:%M%z}" for slot in made] == [expected]


def test_quarters_of_an_hour_go_on_through_both_nights() -> None:
    for start in (SPRING, AUTUMN):
        looks = [start.astimezone(UTC) + timedelta(minutes=5 * count) for count in range(1, 12 * 24)]
        made = live(routine("*/15 * * * *", start.astimezone(UTC)), looks)
        assert {later - earlier for earlier, later in pairwise(made)} == {timedelta(minutes=15)}


def test_a_year_asleep_is_looked_through_quickly_and_comes_to_one_slot() -> None:
    now = START + timedelta(days=365, seconds=30)
    assert latest_slot("* * * * *", START, now, UTC) == now - timedelta(seconds=30)
    assert latest_slot("0 10 6 2 *", START, now, UTC) == START + timedelta(days=365)
    assert latest_slot("0 10 6 2 *", START, now - timedelta(days=1), UTC) == START


def test_very_many_slots_are_caught_up_in_parts() -> None:
    of = routine("* * * * *", START, catch_up=CatchUp.ALL)
    decision = decide(of, START + timedelta(days=1), UTC)
    assert len(decision.make) == MOST_AT_ONCE
    assert decision.next_at == decision.make[-1] + timedelta(minutes=1)


def test_a_clock_set_far_back_draws_the_next_slot_near_and_a_little_does_not() -> None:
    of = routine("0 * * * *", START + timedelta(days=400))
    assert decide(of, START, BERLIN).next_at == START + timedelta(hours=1)
    of = routine("0 * * * *", START)
    assert decide(of, START - timedelta(minutes=5), BERLIN).next_at == of.next_at


def test_a_schedule_that_never_fires_again_is_refused() -> None:
    with pytest.raises(InvalidInput, match="0 0 30 2"):
        decide(replace(routine(), schedule="0 0 30 2 *", next_at=START), START, UTC)


@given(st.sampled_from([SPRING, AUTUMN]), st.timedeltas(timedelta(0), timedelta(days=2)), st.integers(0, 1439))
def test_a_time_of_day_comes_once_a_day(start: datetime, after: timedelta, minute: int) -> None:
    now, at = start.astimezone(UTC) + after, f"{minute // 60:02}:{minute % 60:02}"
    latest, following = latest_time_of_day(now, at, BERLIN), next_time_of_day(now, at, BERLIN)
    assert latest <= now < following
    assert (following.astimezone(BERLIN).date() - latest.astimezone(BERLIN).date()).days <= 1
