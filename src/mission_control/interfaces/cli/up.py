"""`missionctl up`: the resident process, here or in the background."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mission_control.errors import Conflict, Unavailable
from mission_control.folder import make_private_directory, open_private
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.errors import REFUSED
from mission_control.interfaces.cli.output import print_done, print_json
from mission_control.interfaces.cli.web import login_link

if TYPE_CHECKING:
    from mission_control.dispatcher.seat import Occupant

START_SECONDS = 30.0
LOOK_SECONDS = 0.02


@command(
    "up",
    examples=("missionctl up", "missionctl up --detach --port 8080", "missionctl up --no-web --host mini"),
    exits={0: "it was ended in good order; with --detach: it runs", 4: "it runs already"},
)
@click.option("--detach", is_flag=True, help="Run in the background, and come back when it does.")
@click.option(
    "--port", type=click.IntRange(1, 65_535), metavar="N", help="Of the pages. Default: 7777 or the next free."
)
@click.option("--no-web", is_flag=True, help="Without the pages and the API.")
@click.option("--host", metavar="NAME", help="What the board is to call this machine. Default: its host name.")
def up(session: Session, host: str | None, port: int | None, *, detach: bool, no_web: bool) -> None:
    """Stay: give heartbeats when they are due, and at once when work arrives, becomes ready or a slot is free.

    Serves the board and the API to this machine meanwhile; missionctl web link gives a link that logs a browser in.

    Ends at Ctrl-C, SIGTERM or missionctl down. What runs then goes on, records its end by itself, and is found again by
    the next one. Heartbeats by cron or by hand may be given beside it. One for each mission and machine.
    """
    session.host = host
    if detach:
        _detach(session, [*(["--port", str(port)] if port else []), *(["--no-web"] if no_web else [])])
        return
    config = session.mission.config
    session.mission.resident.run(
        lambda occupant: _announce(session, occupant, detached=False),
        web=config.web and not no_web,
        port=port or config.web_port,
    )


def _detach(session: Session, options: Sequence[str]) -> None:
    mission = session.mission
    path = mission.folder.home / "logs" / "up.log"
    make_private_directory(path.parent)
    with open(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as output:
        begins_at = os.fstat(output.fileno()).st_size
        started = subprocess.Popen(
            [sys.executable, "-P", "-m", "mission_control", *_words(session), *options],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while started.poll() is None and time.monotonic() < deadline:
        occupant = mission.resident.occupant()
        if occupant is not None and occupant.pid == started.pid:
            _announce(session, occupant, detached=True)
            return
        time.sleep(LOOK_SECONDS)
    raise _failure(started, _read_from(path, begins_at))


def _words(session: Session) -> list[str]:
    host = [] if session.host is None else ["--host", session.host]
    return ["--home", str(session.mission.folder.home), "up", *host]


def _read_from(path: Path, position: int) -> str:
    with path.open("rb") as file:
        file.seek(position)
        return file.read().decode("utf-8", "replace").strip().removeprefix("missionctl: ")


def _failure(started: subprocess.Popen[bytes], said: str) -> Conflict | Unavailable:
    if started.returncode is None:
        return Unavailable(f"Process {started.pid} has not begun within {START_SECONDS:g} s. See: missionctl status")
    kind = Conflict if started.returncode == REFUSED else Unavailable
    return kind(said or f"It ended at once with {started.returncode}. Try without --detach.")


def _announce(session: Session, occupant: Occupant, *, detached: bool) -> None:
    """The one answer of the command; without --detach it is given at the beginning."""
    home = session.mission.folder.home
    if session.as_json:
        print_json({**shapes.occupant_json(occupant), "home": str(home), "detached": detached})
    elif session.is_terminal:
        end = "missionctl down" if detached else "Ctrl-C, or missionctl down"
        print_done(session, f"{home.name} is up: pid {occupant.pid} on {occupant.host}. End it: {end}")
        if occupant.url is not None:
            click.echo(f"  Its board (the link works once): {login_link(session, occupant.url)}")
    else:
        click.echo(occupant.pid)
