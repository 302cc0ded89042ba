"""When heartbeats are due: cron expressions, read by cronsim."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from mission_control.errors import InvalidInput

PERIOD_MINUTES = 15
STAGGER_MINUTES = 2


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

    tidy = " ".join(expression.split())
    try:
        next(CronSim(tidy, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as fault:
        raise InvalidInput(
            f"{expression!r} is not a cron schedule ({fault or 'it never fires'}). "
            "Give five fields, e.g. '*/15 * * * *' for every quarter of an hour."
        ) from None
    return tidy


def next_heartbeat(expression: str, after: datetime, zone: tzinfo = UTC) -> datetime:
    """The first instant strictly after `after` at which `expression` fires in `zone`, in UTC.

    Local times that daylight saving skips or repeats fire once, as Debian's cron does.
    """
    # Imported here: 15 ms that only a heartbeat or a new schedule should pay.
    from cronsim import CronSim

    return next(CronSim(expression, after.astimezone(zone))).astimezone(UTC)
