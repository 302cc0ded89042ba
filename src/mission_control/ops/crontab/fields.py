"""What cron(8) can say of a schedule. Ours know more (L, LW, #) and have the mission's own time zone. Pure."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_ELEMENT = re.compile(r"(\*|[A-Z0-9]+)(?:-([A-Z0-9]+))?(?:/([0-9]+))?", re.ASCII)
_MONTHS = {"JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6}
_MONTHS |= {"JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12}
_DAYS = {"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6}
_FIELDS: tuple[tuple[int, dict[str, int]], ...] = ((59, {}), (23, {}), (31, {}), (12, _MONTHS), (7, _DAYS))

_HOUR = timedelta(hours=1)
_SAME = frozenset({timedelta()})
_LOOK_AHEAD = timedelta(days=400)  # every change of the clocks within a year


@dataclass(frozen=True)
class CronTimes:
    """Five fields as every cron reads them. `reason`, when not null: why they are more often than the schedule."""

    fields: str
    reason: str | None = None


def cron_times(schedule: str, gaps: AbstractSet[timedelta]) -> CronTimes:
    """The schedule in cron's words, or else every hour at its minutes, which holds all of its times.

    `gaps` are those between the mission's clock and cron's, see `clock_gaps`.
    """
    plain = [_plain(field, *known) for field, known in zip(schedule.upper().split(), _FIELDS, strict=True)]
    same_zone = gaps <= _SAME
    hourly = f"{plain[0]} * * * *" if all(gap % _HOUR == timedelta() for gap in gaps) else "* * * * *"
    if None not in plain:
        fields = " ".join(field for field in plain if field)
        if same_zone or fields == hourly:
            return CronTimes(fields)
    return CronTimes(hourly, "cron knows no L, LW or #" if same_zone else "cron reads another time zone")


def clock_gaps(ours: tzinfo, crons: tzinfo, now: datetime) -> frozenset[timedelta]:
    """By how much the two clocks differ, at one time or another of the coming year; zero alone: they are the same."""
    hours = range(_LOOK_AHEAD // _HOUR)
    instants = (now.astimezone(UTC) + hour * _HOUR for hour in hours)
    return frozenset(_offset(instant, ours) - _offset(instant, crons) for instant in instants)


def _offset(instant: datetime, zone: tzinfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _plain(field: str, most: int, names: dict[str, int]) -> str | None:
    """A field without names and without what crons read differently; None when it says what cron cannot."""
    elements = [_plain_element(element, most, names) for element in field.split(",")]
    return None if None in elements else ",".join(element for element in elements if element)


def _plain_element(element: str, most: int, names: dict[str, int]) -> str | None:
    found = _ELEMENT.fullmatch(element)
    if found is None:
        return None
    first, last, step = found.groups()
    if first == "*":
        return element
    numbers = [_number(word, names) for word in (first, last) if word]
    if None in numbers:
        return None
    if step and len(set(numbers)) == 1:  # `5/15` and `5-5/15` go on to the end for us; crons differ or refuse
        numbers = [numbers[0], most]
    spoken = "-".join(map(str, numbers))
    return f"{spoken}/{step}" if step else spoken


def _number(word: str, names: dict[str, int]) -> int | None:
    return int(word) if word.isdecimal() else names.get(word)
