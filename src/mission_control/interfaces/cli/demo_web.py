"""`missionctl demo --web`: the squad of the demo at leisure, and its live board in a browser."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mission_control.config import process_environment
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.init import let_join
from mission_control.interfaces.cli.output import print_done, print_json
from mission_control.interfaces.cli.web import login_link
from mission_control.ops.demo.play import PERSON
from mission_control.ops.demo.show import put_show

if TYPE_CHECKING:
    from mission_control.dispatcher.seat import Occupant

SQUAD = "demo"
_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")


def show_on_web(session: Session, port: int | None) -> None:
    """Be the resident process of the demo's mission until somebody ends it."""
    mission = session.mission
    let_join(mission, SQUAD, actor=PERSON)
    put_show(board=mission.board, squad=mission.squad)
    mission.resident.run(lambda occupant: _announce(session, occupant), web=True, port=port)


def _announce(session: Session, occupant: Occupant) -> None:
    assert occupant.url is not None
    url = login_link(session, occupant.url)
    if session.as_json:
        print_json({"home": str(session.mission.folder.home), "pid": occupant.pid, "url": url})
        return
    if not session.is_terminal:
        click.echo(url)
        return
    print_done(session, "The squad is at work. Its board, logged in (the link works once):")
    click.echo(f"  {url}\n  End it: Ctrl-C")
    if _has_screen():
        import webbrowser  # imported here: nobody else needs it

        webbrowser.open(url)


def _has_screen() -> bool:
    """Whether a browser would have a window: one inside this terminal would fill it."""
    environment = process_environment()
    return sys.platform == "darwin" or any(environment.get(name) for name in _SCREENS)
