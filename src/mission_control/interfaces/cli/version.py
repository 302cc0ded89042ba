"""`missionctl version`."""

from __future__ import annotations

import sys

import click

from mission_control import __version__
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_json
from mission_control.store.sqlite import library_version


@command("version", examples=("missionctl version", "missionctl version --json"), needs_mission=False, inside=True)
def version(session: Session) -> None:
    """Show which program this is, and which Python and SQLite it runs on."""
    python = ".".join(map(str, sys.version_info[:3]))
    versions = {"missionctl": __version__, "python": python, "sqlite": library_version()}
    if session.as_json:
        print_json(versions)
    else:
        click.echo(" · ".join(f"{name} {number}" for name, number in versions.items()))
