"""How the squad did over time: throughput, waits and durations, what fails and when. Unknown never becomes zero."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from mission_control.domain.attempt import COUNTED, Outcome
from mission_control.domain.statistics import EndedAttempt, Figures, Percentiles, add_up, percentiles, sum_known
from mission_control.store.overview import TimedEnd

DAY = timedelta(days=1)
MOST_REASONS = 8
_NUMBER = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True)
class Step:
    """What ended in one step of the axis of time."""

    begins_at: datetime
    succeeded: int
    failed: int  # failed, timed out or lost
    queue_wait_seconds: Percentiles
    duration_seconds: Percentiles
    tokens: int | None
    cost_usd: float | None


@dataclass(frozen=True)
class Reason:
    """A kind of failure: its outcome and what its attempts said, numbers left out, so that alike falls together."""

    outcome: Outcome
    text: str
    attempts: int


@dataclass(frozen=True)
class Course:
    """A period in steps. `by_hour[weekday][hour]` counts ends, Monday first, in the zone of whoever asked."""

    since: datetime
    until: datetime
    step: timedelta
    steps: tuple[Step, ...]
    reasons: tuple[Reason, ...]
    by_hour: tuple[tuple[int, ...], ...]


def step_of(window: timedelta) -> timedelta:
    """Steps of which a chart shows some thirty: hours for a day, six hours for a week, else days."""
    if window <= DAY:
        return timedelta(hours=1)
    return timedelta(hours=6) if window <= 7 * DAY else DAY


def course(ended: Sequence[TimedEnd], since: datetime, until: datetime, zone: tzinfo) -> Course:
    """What these attempts of a period add up to over time."""
    step = step_of(until - since)
    count = -(-(until - since) // step)
    sorted_in: list[list[TimedEnd]] = [[] for _ in range(count)]
    for end in ended:
        sorted_in[min((end.ended_at - since) // step, count - 1)].append(end)
    return Course(
        since=since,
        until=until,
        step=step,
        steps=tuple(_step(since + number * step, ends) for number, ends in enumerate(sorted_in)),
        reasons=tuple(_reasons(ended)),
        by_hour=_by_hour(ended, zone),
    )


def figures_of(ended: Iterable[TimedEnd]) -> Figures:
    """What these attempts add up to, for comparison with another period; nothing of what stands now."""
    bare = [
        EndedAttempt(
            end.agent,
            end.outcome,
            end.queue_wait_seconds,
            end.duration_seconds,
            end.tokens_in,
            end.tokens_out,
            end.cost_usd,
        )
        for end in ended
    ]
    return add_up(bare, running=0, tasks={})


def change(now: float | None, before: float | None) -> float | None:
    """By what share a figure differs from that of the period before; null where either is unknown or it was zero."""
    return None if now is None or not before else now / before - 1


def _step(begins_at: datetime, ends: Sequence[TimedEnd]) -> Step:
    costs = [end.cost_usd for end in ends if end.cost_usd is not None]
    return Step(
        begins_at=begins_at,
        succeeded=_count(ends, lambda end: end.outcome is Outcome.SUCCEEDED),
        failed=_count(ends, lambda end: end.outcome in COUNTED),
        queue_wait_seconds=percentiles(end.queue_wait_seconds for end in ends),
        duration_seconds=percentiles(end.duration_seconds for end in ends),
        tokens=sum_known(tokens for end in ends for tokens in (end.tokens_in, end.tokens_out)),
        cost_usd=sum(costs) if costs else None,
    )


def _count(ends: Iterable[TimedEnd], is_one: Callable[[TimedEnd], bool]) -> int:
    return sum(is_one(end) for end in ends)


def _reasons(ended: Sequence[TimedEnd]) -> list[Reason]:
    """The most frequent first; the rest together as one."""
    found = Counter((end.outcome, _alike(end.error)) for end in ended if end.outcome in COUNTED)
    first = [Reason(outcome, text, attempts) for (outcome, text), attempts in found.most_common(MOST_REASONS)]
    if rest := found.total() - sum(reason.attempts for reason in first):
        first.append(Reason(Outcome.FAILED, "other reasons", rest))
    return first


def _alike(error: str | None) -> str:
    """What failures of one kind share; an exit status says what it means and stays."""
    if error is None:
        return "no reason given"
    return error if error.startswith("exit status") else _NUMBER.sub("…", error)[:120]


def _by_hour(ended: Sequence[TimedEnd], zone: tzinfo) -> tuple[tuple[int, ...], ...]:
    moments = (end.ended_at.astimezone(zone) for end in ended)
    found: Mapping[tuple[int, int], int] = Counter((moment.weekday(), moment.hour) for moment in moments)
    return tuple(tuple(found.get((day, hour), 0) for hour in range(24)) for day in range(7))
