"""`missionctl inbox`: what needs a person."""

from __future__ import annotations

import click

from mission_control.inbox import Call, Need
from mission_control.interfaces import report_shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.looks import instant_cell
from mission_control.interfaces.cli.output import Cell, Column, Row, print_json, print_table
from mission_control.interfaces.cli.parameters import ROWS

MOST = 100
_COLUMNS = (
    Column("need", ""),
    Column("task"),
    Column("title", on_terminal=False),
    Column("from"),
    Column("since"),
    Column("text", "what", grows=True, wraps=True),
    Column("next", "then", on_terminal=False),
)
_LOOKS = {
    Need.QUESTION: ("? question", "yellow"),
    Need.REVIEW: ("◆ review", "magenta"),
    Need.BLOCKED: ("■ blocked", "red"),
    Need.MENTION: ("@ mention", "cyan"),
}


@command("inbox", examples=("missionctl inbox", "missionctl inbox --as max --json"))
@click.option("--as", "name", metavar="NAME", help="Whose mentions. Default: yours.")
@click.option("--limit", type=ROWS, default=MOST, show_default=True, metavar="N", help="At most so many of each kind.")
def inbox(session: Session, name: str | None, limit: int) -> None:
    """Show what needs a person: questions of agents, work to review, blocked tasks, mentions."""
    calls = session.mission.inbox((name or session.actor).removeprefix("@"), limit=limit)
    if session.as_json:
        print_json([report_shapes.call_json(call) for call in calls])
        return
    print_table(session, _COLUMNS, [_row(session, call) for call in calls], when_empty="Nothing needs you.")


def _row(session: Session, call: Call) -> Row:
    look, style = _LOOKS[call.need]
    text = " ".join(call.text.split())
    step = report_shapes.next_step(call)
    shown = f"{call.task.title} — {text}" if text else call.task.title
    return (
        Cell(call.need.value, look, style),
        call.task.name,
        call.task.title,
        call.author,
        instant_cell(call.since, session.now),
        Cell(text, shown, below=step),
        step,
    )
