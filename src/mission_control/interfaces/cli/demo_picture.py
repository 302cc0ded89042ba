"""How the demo looks on a terminal: the board as it changes, under it the last things that happened."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mission_control.domain.attempt import Outcome
from mission_control.domain.history import Activity
from mission_control.domain.task import Event, Status
from mission_control.interfaces.cli import terminal
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.demo import (
    Programme,
    Result,
    look_around,
    printed,
    seconds_into,
    summary,
    told,
    told_name,
    who,
)
from mission_control.interfaces.cli.looks import outcome_cell, status_cell, waiting_text
from mission_control.interfaces.cli.output import Cell
from mission_control.interfaces.cli.terminal import QUIET
from mission_control.interfaces.cli.text import on_one_line
from mission_control.ops.demo.play import Demo, Ended
from mission_control.views import TaskView

LINES_OF_NEWS = 6
TRIES = 3  # as many as a task of the demo has


def show_live(session: Session, demo: Demo, programme: Programme, began_at: datetime) -> None:
    """Play it, with the board redrawn at each look."""
    clock = session.mission.clock
    since = clock.monotonic()
    told_lines: deque[Text] = deque(maxlen=LINES_OF_NEWS)
    # No thread of rich's own: heartbeats fork.
    with Live(console=terminal.console(session), auto_refresh=False, transient=True) as live:
        for news in demo.play():
            told_lines.extend(_news_line(line, seconds_into(line, began_at)) for line in news if _is_told(line))
            seconds = clock.monotonic() - since
            heading = _heading(programme, seconds)
            live.update(Group(heading, _picture(session, demo.tasks()), Text(), *told_lines), refresh=True)


def print_end(session: Session, result: Result, *, stays: bool) -> None:
    """The board as it ended, with why; then what to do next."""
    output = terminal.console(session)
    output.print(_heading(result.programme, result.seconds))
    output.print(_final_board(session, result.ends))
    output.print()
    sign = ("✗ ", "bold red") if result.differences else ("✓ ", "green")
    output.print(Text.assemble(sign, (summary(result), "bold")))
    if not stays:
        return
    output.print(Text("\nIt stays. Look around:", style=QUIET))
    for words, about in look_around(result):
        line = Text.assemble(f"  {words}  ", (about, QUIET))
        # The command is never cut nor broken: it will be copied.
        output.print(line if line.cell_len <= output.width else f"  {words.strip()}", soft_wrap=True)


def _picture(session: Session, views: Sequence[TaskView]) -> Table:
    board = _board(widest_status=Status.IN_PROGRESS)
    for view in views:
        title = _on_a_line(on_one_line(view.task.title), (f"  {_now(session, view)}", QUIET))
        board.add_row(*_standing(view), title)
    return board


def _board(widest_status: Status) -> Table:
    """Columns whose widths do not change while statuses do."""
    board = Table.grid(padding=(0, 2, 0, 0))
    board.add_column(no_wrap=True)
    board.add_column(no_wrap=True, min_width=len(status_cell(widest_status).on_terminal))
    board.add_column(no_wrap=True)
    board.add_column(no_wrap=True)
    board.add_column(overflow="fold", ratio=1)
    return board


def _standing(view: TaskView) -> tuple[Text, ...]:
    """What the live board and the final one say alike."""
    return (
        Text(view.task.name, style=QUIET),
        terminal.render(status_cell(view.task.status)),
        _tries(view),
        Text(who(view), style=QUIET),
    )


def _heading(programme: Programme, seconds: float) -> Text:
    heading = Text.assemble(("Mission Control", "bold"), (f"  {programme.about}", QUIET))
    heading.append(f"  {seconds:.1f} s\n", style=QUIET)
    return heading


def _now(session: Session, view: TaskView) -> str:
    """Why it does not run, exactly as the claim sees it."""
    if view.task.status is Status.REVIEW:
        return "waits for approval"
    return waiting_text(view, session.now) if view.task.status is Status.INBOX else ""


def _tries(view: TaskView) -> Text:
    """One sign an attempt, e.g. ✗✗✓."""
    signs = Text()
    for attempt in view.attempts:
        cell = outcome_cell(attempt.outcome)
        signs.append(cell.on_terminal[0], style=cell.style)
    signs.pad_right(TRIES - len(signs))
    return signs


def _final_board(session: Session, ends: Sequence[Ended]) -> Table:
    board = _board(widest_status=Status.BLOCKED)
    for end in ends:
        board.add_row(*_standing(end.view), _story(session, end))
    return board


def _story(session: Session, end: Ended) -> Group:
    task = end.view.task
    said = printed(session.mission, end.view)
    title = _on_a_line(on_one_line(task.title), (f"  “{said}”" if said else "", QUIET))
    below = []
    if end.announced.shows:
        below.append(Text(end.announced.shows, style=QUIET))
    if task.reason:
        below.append(Text(on_one_line(task.reason), style="red"))
    if end.difference:
        below.append(Text(f"not as announced: {end.difference}", style="bold red"))
    return Group(title, *below)


def _on_a_line(*parts: str | tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _is_told(line: Activity) -> bool:
    return line.task_id is not None and line.kind != "added"


def _news_line(line: Activity, seconds: float) -> Text:
    cell = _sign(line)
    return _on_a_line(
        (f"{seconds:5.1f}s  ", QUIET),
        (f"{cell.on_terminal[0]} ", cell.style),
        f"{told_name(line):<7}",
        (f"{line.agent or line.actor:<14}", QUIET),
        told(line),
    )


def _sign(line: Activity) -> Cell:
    if line.kind == Event.CLAIM:
        return outcome_cell(None)
    if line.kind in set(Outcome):
        return outcome_cell(Outcome(line.kind))
    return status_cell(line.to_status or Status.REVIEW)
