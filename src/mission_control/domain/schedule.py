"""When heartbeats are due: cron expressions, read by cronsim. And when something is due that is done once a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from mission_control.errors import InvalidInput

PERIOD_MINUTES = 15
STAGGER_MINUTES = 2
FIELDS = 5


def staggered_schedule(position: int) -> str:
    """Every 15 minutes, the agent at `position` (from 0) two minutes after the one before.

    >>> staggered_schedule(0), staggered_schedule(1)
    ('*/15 * * * *', '2-59/15 * * * *')
    """
    offset = position * STAGGER_MINUTES % PERIOD_MINUTES
    return f"*/{PERIOD_MINUTES} * * * *" if offset == 0 else f"{offset}-59/{PERIOD_MINUTES} * * * *"


def check_schedule(expression: str) -> str:
    """The expression with single spaces; InvalidInput when it is no five-field cron expression that ever fires."""
    from cronsim import CronSim, CronSimError

    words = expression.split()
    if len(words) != FIELDS:  # cronsim would read six as starting with seconds
        raise _refusal(expression, f"it has {len(words)} fields")
    tidy = " ".join(words)
    try:
        next(CronSim(tidy, datetime(2026, 1, 1, tzinfo=UTC)))
    except StopIteration:
        raise _refusal(expression, "it never fires") from None
    except (CronSimError, ValueError) as fault:
        raise _refusal(expression, str(fault)) from None
    return tidy


def _refusal(expression: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{expression[:60]!r} is not a cron schedule: {why}. "
        "Give five fields, e.g. '*/15 * * * *' for every quarter of an hour."
    )


def next_heartbeat(expression: str, after: datetime, zone: tzinfo = UTC) -> datetime:
    """The first instant strictly after `after` at which `expression` fires in `zone`, in UTC. Raises InvalidInput."""
    return next(fires_after(expression, after, zone))


def fires_after(expression: str, after: datetime, zone: tzinfo = UTC) -> Iterator[datetime]:
    """Every instant strictly after `after` at which `expression` fires in `zone`, in UTC, earliest first.

    Local times that daylight saving skips or repeats fire once, as Debian's cron does. Raises InvalidInput.
    """
    # Imported here: 15 ms that only a heartbeat or a new schedule should pay.
    from cronsim import CronSim, CronSimError

    try:
        for moment in CronSim(expression, after.astimezone(zone)):
            found = moment.astimezone(UTC)
            # In an hour that is repeated cronsim answers with its first pass, which may be over already.
            if found > after:
                yield found
    except CronSimError as fault:
        raise _refusal(expression, str(fault)) from None
    raise _refusal(expression, "it never fires again")


def latest_time_of_day(now: datetime, at: str, zone: tzinfo) -> datetime:
    """The last moment up to `now` at which a clock in `zone` showed `at` (HH:MM).

    Where the clock is put forward over it, the moment at which it would have been; where it is put back, the first.
    """
    today = now.astimezone(zone).date()
    moments = (time_of_day(today - timedelta(days=days), at, zone) for days in (0, 1))
    return next(moment for moment in moments if moment.timestamp() <= now.timestamp())


def next_time_of_day(now: datetime, at: str, zone: tzinfo) -> datetime:
    """The first moment after `now` at which a clock in `zone` shows `at` (HH:MM)."""
    today = now.astimezone(zone).date()
    moments = (time_of_day(today + timedelta(days=days), at, zone) for days in (0, 1, 2))
    return next(moment for moment in moments if moment.timestamp() > now.timestamp())


def time_of_day(day: date, at: str, zone: tzinfo) -> datetime:
    """When a clock in `zone` shows `at` (HH:MM) on that day, in UTC."""
    return datetime.combine(day, time.fromisoformat(at), zone).astimezone(UTC)
