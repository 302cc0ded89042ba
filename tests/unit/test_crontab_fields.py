"""Cron wakes an agent when its schedule says, or more often where cron cannot say it; never less often."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mission_control.domain.schedule import check_schedule, next_heartbeat
from mission_control.errors import InvalidInput
from mission_control.ops.crontab.fields import clock_gaps, cron_times

START = datetime(2026, 3, 27, 22, 50, tzinfo=UTC)  # two days before Berlin's clocks change
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
SAME_ZONE: frozenset[timedelta] = frozenset()


# cron(8), said a second time, by its manual


def cron_set(field: str, least: int, most: int) -> set[int]:
    """The numbers a field means. It has no names, and steps only after a range or a star, as every cron reads it."""
    numbers: set[int] = set()
    for element in field.split(","):
        span, _, step = element.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            low, high = least, most
        else:
            assert dash or not step, f"crons differ in what they make of {element}"
            low, high = int(first), int(last or first)
        assert least <= low <= high <= most
        numbers |= set(range(low, high + 1, int(step or 1)))
    return numbers


def cron_fires(fields: str, moment: datetime) -> bool:
    """Whether cron starts the line in this minute of its local time."""
    words = fields.split(" ")
    minutes, hours, days, months, weekdays = (cron_set(word, *span) for word, span in zip(words, RANGES, strict=True))
    if moment.minute not in minutes or moment.hour not in hours or moment.month not in months:
        return False
    is_day = moment.day in days
    is_weekday = bool({moment.isoweekday(), moment.isoweekday() % 7} & weekdays)
    both = words[2].startswith("*") or words[4].startswith("*")
    return (is_day and is_weekday) if both else (is_day or is_weekday)


def schedule_fires(schedule: str, zone: ZoneInfo | None = None) -> Iterator[datetime]:
    """The heartbeats by the schedule after START."""
    moment = START
    while True:
        moment = next_heartbeat(schedule, moment, zone or UTC)
        yield moment


# Schedules as people write them


def field(least: int, most: int, names: str = "") -> st.SearchStrategy[str]:
    number = st.integers(least, most).map(str)
    step = st.integers(1, 15).map(str)
    word = number if not names else number | st.sampled_from(names.split()) | st.sampled_from(names.lower().split())
    span = st.tuples(st.integers(least, most), st.integers(least, most)).map(lambda ends: f"{min(ends)}-{max(ends)}")
    element = st.one_of(
        st.just("*"),
        word,
        span,
        st.tuples(st.just("*") | number | span, step).map("/".join),
    )
    return st.just("*") | st.lists(element, min_size=1, max_size=3).map(",".join)


MONTHS, DAYS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", "SUN MON TUE WED THU FRI SAT"
TIMES = st.tuples(field(0, 59), field(0, 23)).map(" ".join)
DATES = st.tuples(field(1, 31), field(1, 12, MONTHS), field(0, 7, DAYS)).map(" ".join)
SPECIAL_DATES = st.sampled_from(["L * *", "LW * *", "* * 5L", "* * 1#2", "1,L * *", "* 2 MON#1,FRI", "15 * FRI#3"])


def legal(schedule: str) -> str:
    try:
        return check_schedule(schedule)
    except InvalidInput:  # such as the 31st of February
        assume(False)
        raise


@hypothesis_settings(max_examples=50)
@given(times=TIMES, dates=DATES)
@example(times="5/15 9", dates="* * MON-FRI")
@example(times="5-5/15 */2", dates="1,15 * 5")
@example(times="0 9", dates="*/10 * SUN/2")
def test_what_cron_can_say_means_the_same_to_cron(times: str, dates: str) -> None:
    schedule = legal(f"{times} {dates}")
    told = cron_times(schedule, SAME_ZONE)
    assert told.reason is None
    fires = list(islice(schedule_fires(schedule), 20))
    assert all(cron_fires(told.fields, moment) for moment in fires)
    # In between cron has nothing to do. Looked at for a day and around each heartbeat: years have too many minutes.
    near = {START + timedelta(minutes=minutes) for minutes in range(1, 24 * 60)}
    near |= {moment + timedelta(days=days) for moment in fires for days in (-8, -7, -1, 1, 7)}
    near |= {moment + timedelta(minutes=minutes) for moment in fires for minutes in (-60, -15, -1, 1, 15, 60)}
    between = {moment for moment in near if START < moment <= fires[-1]} - set(fires)
    assert [moment for moment in between if cron_fires(told.fields, moment)] == []


@hypothesis_settings(max_examples=30)
@given(times=TIMES, dates=SPECIAL_DATES)
def test_what_cron_cannot_say_is_asked_at_every_heartbeat_and_at_no_other_minute(times: str, dates: str) -> None:
    schedule = legal(f"{times} {dates}")
    told = cron_times(schedule, SAME_ZONE)
    assert told.reason is not None
    assert all(cron_fires(told.fields, moment) for moment in islice(schedule_fires(schedule), 10))
    assert told.fields.endswith(" * * * *")
    assert cron_set(told.fields.split(" ", maxsplit=1)[0], 0, 59) == cron_set(
        cron_times(f"{times} * * *", SAME_ZONE).fields.split(" ", maxsplit=1)[0], 0, 59
    )


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])


@hypothesis_settings(max_examples=40)
@given(times=TIMES, dates=DATES, ours=ZONES, crons=ZONES)
@example(times="*/15 *", dates="* * *", ours="Europe/Berlin", crons="UTC")
@example(times="30 2", dates="* * *", ours="Europe/Berlin", crons="UTC")
@example(times="7 *", dates="* * *", ours="Asia/Kolkata", crons="UTC")
def test_in_another_zone_no_heartbeat_is_missed(times: str, dates: str, ours: str, crons: str) -> None:
    schedule = legal(f"{times} {dates}")
    zone, system = ZoneInfo(ours), ZoneInfo(crons)
    gaps = gaps_between(ours, crons)
    told = cron_times(schedule, gaps)
    if gaps == {timedelta()}:
        assert told.reason is None
        return
    if told.reason is None:
        _, *later = told.fields.split(" ")
        assert later == ["*"] * 4, "only what comes every hour is the same on both clocks"
    minutes = cron_set(cron_times(schedule, SAME_ZONE).fields.split(" ", maxsplit=1)[0], 0, 59)
    for moment in islice(schedule_fires(schedule, zone), 10):
        asked = [minute for minute in range(60) if cron_fires(told.fields, local(moment, minute, system))]
        # A time that the clock skipped has been moved to another minute; who is due then is so at the next one asked.
        is_moved = moment.astimezone(zone).minute not in minutes
        assert asked, f"nobody asks within an hour of {moment}"
        assert asked[0] == 0 or is_moved


@cache
def gaps_between(ours: str, crons: str) -> frozenset[timedelta]:
    return clock_gaps(ZoneInfo(ours), ZoneInfo(crons), START)


def local(moment: datetime, minutes: int, zone: ZoneInfo) -> datetime:
    return (moment + timedelta(minutes=minutes)).astimezone(zone)


@pytest.mark.parametrize(
    ("ours", "crons", "same"),
    [("Etc/UTC", "UTC", True), ("Europe/Berlin", "Europe/Paris", True), ("Europe/Berlin", "Africa/Lagos", False)],
)
def test_zones_are_compared_by_what_their_clocks_do(ours: str, crons: str, *, same: bool) -> None:
    assert (clock_gaps(ZoneInfo(ours), ZoneInfo(crons), START) == {timedelta()}) is same
