"""Metrics: the very numbers of `missionctl stats`, how they came over time, each chart with its table and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from mission_control.dashboard.course import Course, Step, change, course, figures_of
from mission_control.domain.statistics import Figures, Percentiles
from mission_control.domain.task import Status
from mission_control.errors import NotFound
from mission_control.interfaces.cli.looks import span
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.pages.desk import page, shows
from mission_control.interfaces.web.pages.words import percent, words
from mission_control.store import overview
from mission_control.views import Stats

WINDOWS: Mapping[str, timedelta] = {"24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
DEFAULT_WINDOW = "7d"
UNKNOWN = "·"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Tile:
    """One figure, how it changed against the period before, and whether that is good."""

    name: str
    value: str
    change: float | None = None
    mood: str = "quiet"
    note: str = ""


@dataclass(frozen=True)
class Cell:
    """What a table says, and the number behind it; null: there is none, or it is not known."""

    text: str
    number: float | None = None


@dataclass(frozen=True)
class Table:
    """What a chart is drawn from; `form` says how: bars on one another, or lines of seconds or of numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    form: str = ""


@dataclass(frozen=True)
class Square:
    """An hour of a weekday in the picture of 520 x 150."""

    x: int
    y: int
    count: int
    strength: float
    label: str


def routes() -> list[BaseRoute]:
    return [shows("/stats", show), shows("/stats/{table}.csv", download)]


def show(mission: Mission, request: Request) -> Response:
    name, found, before, over_time = _look(mission, request)
    tables = _tables(found, over_time)
    return page(
        request,
        mission,
        "stats.html",
        path="/stats",
        window=name,
        tiles=_tiles(found, before),
        has_ended=found.total.executions > 0,
        has_tokens=found.total.tokens is not None or found.total.cost_usd is not None,
        tables=tables,
        by_agent=[
            {"name": agent, "executions": of.executions, "rate": of.success_rate}
            for agent, of in found.agents.items()
            if of.executions
        ],
        by_reason=_shares(over_time),
        heat=list(_squares(over_time)),
        weekdays=WEEKDAYS,
    )


