"""What `missionctl top` shows: as much of the mission as fits, the most telling first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from mission_control.domain.history import Activity
from mission_control.domain.task import Status
from mission_control.interfaces.cli.events import subject
from mission_control.interfaces.cli.looks import (
    agents_cell,
    elapsed_text,
    priority_cell,
    relative,
    status_cell,
    waiting_text,
)
from mission_control.interfaces.cli.output import Cell, Column, as_cell
from mission_control.interfaces.cli.status import (
    AGENT_LOOKS,
    EXECUTING,
    count_cell,
    next_heartbeat_cell,
    slots_text,
    state_cell,
)
from mission_control.interfaces.cli.terminal import MOST_CHARACTERS, QUIET, render, table_of
from mission_control.interfaces.cli.text import on_one_line
from mission_control.views import AgentView, LiveAttempt, StatusView, TaskView

LEAST_WIDTH, LEAST_HEIGHT = 30, 8  # below it there is nothing to see
_FRAME = 4  # lines: title, counts, the empty one below, the keys at the bottom
_ATTENTION = (Status.BLOCKED, Status.REVIEW)


@dataclass(frozen=True)
class Picture:
    """All that is known at one moment."""

    name: str  # of the mission
    view: StatusView
    gone: frozenset[str]  # live attempts that nobody executes any more
    waiting: Sequence[TaskView]  # unfinished and not running, in the order of the queue
    activities: Sequence[Activity]  # oldest first
    is_up: bool  # a resident process is there
    now: datetime  # later than the picture where there is trouble
    trouble: str | None = None  # why there is no newer picture


@dataclass(frozen=True)
class _Place:
    """A column and the width of terminal from which there is room for it."""

    column: Column
    from_width: int = 0


@dataclass(frozen=True)
class _Section:
    """One table; its first heading is its title."""

    places: Sequence[_Place]
    rows: Sequence[Sequence[Cell | str]]
    when_empty: str

    @property
    def need(self) -> int:
        """Lines of it, without its heading."""
        return max(1, len(self.rows))


def compose(picture: Picture, *, width: int, height: int) -> RenderableType:
    """The picture, in exactly so many lines of so many characters."""
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return Group(_line("The terminal is too small."))
    sections = _aligned([_squad(picture), _running(picture), _queue(picture), _lately(picture)])
    lines = [_title(picture, width), _counts(picture.view, width), Text()]
    body: list[RenderableType] = []
    used = len(lines) + 1
    for section, rows in zip(sections, share([section.need for section in sections], height - _FRAME), strict=True):
        if rows:
            body += [*_drawn(section, rows, width), Text()]
            used += rows + 2
    used -= 1  # the last empty line
    return Group(*lines, *body[:-1], *[Text()] * (height - used), _keys(picture))


def _aligned(sections: Sequence[_Section]) -> list[_Section]:
    """With first columns of one width, so that the second ones stand below each other."""
    firsts = [as_cell(row[0]).on_terminal for section in sections for row in section.rows]
    headings = [section.places[0].column.heading or "" for section in sections]
    width = min(max(cell_len(text) for text in [*firsts, *headings]), MOST_CHARACTERS)
    return [
        replace(
            section,
            places=(_Place(replace(section.places[0].column, heading=heading.ljust(width))), *section.places[1:]),
        )
        for section, heading in zip(sections, headings, strict=True)
    ]


def share(needs: Sequence[int], room: int) -> list[int]:
    """Lines for each section, besides the two that each takes for its heading and the empty line below.

    One line at a time, in turn, so that a long section takes only what the others leave. The last sections go without
    where there is no room for all.

    >>> share([2, 1, 50, 10], 20), share([2, 1, 50, 10], 7)
    ([2, 1, 5, 5], [2, 1, 0, 0])
    """
    room += 1  # no empty line below the last
    shown = min(len(needs), room // 3)
    lines = [1] * shown + [0] * (len(needs) - shown)
    room -= 3 * shown
    while room > 0:
        wanting = [number for number in range(shown) if lines[number] < needs[number]]
        if not wanting:
            break
        for number in wanting[:room]:
            lines[number] += 1
        room -= len(wanting)
    return lines


def _drawn(section: _Section, rows: int, width: int) -> Iterator[RenderableType]:
    columns = [place.column for place in section.places if width >= place.from_width]
    shown = [number for number, place in enumerate(section.places) if width >= place.from_width]
    if section.rows:
        cells = [[as_cell(row[number]) for number in shown] for row in section.rows[:rows]]
        yield table_of(columns, cells, room=width)
    else:
        yield _line((columns[0].heading or columns[0].name).upper(), QUIET)
        yield _line(section.when_empty, QUIET)


def _title(picture: Picture, width: int) -> Text:
    """The mission and its health on the left, the time on the right."""
    if picture.trouble is not None:
        health = Text(f"■ {elapsed_text(picture.now - picture.view.at)} old", style="bold red")
    elif picture.gone:
        health = Text(f"■ {len(picture.gone)} without executor", style="bold red")
    else:
        health = Text("✓ healthy", style="green")
    left = Text.assemble((on_one_line(picture.name), "bold"), "   ", health, "   ", _dispatching(picture))
    clock = f"{picture.now.astimezone():%H:%M:%S}"
    left.truncate(width - len(clock) - 1, overflow="ellipsis", pad=True)
    return _line(Text.assemble(left, " ", (clock, QUIET)))


def _dispatching(picture: Picture) -> Text:
    """Whether work starts by itself."""
    if picture.view.paused is not None:
        return Text("‖ paused", style="yellow")
    return Text("up" if picture.is_up else "not up", style=QUIET)


def _counts(view: StatusView, width: int) -> Text:
    """How many tasks stand where; on a narrow terminal only where there are some."""
    cells = [count_cell(status, view.tasks[status]) for status in Status if width >= 80 or view.tasks[status]]
    return _line(Text("  ").join(render(cell) for cell in cells) if cells else "No tasks yet.", "" if cells else QUIET)


def _keys(picture: Picture) -> Text:
    """What can be done here, or what is wrong."""
    if picture.trouble is not None:
        return _line(on_one_line(picture.trouble), "red")
    return _line("q ends this view; what runs goes on", QUIET)


def _line(text: Text | str, style: str = "") -> Text:
    """Text that stays on one line, whatever the width."""
    line = Text(text) if isinstance(text, str) else text
    line.no_wrap, line.overflow = True, "ellipsis"
    if style:
        line.stylize(style)
    return line


def _squad(picture: Picture) -> _Section:
    """Who works, the busiest first."""
    agents = sorted(picture.view.agents, key=lambda of: (-of.live, of.agent.name))
    return _Section(
        (
            _Place(Column("agent", f"squad {len(agents)}")),
            _Place(Column("status")),
            _Place(Column("slots")),
            _Place(Column("next_heartbeat"), 60),
            _Place(Column("role", grows=True), 80),
        ),
        [_agent_row(picture.view, of) for of in agents],
        "Nobody yet. Let somebody join with: missionctl agent add NAME",
    )


def _agent_row(view: StatusView, of: AgentView) -> Sequence[Cell | str]:
    icon, style = AGENT_LOOKS[of.status]
    return (
        Cell(of.agent.name),
        Cell(of.status, f"{icon} {of.status}", style),
        slots_text(of),
        next_heartbeat_cell(view, of),
        Cell(of.agent.role, style=QUIET),
    )


def _running(picture: Picture) -> _Section:
    """What is executed, the longest first."""
    view = picture.view
    return _Section(
        (
            _Place(Column("attempt", f"running {len(view.live)}")),
            _Place(Column("elapsed", right=True)),
            _Place(Column("title", grows=True)),
            _Place(Column("agent"), 50),
            _Place(Column("state")),
            _Place(Column("host"), 100 if len(view.machines) > 1 else 10_000),
        ),
        [_live_row(view, live, is_gone=live.attempt.name in picture.gone) for live in view.live],
        "Nothing.",
    )


def _live_row(view: StatusView, live: LiveAttempt, *, is_gone: bool) -> Sequence[Cell | str]:
    """Its state is told only where it is not the usual one."""
    attempt = live.attempt
    state = state_cell(live, is_gone=is_gone)
    return (
        attempt.name,
        Cell(elapsed_text(view.at - (attempt.started_at or attempt.claimed_at)), style="cyan"),
        live.task.title,
        attempt.agent,
        "" if state.plain == EXECUTING else state,
        attempt.host,
    )


def _queue(picture: Picture) -> _Section:
    """What waits, and why. What needs a person comes first."""
    view = picture.view
    total = sum(view.tasks[status] for status in (Status.INBOX, *_ATTENTION))
    waiting = sorted(picture.waiting, key=lambda of: of.task.status not in _ATTENTION)
    return _Section(
        (
            _Place(Column("id", f"queue {total}")),
            _Place(Column("title", grows=True)),
            _Place(Column("priority"), 100),
            _Place(Column("agents"), 60),
            _Place(Column("why", grows=True), 50),
        ),
        [_waiting_row(of, view.at) for of in waiting],
        "Nothing waits.",
    )


def _waiting_row(of: TaskView, now: datetime) -> Sequence[Cell | str]:
    return (
        _with_icon(of.task.status, of.task.name),
        of.task.title,
        priority_cell(of.task.priority),
        agents_cell(of.task.agents),
        Cell(_why(of, now), style=QUIET),
    )


def _with_icon(status: Status, text: str) -> Cell:
    """Text behind the icon of a status, which the counts at the top explain."""
    look = status_cell(status)
    return Cell(text, f"{look.on_terminal[0]} {text}", look.style)


def _why(of: TaskView, now: datetime) -> str:
    """Why it does not run; of what could start, who looks at it next."""
    if of.task.status is Status.REVIEW:
        return "a person must approve or reject it"
    text = waiting_text(of, now)
    if text or of.next_claim is None:
        return text
    agent, at = of.next_claim.agent, of.next_claim.at
    if at is None:
        return f"ready, {agent} looks when told"
    return f"ready, {agent} looks {relative(at, now)}" if at > now else f"ready, {agent} is due"


def _lately(picture: Picture) -> _Section:
    """What has happened, the newest first."""
    return _Section(
        (
            _Place(Column("at", "lately")),
            _Place(Column("task")),
            _Place(Column("event")),
            _Place(Column("actor"), 60),
            _Place(Column("message", grows=True), 50),
        ),
        [_activity_row(activity) for activity in reversed(picture.activities)],
        "Nothing yet.",
    )


def _activity_row(activity: Activity) -> Sequence[Cell | str]:
    event = activity.kind.replace("_", " ")
    return (
        Cell("", f"{activity.at.astimezone():%H:%M:%S}", QUIET),
        subject(activity),
        Cell(event) if activity.to_status is None else _with_icon(activity.to_status, event),
        activity.actor,
        Cell(activity.message, style=QUIET),
    )
