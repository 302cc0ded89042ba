"""`missionctl token`: keys with which programs use the API."""

from __future__ import annotations

from datetime import timedelta

import click

from mission_control.domain.access import AccessKey, Scope
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.looks import instant_cell
from mission_control.interfaces.cli.output import Column, Row, print_done, print_json, print_table
from mission_control.interfaces.cli.parameters import DURATION

_COLUMNS = (
    Column("name"),
    Column("scope"),
    Column("used_at", "used"),
    Column("expires_at", "expires"),
    Column("created_at", "made"),
    Column("created_by", "by"),
)


@command(
    "add",
    examples=(
        "missionctl token add grafana --scope read",
        "missionctl token add ci --scope agent --expires 30d --json",
    ),
    exits={4: "there is one of this name"},
)
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice([str(scope) for scope in Scope]),
    required=True,
    help="read: see everything. agent: also add tasks and comments. admin: everything.",
)
@click.option("--expires", type=DURATION, metavar="DURATION", help="After this long, e.g. 30d. Default: never.")
def add(session: Session, name: str, scope: str, expires: timedelta | None) -> None:
    """Make a key and print it. It is told this once: the mission keeps only its hash.

    A program sends it with each request, in the header Authorization: Bearer TOKEN. What it does is told in its name.
    """
    key, secret = session.mission.access.add_token(name, Scope(scope), actor=session.actor, life=expires)
    if session.as_json:
        print_json({**shapes.access_key_json(key), "token": secret})
    else:
        click.echo(secret)


@command("list", examples=("missionctl token list", "missionctl token list --json"))
def list_tokens(session: Session) -> None:
    """Show the keys of programs, without their secrets. `used` is told to the minute."""
    found = session.mission.access.tokens()
    if session.as_json:
        print_json([shapes.access_key_json(key) for key in found])
        return
    nobody = "No program has a key. Make one: missionctl token add NAME --scope read"
    print_table(session, _COLUMNS, [_row(session, key) for key in found], when_empty=nobody)


@command("revoke", examples=("missionctl token revoke ci",), exits={3: "no such token"})
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def revoke(session: Session, names: tuple[str, ...]) -> None:
    """End keys of programs at once, and the sessions of browsers that logged in with them. Several: all or none."""
    with session.mission.board.together():
        for name in dict.fromkeys(names):
            session.mission.access.revoke(name, actor=session.actor)
    if session.as_json:
        print_json({"revoked": list(dict.fromkeys(names))})
    elif session.is_terminal:
        print_done(session, f"{', '.join(names)}: nobody comes in with that any more.")
    else:
        for name in names:
            click.echo(name)


def _row(session: Session, key: AccessKey) -> Row:
    return (
        key.name,
        key.scope,
        instant_cell(key.used_at, session.now),
        instant_cell(key.expires_at, session.now),
        instant_cell(key.created_at, session.now),
        key.created_by,
    )
