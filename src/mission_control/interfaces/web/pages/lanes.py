"""Attempts as bars on an axis of time, a lane for each agent; bars that overlap lie below one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mission_control.interfaces.cli.looks import elapsed_text, span
from mission_control.store.overview import Bar

WINDOWS: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
DEFAULT_WINDOW = "6h"
MOST_BARS = 600
TICKS = 6
ROW_PIXELS = 12
MOST_ROWS = 12  # in one lane; more bars at once lie on the last
LEAST_WIDTH = 0.35  # per cent, or a short attempt would not be seen


@dataclass(frozen=True)
class Placed:
    """A bar with its place: per cent from the left and wide, pixels from the top."""

    task_id: int
    number: int
    outcome: str | None
    label: str
    left: float
    width: float
    top: int


@dataclass(frozen=True)
class Lane:
    """All bars of one agent."""

    agent: str
    height: int
    bars: tuple[Placed, ...]


@dataclass(frozen=True)
class Line:
    """The same as a line of a table."""

    task_id: int
    number: int
    agent: str
    title: str
    claimed_at: datetime
    took: str
    outcome: str | None


@dataclass(frozen=True)
class Lanes:
    """The whole picture, and what its axis says."""

    rows: tuple[Lane, ...]
    table: tuple[Line, ...]
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    is_cut: bool  # there were more

    @property
    def count(self) -> int:
        return len(self.table)


def lanes(bars: Sequence[Bar], agents: Iterable[str], *, now: datetime, window: timedelta) -> Lanes:
    """A lane for each of these agents and for whoever else has bars, over the time up to `now`."""
    since = now - window
    of_agent: dict[str, list[Bar]] = {name: [] for name in agents}
    for bar in reversed(bars):
        of_agent.setdefault(bar.agent, []).append(bar)
    return Lanes(
        rows=tuple(_lane(name, own, since, now) for name, own in of_agent.items()),
        table=tuple(_line(bar, now) for bar in bars),
        ticks=tuple(round(100 * tick / TICKS, 2) for tick in range(TICKS + 1)),
        labels=tuple(_labels(since, window)),
        is_cut=len(bars) == MOST_BARS,
    )


def _lane(agent: str, bars: Sequence[Bar], since: datetime, now: datetime) -> Lane:
    placed = tuple(_placed(bars, since, now))
    rows = 1 + max((bar.top // ROW_PIXELS for bar in placed), default=0)
    return Lane(agent, height=rows * ROW_PIXELS + 6, bars=placed)


def _placed(bars: Sequence[Bar], since: datetime, now: datetime) -> Iterator[Placed]:
    """Each on the first row that is free at its begin."""
    free_from: list[float] = []
    whole = now - since
    for bar in bars:
        left = max(100 * ((bar.claimed_at - since) / whole), 0.0)
        right = 100 * (((bar.ended_at or now) - since) / whole)
        width = max(right - left, LEAST_WIDTH)
        row = next((number for number, free in enumerate(free_from) if free <= left), len(free_from))
        row = min(row, MOST_ROWS - 1)
        free_from[row : row + 1] = [left + width]
        yield Placed(
            task_id=bar.task_id,
            number=bar.number,
            outcome=bar.outcome,
            label=f"T-{bar.task_id}/{bar.number} {bar.title}: {_outcome(bar)}, {_took(bar, now)}",
            left=round(min(left, 100 - LEAST_WIDTH), 3),
            width=round(width, 3),
            top=3 + row * ROW_PIXELS,
        )


def _line(bar: Bar, now: datetime) -> Line:
    return Line(bar.task_id, bar.number, bar.agent, bar.title, bar.claimed_at, _took(bar, now), bar.outcome)


def _outcome(bar: Bar) -> str:
    return bar.outcome.replace("_", " ") if bar.outcome else "running"


def _took(bar: Bar, now: datetime) -> str:
    return span(bar.ended_at - bar.claimed_at) if bar.ended_at else elapsed_text(now - bar.claimed_at)


def _labels(since: datetime, window: timedelta) -> Iterator[str]:
    form = "%H:%M" if window <= timedelta(days=1) else "%a %d"
    for tick in range(TICKS):
        yield (since + window * tick / TICKS).astimezone().strftime(form)
    yield "now"
