"""What pages show of many attempts at once. Each read is bounded by a page or by a period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from mission_control.domain.attempt import Outcome
from mission_control.store.store import Store, instant


class TimedEnd(NamedTuple):
    """An attempt that ended: when, how, and what it took. Null: unknown. A tuple, because there may be many."""

    ended_at: datetime
    agent: str
    outcome: Outcome
    error: str | None
    queue_wait_seconds: float | None
    duration_seconds: float | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None


@dataclass(frozen=True)
class Bar:
    """An attempt as a bar on the axis of time; `ended_at` and `outcome` null: live."""

    task_id: int
    number: int
    title: str
    agent: str
    claimed_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None


def ended_between(store: Store, since: datetime, until: datetime) -> Iterator[TimedEnd]:
    """What ended in the period, in no order."""
    outcomes = {outcome.value: outcome for outcome in Outcome}
    for row in store.rows("overview.ended_between", since=since, until=until):
        row["ended_at"] = instant(row["ended_at"])
        row["outcome"] = outcomes[row["outcome"]]
        yield TimedEnd(**row)


def outcomes_by_agent(store: Store, since: datetime) -> dict[str, dict[Outcome, int]]:
    """How the attempts that ended since then ended, by agent."""
    found: dict[str, dict[Outcome, int]] = {}
    for row in store.rows("overview.outcomes_by_agent", since=since):
        found.setdefault(row["agent"], {})[Outcome(row["outcome"])] = row["attempts"]
    return found


def bars(store: Store, since: datetime, agent: str | None, *, limit: int) -> list[Bar]:
    """Attempts that touch the time since then, the newest first."""
    found = []
    for row in store.rows("overview.bars", since=since, agent=agent, limit=limit):
        claimed_at = instant(row["claimed_at"])
        assert claimed_at is not None
        bar = Bar(
            task_id=row["task_id"],
            number=row["number"],
            title=row["title"],
            agent=row["agent"],
            claimed_at=claimed_at,
            ended_at=instant(row["ended_at"]),
            outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        )
        found.append(bar)
    return found
