"""`missionctl pause` and `resume`: the whole mission."""

from __future__ import annotations

import click

from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_done, print_json


@command("pause", examples=("missionctl pause", "missionctl pause --json"))
def pause(session: Session) -> None:
    """Let nobody start anything, on any machine; what runs goes on. Pausing again changes nothing."""
    pause = session.mission.squad.pause_all(actor=session.actor)
    if session.as_json:
        print_json({"paused": shapes.pause_json(pause)})
    elif session.is_terminal:
        print_done(session, "The mission is paused: nothing more is started. Go on: missionctl resume")
    else:
        click.echo("paused")


@command("resume", examples=("missionctl resume", "missionctl resume --json"))
def resume(session: Session) -> None:
    """Let the squad start tasks again. Agents that were paused one by one stay so."""
    was_paused = session.mission.squad.resume_all(actor=session.actor)
    session.mission.ring()
    if session.as_json:
        print_json({"paused": None})
    elif session.is_terminal:
        print_done(session, "The mission goes on." if was_paused else "The mission was not paused.")
    else:
        click.echo("running")
