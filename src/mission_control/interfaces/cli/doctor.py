"""`missionctl doctor`: whether the mission is in order, and mending what can be mended without harm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from mission_control.clock import SystemClock
from mission_control.config import find_home, process_environment
from mission_control.dispatcher import seat
from mission_control.folder import Folder
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.errors import UNHEALTHY
from mission_control.interfaces.cli.output import Cell, Column, Row, print_done, print_json, print_table
from mission_control.interfaces.shapes import Json
from mission_control.ops import doctor as ops
from mission_control.ops.doctor.finding import Finding, Level

_SIGNS = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.FAULT: ("✗", "bold red")}
_COLUMNS = (
    Column("level"),
    Column("check"),
    Column("fact", grows=True, wraps=True),
    Column("next_step", on_terminal=False),
)


@command(
    "doctor",
    examples=("missionctl doctor", "missionctl doctor --fix", "missionctl doctor --deep", "missionctl doctor --json"),
    exits={0: "in order; warnings may remain", 7: "something is wrong"},
)
@click.option(
    "--fix",
    is_flag=True,
    help="Mend what is safe to mend: permissions, missing folders, logs that are too large, a pending migration "
    "(after a backup), lost attempts and processes left behind.",
)
@click.option("--deep", is_flag=True, help="Also read every byte of the newest backup and open it.")
def doctor(session: Session, fix: bool, deep: bool) -> int:  # noqa: FBT001  click's signature
    """Check the mission and the machine, and say what to do.

    Settings, folder, database, attempts, processes, agents, heartbeats, notifications, backups, logs, disk and clock.
    """
    environment = process_environment()
    home = find_home(session.home, environment, Path.cwd())
    clock = SystemClock()
    mended = ops.mend(home, environment, clock) if fix else []
    occupant = seat.occupant(Folder(home))
    findings = ops.examine(home, environment, clock, deep=deep, resident=None if occupant is None else occupant.pid)
    if session.as_json:
        print_json(_document(home, findings, mended))
    else:
        _print(session, findings, mended)
    return 0 if ops.is_healthy(findings) else UNHEALTHY


def _print(session: Session, findings: Sequence[Finding], mended: Sequence[str]) -> None:
    if session.is_terminal:
        for line in mended:
            print_done(session, line)
    print_table(session, _COLUMNS, [_row(finding) for finding in findings], when_empty="")
    if session.is_terminal:
        click.echo(f"\n{_summary(findings)}")


def _row(finding: Finding) -> Row:
    sign, style = _SIGNS[finding.level]
    below = f"→ {finding.next_step}" if finding.next_step else None
    return (
        Cell(finding.level, sign, style),
        Cell(finding.check),
        Cell(finding.fact, below=below),
        Cell(finding.next_step),
    )


def _summary(findings: Sequence[Finding]) -> str:
    faults = sum(finding.level is Level.FAULT for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    if not faults:
        return "In order." if not warnings else f"In order, with {_counted(warnings, 'warning')}."
    return f"Something is wrong: {_counted(faults, 'fault')}, {_counted(warnings, 'warning')}."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _document(home: Path, findings: Sequence[Finding], mended: Sequence[str]) -> Json:
    return {
        "home": str(home),
        "healthy": ops.is_healthy(findings),
        "findings": [
            {"check": f.check, "level": f.level, "fact": f.fact, "next_step": f.next_step or None} for f in findings
        ],
        "mended": list(mended),
    }
