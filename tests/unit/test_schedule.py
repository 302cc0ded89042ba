"""When heartbeats are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.domain.schedule import check_schedule, next_heartbeat, staggered_schedule
from mission_control.errors import InvalidInput
from support.clock import START

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2026, 3, 29, tzinfo=BERLIN)  # 02:00 becomes 03:00
AUTUMN = datetime(2026, 10, 25, tzinfo=BERLIN)  # 03:00 becomes 02:00


def beats(expression, start, length):
    """Every heartbeat within `length`, each computed from the one before, as the program does."""
    found, at = [], start.astimezone(UTC)
    end = at + length
    while (at := next_heartbeat(expression, at, BERLIN)) < end:
        found.append(at)
    return found


def local(moments):
    return [f"{moment.astimezone(BERLIN):%H:%M%z}" for moment in moments]


@pytest.mark.parametrize("position", range(40))
def test_a_new_agent_wakes_every_quarter_of_an_hour_two_minutes_after_the_one_before(position):
    schedule = check_schedule(staggered_schedule(position))
    at = next_heartbeat(schedule, START - timedelta(microseconds=1))
    assert at == START + timedelta(minutes=position * 2 % 15)
    assert next_heartbeat(schedule, at) - at == timedelta(minutes=15)


@given(st.sampled_from(["*/15 * * * *", "30 2 * * *", "10,50 2 * * *", "59 23 * * 5", "0 3 25 * *"]), st.data())
def test_the_next_heartbeat_always_lies_ahead(schedule, data):
    day = data.draw(st.sampled_from([SPRING, AUTUMN]))
    after = day.astimezone(UTC) + data.draw(st.timedeltas(timedelta(0), timedelta(hours=26)))
    assert next_heartbeat(schedule, after, BERLIN) > after


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_daylight_saving_stretches_and_skips_no_quarter_of_an_hour(day):
    found = beats("*/15 * * * *", day, timedelta(hours=8))
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=15)}


def test_a_local_time_that_is_skipped_fires_once_right_after():
    assert local(beats("30 2 * * *", SPRING, timedelta(hours=22))) == ["03:00+0200"]


def test_a_local_time_that_is_repeated_fires_once():
    assert local(beats("30 2 * * *", AUTUMN, timedelta(hours=23))) == ["02:30+0200"]


def test_a_heartbeat_by_hand_in_the_repeated_hour_does_not_bring_the_first_one_back():
    second_pass = AUTUMN.replace(hour=2, minute=10, fold=1)
    assert next_heartbeat("30 2 * * *", second_pass, BERLIN).astimezone(BERLIN).day == 26


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "5-1 * * * *",
        "0 0 30 2 *",
        "@hourly",
        "a b c d e",
        "٣ * * * *",
        "1" * 5000 + " * * * *",
        "* * * * *\0",
    ],
)
def test_what_is_no_schedule_is_refused_in_one_short_line(expression):
    with pytest.raises(InvalidInput) as refusal:
        check_schedule(expression)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_a_schedule_is_kept_with_single_spaces():
    assert check_schedule("  0\t9  * * mon-fri ") == "0 9 * * mon-fri"
