"""`missionctl init`: make a mission."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from mission_control.config import process_environment
from mission_control.errors import InvalidInput
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_done, print_json
from mission_control.interfaces.cli.souls import write_soul
from mission_control.interfaces.mission import Mission
from mission_control.squad import NewAgent


@dataclass(frozen=True)
class Member:
    """One of a ready-made squad."""

    role: str
    character: str


# In this order their heartbeats come at :00 :02 :04 :06 :08 of every quarter of an hour.
SQUADS: Mapping[str, Mapping[str, Member]] = {
    "demo": {
        "dexter": Member("research", "Finds things out, names the source of every fact, and says what is not known."),
        "blossom": Member("content", "Writes clearly and briefly, for readers who are in a hurry."),
        "samurai_jack": Member("code", "Changes code in small steps, each with its test, and leaves it tidier."),
        "johnny_bravo": Member("leads", "Looks for people who may need what we make, and never pesters anybody."),
        "courage": Member("clients", "Answers clients kindly, promises little, and asks when in doubt."),
    },
}


@command(
    "init",
    examples=("missionctl init", "missionctl init my-mission --squad demo"),
    exits={4: "there is a mission already"},
    needs_mission=False,
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False, metavar="[DIR]")
@click.option("--squad", type=click.Choice(list(SQUADS)), help="Let a ready-made squad join.")
def init(session: Session, folder: Path | None, squad: str | None) -> None:
    """Make a mission in DIR: its settings, its database and its folders. Default: MISSIONCTL_HOME, else here."""
    if folder is not None and session.home is not None:
        raise InvalidInput("Say where once: either DIR or --home.")
    place = folder or Path(session.home or process_environment().get("MISSIONCTL_HOME") or ".")
    session.adopt(session.application.create(place.expanduser()))
    mission = session.mission
    names = let_join(mission, squad, actor=session.actor) if squad else []
    if session.as_json:
        print_json({"home": str(mission.folder.home), "agents": names})
    elif session.is_terminal:
        _print_next_steps(session, place, names)
    else:
        click.echo(mission.folder.home)


def let_join(mission: Mission, squad: str, *, actor: str) -> list[str]:
    """Let a ready-made squad join, each with its SOUL.md, and return their names."""
    members = SQUADS[squad]
    with mission.board.together():
        for name, member in members.items():
            mission.squad.add(NewAgent(name=name, role=member.role), actor=actor)
    for name, member in members.items():
        write_soul(mission.folder, name, member.role, member.character)
    return list(members)


def _print_next_steps(session: Session, place: Path, names: list[str]) -> None:
    print_done(session, f"A mission is ready in {session.mission.folder.home}")
    if names:
        print_done(session, f"The squad: {', '.join(names)}")
    somebody = names[0] if names else "ada"
    click.echo("\nNext:")
    if place != Path():
        click.echo(f"  cd {shlex.quote(str(place))}")
    if not names:
        click.echo(f"  missionctl agent add {somebody} --role 'the first of the squad'")
    click.echo(f"  missionctl task add 'Say hello' --to {somebody} --command 'echo hello'")
    click.echo(f"  missionctl heartbeat {somebody} --wait")
    click.echo("  missionctl task list --all")
