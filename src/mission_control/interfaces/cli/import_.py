"""`missionctl import`: take over the JSON folder of the old system."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.looks import status_cell
from mission_control.interfaces.cli.output import Cell, Column, Row, print_done, print_json, print_table
from mission_control.interfaces.cli.souls import write_soul
from mission_control.interfaces.shapes import Json
from mission_control.ops.legacy.faults import ImportRefused
from mission_control.ops.legacy.importing import import_folder
from mission_control.ops.legacy.report import Becomes, Fate, Report, RowReport

_COLUMNS = (
    Column("file"),
    Column("row", right=True),
    Column("id"),
    Column("fate"),
    Column("becomes"),
    Column("name"),
    Column("status"),
    Column("notes", grows=True, wraps=True),
)
_STYLES = {Fate.IMPORTED: "green", Fate.CHANGED: "yellow", Fate.ALREADY_THERE: "bright_black", Fate.DIFFERS: "yellow"}

_NOUNS = {  # one, several
    Becomes.AGENT: ("agent", "agents"),
    Becomes.TASK: ("task", "tasks"),
    Becomes.COMMENT: ("comment", "comments"),
    Becomes.NOTIFICATION: ("notification", "notifications"),
    Becomes.ACTIVITY: ("line of history", "lines of history"),
}


@command(
    "import",
    examples=("missionctl import ~/mission-control --dry-run", "missionctl import ~/mission-control"),
    exits={2: "wrong usage, or rows that cannot be taken over; nothing was changed"},
)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--dry-run", is_flag=True, help="Say what would become of each row, change nothing.")
def import_(session: Session, folder: Path, *, dry_run: bool) -> None:
    """Take over the JSON files of the old system in DIR or DIR/database: all rows or none.

    Reads agents, tasks, messages, notifications and activities (.json) and says what became of each row. Fields
    that mean nothing here are kept. Importing again adds only what is new. A task whose agent's runner needs a
    command comes in as blocked, and says how to give it one.
    """
    report = take_over(session, folder, actor=session.actor, dry_run=dry_run)
    if session.as_json:
        print_json(import_json(report))
        return
    _print_rows(session, report)
    if session.is_terminal:
        print_summary(session, report)


def take_over(session: Session, folder: Path, *, actor: str, dry_run: bool = False) -> Report:
    """The import with what belongs to it: each agent's SOUL.md, and a refusal also as JSON. Raises ImportRefused."""
    mission = session.mission
    try:
        report = import_folder(
            folder.expanduser(),
            store=mission.store,
            squad=mission.squad,
            config=mission.config,
            clock=mission.clock,
            actor=actor,
            dry_run=dry_run,
        )
    except ImportRefused as refusal:
        if session.as_json:
            print_json(_refusal_document(refusal))
        raise
    if not dry_run:
        _write_souls(session, report)
        mission.ring()
    return report


def _write_souls(session: Session, report: Report) -> None:
    for row in report.rows:
        if row.becomes is Becomes.AGENT and row.name is not None:
            agent = session.mission.views.agent(row.name).agent
            write_soul(session.mission.folder, agent.name, agent.role)


def import_json(report: Report) -> Json:
    """What became of every row."""
    return {
        "folder": str(report.path),
        "dry_run": report.dry_run,
        "refused": False,
        "counts": {str(fate): count for fate, count in report.counts.items()},
        "missing": list(report.missing),
        "ignored": list(report.ignored),
        "rows": [
            {
                "file": row.file,
                "row": row.row,
                "id": row.id,
                "fate": row.fate,
                "becomes": row.becomes,
                "name": row.name,
                "status": row.status,
                "notes": list(row.notes),
            }
            for row in report.rows
        ],
    }


def _refusal_document(refusal: ImportRefused) -> Json:
    """The first faults, and how many there are."""
    faults = [
        {"file": fault.file, "row": fault.row, "id": fault.id, "reason": fault.reason} for fault in refusal.faults
    ]
    return {"refused": True, "fault_count": refusal.count, "faults": faults}


def _print_rows(session: Session, report: Report) -> None:
    """All rows for a pipe; for a person only those that need a look."""
    rows = [row for row in report.rows if row.notes] if session.is_terminal else report.rows
    if rows or not session.is_terminal:
        print_table(session, _COLUMNS, map(_row, rows), when_empty="")


def _row(row: RowReport) -> Row:
    return (
        row.file,
        str(row.row),
        row.id,
        Cell(row.fate, row.fate.replace("_", " "), _STYLES[row.fate]),
        row.becomes,
        row.name or "",
        status_cell(row.status) if row.status else "",
        "; ".join(row.notes),
    )


def print_summary(session: Session, report: Report) -> None:
    """What came, for a person."""
    came = Counter(row.becomes for row in report.rows if row.fate in (Fate.IMPORTED, Fate.CHANGED))
    what = ", ".join(f"{came[becomes]} {_NOUNS[becomes][came[becomes] > 1]}" for becomes in Becomes if came[becomes])
    verb = "would be imported" if report.dry_run else "imported"
    print_done(session, f"{what or 'nothing'} {verb} from {report.path}")
    for fate in (Fate.CHANGED, Fate.ALREADY_THERE, Fate.DIFFERS):
        if report.counts[fate]:
            click.echo(f"  {report.counts[fate]} {fate.replace('_', ' ')}")
    if report.missing:
        click.echo(f"  not there, taken as empty: {', '.join(report.missing)}")
    if report.ignored:
        click.echo(f"  not read: {', '.join(report.ignored)}")
