"""`missionctl web`: links that log a browser in."""

from __future__ import annotations

import click

from mission_control.errors import Conflict
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_done, print_json, tell

EXITS = {4: "nothing is up, or it is up without its pages"}


@command("link", examples=("missionctl web link", "missionctl web link --json"), exits=EXITS)
def link(session: Session) -> None:
    """Print a link that logs one browser in. It works once, within the hour; anybody who has it may do anything."""
    url = login_link(session, _address(session))
    if session.as_json:
        print_json({"url": url})
    else:
        click.echo(url)


@command("open", examples=("missionctl web open",), exits=EXITS)
def open_browser(session: Session) -> None:
    """Open the board in your browser, logged in. Where no browser can be started, the link is printed."""
    import webbrowser  # imported here: nobody else needs it

    url = login_link(session, _address(session))
    is_open = webbrowser.open(url)
    if session.as_json:
        print_json({"opened": is_open, "url": None if is_open else url})
    elif is_open:
        print_done(session, "The board opens in your browser.")
    else:
        tell("missionctl: No browser could be started here. Open this link in one; it works once:")
        click.echo(url)


def login_link(session: Session, url: str) -> str:
    """The address `url` of the pages, with a secret that logs one browser in."""
    return f"{url}login?link={session.mission.access.make_link(actor=session.actor)}"


def _address(session: Session) -> str:
    there = session.mission.resident.occupant()
    if there is None:
        raise Conflict("Nothing is up. Start it with: missionctl up")
    if there.url is None:
        raise Conflict(f"Process {there.pid} is up without its pages. End it with missionctl down, then: missionctl up")
    return there.url
