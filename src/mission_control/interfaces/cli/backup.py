"""`missionctl backup`: make a copy of the mission while everything runs, and see which there are."""

from __future__ import annotations

from pathlib import Path

import click

from mission_control.errors import MissionControlError
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import Cell, Column, Row, print_done, print_json, print_table, tell
from mission_control.interfaces.shapes import Json, instant_text
from mission_control.ops.backup import checking, shelf
from mission_control.ops.backup.making import make_backup
from mission_control.ops.backup.manifest import Manifest

_COLUMNS = (
    Column("name"),
    Column("made_at", "made (UTC)"),
    Column("tasks", right=True),
    Column("bytes", "size", right=True),
    Column("state", grows=True, wraps=True),
    Column("path", on_terminal=False),
)
_NUMBER = click.IntRange(min=1, max=100_000)


@command(
    "make",
    examples=("missionctl backup", "missionctl backup /mnt/disk/backups --keep 14", "missionctl backup --runs"),
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="[DIR]", required=False)
@click.option("--keep", type=_NUMBER, metavar="N", help="Then let only the newest N of this mission stay there.")
@click.option("--runs", is_flag=True, help="With the folders of all attempts: outputs, workspaces.")
def make(session: Session, folder: Path | None, keep: int | None, runs: bool) -> None:  # noqa: FBT001  click's signature
    """Copy database, settings, memory, reports and crontab into a new folder in DIR (default: backups/).

    Everything may go on meanwhile: what was accepted before is in it, all in one state. It is private, and every
    file has its checksum in manifest.json. Put it back with: missionctl restore
    """
    mission = session.mission
    backup = make_backup(mission.config, mission.clock, into=folder, with_runs=runs)
    removed = shelf.keep(backup.path.parent, keep, backup.manifest.contents.mission_id) if keep else []
    for link in backup.manifest.left_out:
        tell(f"{link} was left out: it is a link or no file.")
    if session.as_json:
        print_json({**_document(backup.path, backup.manifest), "removed": [path.name for path in removed]})
    elif session.is_terminal:
        made = backup.manifest
        print_done(session, f"{made.contents.tasks:,} tasks and {len(made.files):,} files are in {backup.path}")
        for path in removed:
            click.echo(f"  removed {path.name}")
    else:
        click.echo(backup.path)


@command("list", examples=("missionctl backup list", "missionctl backup list /mnt/disk/backups --json"))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="[DIR]", required=False)
@click.option("--check", is_flag=True, help="Read every byte of each and say which cannot be relied on.")
def list_backups(session: Session, folder: Path | None, check: bool) -> None:  # noqa: FBT001  click's signature
    """Show the backups in DIR (default: backups/), oldest first."""
    place = folder.expanduser().absolute() if folder else session.mission.folder.backups
    looks = [_look(path, deep=check) for path in shelf.finished(place)]
    if session.as_json:
        print_json([{**_document(path, made), "fault": fault} for path, made, fault in looks])
        return
    rows = (_row(path, made, fault) for path, made, fault in looks)
    print_table(session, _COLUMNS, rows, when_empty=f"No backups in {place}. Make one with: missionctl backup")


def _look(path: Path, *, deep: bool) -> tuple[Path, Manifest | None, str | None]:
    try:
        return path, checking.check(path) if deep else checking.glance(path), None
    except MissionControlError as fault:
        return path, None, str(fault)


def _row(path: Path, made: Manifest | None, fault: str | None) -> Row:
    when = f"{shelf.made_at(path):%Y-%m-%d %H:%M:%S}"
    if made is None:
        return path.name, when, "", "", Cell(fault or "", style="red"), str(path)
    size = Cell(str(made.bytes), f"{made.bytes / 1e6:,.1f} MB")
    return path.name, when, str(made.contents.tasks), size, Cell("whole", style="green"), str(path)


def _document(path: Path, made: Manifest | None) -> Json:
    """A backup as JSON; null where a damaged one does not tell."""
    known = made.contents if made else None
    return {
        "name": path.name,
        "path": str(path),
        "made_at": instant_text(made.made_at if made else shelf.made_at(path)),
        "program": made.program if made else None,
        "schema": known.schema if known else None,
        "agents": known.agents if known else None,
        "tasks": known.tasks if known else None,
        "attempts": known.attempts if known else None,
        "files": len(made.files) if made else None,
        "bytes": made.bytes if made else None,
        "runs": made.has_runs if made else None,
        "left_out": list(made.left_out) if made else [],
    }
