"""What ended attempts add up to: counts, rates, percentiles. Unknown stays unknown, it never becomes zero."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mission_control.domain.attempt import COUNTED, Outcome
from mission_control.domain.task import Status


class EndedAttempt(NamedTuple):
    """What statistics need of an attempt that has ended. Null: unknown. A tuple, because there may be many."""

    agent: str
    outcome: Outcome
    queue_wait_seconds: float | None
    duration_seconds: float | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None


@dataclass(frozen=True)
class Percentiles:
    """Nearest rank: each is a value that occurred. Null when nothing was measured."""

    p50: float | None
    p90: float | None
    p99: float | None


@dataclass(frozen=True)
class Figures:
    """The figures of a period, of one agent or of all.

    `outcomes` are attempts that ended in the period, `running` and `tasks` (per status) what stands now.
    """

    outcomes: Mapping[Outcome, int]
    running: int
    tasks: Mapping[Status, int]
    queue_wait_seconds: Percentiles  # from ready to claimed
    duration_seconds: Percentiles  # of the runner
    tokens_in: int | None  # sums over the attempts that say; null when none does
    tokens_out: int | None
    cost_usd: float | None

    @property
    def executions(self) -> int:
        """Attempts that ended, however they did."""
        return sum(self.outcomes.values())

    @property
    def success_rate(self) -> float | None:
        """Successes among the attempts that succeeded, failed, timed out or were lost; null when there are none.

        Released and cancelled attempts say nothing about an agent and count on neither side.
        """
        succeeded = self.outcomes[Outcome.SUCCEEDED]
        judged = succeeded + sum(self.outcomes[outcome] for outcome in COUNTED)
        return succeeded / judged if judged else None

    @property
    def tokens(self) -> int | None:
        """Tokens in and out together; null when no attempt says."""
        return sum_known((self.tokens_in, self.tokens_out))


def add_up(ended: Sequence[EndedAttempt], *, running: int, tasks: Mapping[Status, int]) -> Figures:
    """The figures of these attempts. Every outcome and every status is there, if need be with zero."""
    outcomes = Counter(attempt.outcome for attempt in ended)
    return Figures(
        outcomes={outcome: outcomes[outcome] for outcome in Outcome},
        running=running,
        tasks={status: tasks.get(status, 0) for status in Status},
        queue_wait_seconds=percentiles(attempt.queue_wait_seconds for attempt in ended),
        duration_seconds=percentiles(attempt.duration_seconds for attempt in ended),
        tokens_in=sum_known(attempt.tokens_in for attempt in ended),
        tokens_out=sum_known(attempt.tokens_out for attempt in ended),
        cost_usd=_sum_money(attempt.cost_usd for attempt in ended),
    )


def percentiles(values: Iterable[float | None]) -> Percentiles:
    """The 50th, 90th and 99th percentile of what is known."""
    known = sorted(value for value in values if value is not None)
    return Percentiles(nearest_rank(known, 50), nearest_rank(known, 90), nearest_rank(known, 99))


def nearest_rank(ordered: Sequence[float], percent: int) -> float | None:
    """The smallest value that at least `percent` (1 to 100) of the ordered values do not exceed.

    >>> nearest_rank([15, 20, 35, 40, 50], 30)
    20
    """
    return ordered[math.ceil(percent * len(ordered) / 100) - 1] if ordered else None


def sum_known(values: Iterable[int | None]) -> int | None:
    """The sum of what is known; null when nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _sum_money(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None
