"""`missionctl export`: the board as the five JSON files of the old system."""

from __future__ import annotations

from pathlib import Path

import click

from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import Column, print_done, print_json, print_table
from mission_control.ops.legacy.files import SUBFOLDER
from mission_control.ops.legacy.writing import export as write_export

_COLUMNS = (Column("file"), Column("rows", right=True))


@command(
    "export",
    examples=("missionctl export ~/old-system", "missionctl export ~/old-system --yes"),
    exits={4: "files stand there that somebody else has written; nothing was written"},
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option("--yes", is_flag=True, help="Also over files that no export has written, or that were changed since.")
def export(session: Session, folder: Path, *, yes: bool) -> None:
    """Write the board into DIR/database as the JSON files of the old system.

    These are agents, tasks, messages, notifications and activities. What came from there and has not changed goes
    back as it came, with fields that mean nothing here. Each file is replaced as a whole.
    """
    counts = write_export(session.mission.store, folder.expanduser().absolute(), over_foreign=yes)
    if session.as_json:
        print_json({"folder": str(folder / SUBFOLDER), "rows": counts})
    elif session.is_terminal:
        told = ", ".join(f"{count:,} {name.removesuffix('.json')}" for name, count in counts.items())
        print_done(session, f"{told} are in {folder / SUBFOLDER}")
    else:
        print_table(session, _COLUMNS, [(name, str(count)) for name, count in counts.items()], when_empty="")