def download(mission: Mission, request: Request) -> Response:
    """One table as CSV: the numbers themselves, seconds and shares, unrounded."""
    _, found, _, over_time = _look(mission, request)
    wanted = request.path_params["table"]
    table = _tables(found, over_time).get(wanted)
    if table is None:
        raise NotFound(f"There is no table {wanted[:40]!r}.")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table.columns)
    writer.writerows([_plain(cell) for cell in row] for row in table.rows)
    headers = {"Content-Disposition": f'attachment; filename="{wanted}.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _plain(cell: Cell) -> str | float:
    """A text that a spreadsheet would take for a formula is disarmed."""
    if cell.number is not None:
        return cell.number
    if cell.text == UNKNOWN:
        return ""
    return f"'{cell.text}" if cell.text.startswith(("=", "+", "-", "@", "\t")) else cell.text


def _look(mission: Mission, request: Request) -> tuple[str, Stats, Figures, Course]:
    """(name of the period, its figures, those of the period before, its course)."""
    chosen = request.query_params.get("window", "")
    name = chosen if chosen in WINDOWS else DEFAULT_WINDOW
    now, window = mission.clock.now(), WINDOWS[name]
    ended = list(overview.ended_between(mission.store, now - window, now + timedelta(seconds=1)))
    return (
        name,
        mission.views.stats(now - window),
        figures_of(overview.ended_between(mission.store, now - 2 * window, now - window)),
        course(ended, now - window, now, mission.config.zone),
    )


def _tiles(found: Stats, then: Figures) -> list[Tile]:
    now = found.total
    return [
        _tile("Attempts ended", now, then, lambda of: of.executions, lambda count: f"{count:,.0f}", good=0),
        _tile("Succeeded", now, then, lambda of: of.success_rate, percent, good=1, note="of attempts"),
        _tile("Wait, p50", now, then, lambda of: of.queue_wait_seconds.p50, _seconds, good=-1),
        _tile("Duration, p50", now, then, lambda of: of.duration_seconds.p50, _seconds, good=-1),
        _tile("Duration, p99", now, then, lambda of: of.duration_seconds.p99, _seconds, good=-1),
        Tile("Blocked now", f"{now.tasks[Status.BLOCKED]:,}", note=f"{now.running} running"),
        _tile("Tokens", now, then, lambda of: of.tokens, lambda count: f"{count:,.0f}", good=0),
        _tile("Cost", now, then, lambda of: of.cost_usd, lambda usd: f"${usd:,.2f}", good=-1),
    ]


def _tile(
    name: str,
    now: Figures,
    then: Figures,
    figure: Callable[[Figures], float | None],
    shown: Callable[[float], str],
    *,
    good: int,
    note: str = "",
) -> Tile:
    """`good` says which direction is: 1 up, -1 down, 0 neither."""
    value = figure(now)
    differs = change(value, figure(then))
    mood = "quiet" if not differs or not good else "good" if differs * good > 0 else "bad"
    return Tile(
        name, UNKNOWN if value is None else shown(value), differs, mood, note or ("unknown" if value is None else "")
    )


def _tables(found: Stats, over_time: Course) -> dict[str, Table]:
    """By the name that the page and the download use."""
    steps = over_time.steps
    return {
        "throughput": Table(
            ("from", "succeeded", "failed"),
            [(_when(step, over_time), _count(step.succeeded), _count(step.failed)) for step in steps],
            form="stacked",
        ),
        "duration": _percentile_table(over_time, lambda step: step.duration_seconds),
        "wait": _percentile_table(over_time, lambda step: step.queue_wait_seconds),
        "agents": Table(
            ("agent", "ended", "succeeded", "failed", "timed out", "lost", "success rate", "took p50"),
            [_agent_row(name, of) for name, of in (*found.agents.items(), ("total", found.total))],
        ),
        "reasons": Table(
            ("reason", "attempts"),
            [(Cell(f"{words(of.outcome)}: {of.text}"), _count(of.attempts)) for of in over_time.reasons],
        ),
        "hours": Table(
            ("weekday", *(f"{hour:02}" for hour in range(24))),
            [
                (Cell(day), *(_count(count) for count in counts))
                for day, counts in zip(WEEKDAYS, over_time.by_hour, strict=True)
            ],
        ),
        "tokens": Table(
            ("from", "tokens", "cost usd"),
            [
                (
                    _when(step, over_time),
                    Cell(UNKNOWN) if step.tokens is None else _count(step.tokens),
                    Cell(UNKNOWN) if step.cost_usd is None else Cell(f"${step.cost_usd:,.4f}", step.cost_usd),
                )
                for step in steps
            ],
            form="lines",
        ),
    }


def _percentile_table(over_time: Course, of_step: Callable[[Step], Percentiles]) -> Table:
    rows = [
        (_when(step, over_time), *(_time(seconds) for seconds in _three(of_step(step)))) for step in over_time.steps
    ]
    return Table(("from", "p50", "p90", "p99"), rows, form="seconds")


def _three(of: Percentiles) -> tuple[float | None, ...]:
    return of.p50, of.p90, of.p99


def _agent_row(name: str, of: Figures) -> Sequence[Cell]:
    outcomes = {str(outcome): count for outcome, count in of.outcomes.items()}
    rate = of.success_rate
    return (
        Cell(name),
        _count(of.executions),
        *(_count(outcomes[outcome]) for outcome in ("succeeded", "failed", "timed_out", "lost")),
        Cell(UNKNOWN) if rate is None else Cell(percent(rate), rate),
        _time(of.duration_seconds.p50),
    )


def _when(step: Step, over_time: Course) -> Cell:
    form = "%a %d %b" if over_time.step >= timedelta(days=1) else "%a %d %H:%M"
    return Cell(_local(step.begins_at, form), step.begins_at.timestamp())


def _local(moment: datetime, form: str) -> str:
    return moment.astimezone().strftime(form)


def _count(count: int) -> Cell:
    return Cell(f"{count:,}", count)


def _time(seconds: float | None) -> Cell:
    return Cell(UNKNOWN) if seconds is None else Cell(_seconds(seconds), seconds)


def _seconds(seconds: float) -> str:
    return span(timedelta(seconds=seconds))


def _shares(over_time: Course) -> list[dict[str, object]]:
    """Each reason with its share of the most frequent one."""
    most = max((reason.attempts for reason in over_time.reasons), default=1)
    return [
        {"outcome": of.outcome, "text": of.text, "attempts": of.attempts, "share": of.attempts / most}
        for of in over_time.reasons
    ]


def _squares(over_time: Course) -> Iterable[Square]:
    most = max(max(counts) for counts in over_time.by_hour) or 1
    for day, counts in enumerate(over_time.by_hour):
        for hour, count in enumerate(counts):
            yield Square(
                x=32 + hour * 20,
                y=day * 19,
                count=count,
                strength=round(0.18 + 0.82 * count / most, 2),
                label=f"{WEEKDAYS[day]} {hour:02}:00: {count}",
            )
