"""`missionctl cron`: let cron(8) give the heartbeats, by one marked block in the crontab of this user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import click

from mission_control.domain.agent import Agent
from mission_control.domain.schedule import next_heartbeat
from mission_control.folder import make_private_directory
from mission_control.interfaces.cli import cron_timer
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.cron_desk import Change, Desk, change_crontab, print_difference, print_notes
from mission_control.interfaces.cli.looks import local_text
from mission_control.interfaces.cli.output import Cell, Column, print_json, print_table, tell
from mission_control.interfaces.cli.parameters import AGENT
from mission_control.interfaces.shapes import Json, instant_text
from mission_control.ops.crontab.copies import newest_copy, read_copy
from mission_control.ops.crontab.line import read_line
from mission_control.ops.crontab.plan import block_of
from mission_control.ops.crontab.standing import (
    Standing,
    difference,
    names_with,
    names_without,
    refuse_edited,
)

FIRES = 5
FAILED = {5: "no mission, or a crontab command that is missing, fails, hangs or lies"}
DECLINED = {1: "you said no"}
_COLUMNS = (
    Column("agent"),
    Column("schedule"),
    Column("line", heading="in crontab"),
    Column("next", heading="next five", grows=True, wraps=True),
)

_names = click.argument("names", type=AGENT, nargs=-1, metavar="[AGENT]...")
_dry_run = click.option("--dry-run", is_flag=True, help="Show the diff, change nothing.")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")
_force = click.option("--force", is_flag=True, help="Also when somebody edited the lines of the block; they are lost.")
_systemd = click.option("--systemd", is_flag=True, help="A user timer of systemd in place of the crontab.")


@command(
    "show",
    examples=("missionctl cron show", "missionctl cron show samurai_jack", "missionctl cron show --systemd"),
    exits={3: "no such agent", 4: "the markers of the block are damaged", **FAILED},
)
@_names
@_systemd
def show(session: Session, names: tuple[str, ...], *, systemd: bool) -> None:
    """Show what stands in the crontab for this mission, what `install` would change, and the next five heartbeats."""
    desk = Desk(session)
    desk.refuse_strangers(names)
    if systemd:
        cron_timer.show(desk)
        return
    standing = desk.look()
    whom = standing.block.names if standing.block else None
    planned = desk.plan(whom)
    then = standing.parts.with_block(block_of(planned, whom, desk.call))
    differing = difference(standing.crontab, then)
    agents = [agent for agent in desk.squad if not names or agent.name in names]
    if session.as_json:
        print_json(_standing_json(desk, standing, agents, differing, planned.notes))
        return
    if session.is_terminal:
        for line in standing.lines:
            click.echo(line)
    lines = _lines_of(standing)
    rows = [_row(agent, lines, _fires(session, agent)) for agent in agents]
    print_table(session, _COLUMNS, rows, when_empty="Nobody is in the squad yet.")
    if session.is_terminal and standing.is_installed:
        print_difference(session, differing)
    print_notes(planned.notes)
    tell(_verdict(standing, differing))


def _standing_json(
    desk: Desk, standing: Standing, agents: Sequence[Agent], differing: Sequence[str], notes: Sequence[str]
) -> Json:
    names = standing.block.names if standing.block else None
    lines = _lines_of(standing)
    return {
        "home": desk.home,
        "installed": standing.is_installed,
        "edited": standing.is_edited,
        "names": None if names is None else list(names),
        "block": standing.lines,
        "differs": bool(differing),
        "diff": "\n".join(differing),
        "notes": list(notes),
        "agents": [
            {
                "agent": agent.name,
                "schedule": agent.schedule,
                "line": lines.get(agent.name),
                "next": [instant_text(moment) for moment in _fires(desk.session, agent)],
            }
            for agent in agents
        ],
    }


def _lines_of(standing: Standing) -> Mapping[str, str]:
    """The line of each agent who has one."""
    found = ((read_line(line), line) for line in standing.lines)
    return {read[0].agent: line for read, line in found if read}


def _fires(session: Session, agent: Agent) -> list[datetime]:
    """The next five heartbeats by the schedule, in the mission's zone."""

    def fires() -> Iterator[datetime]:
        after = session.now
        for _ in range(FIRES):
            after = next_heartbeat(agent.schedule, after, session.mission.config.zone)
            yield after

    return list(fires())


def _row(agent: Agent, lines: Mapping[str, str], fires: Sequence[datetime]) -> list[Cell | str]:
    line = lines.get(agent.name)
    has_line = Cell(line or "", "✓" if line else "no", "green" if line else "yellow")
    plain = " ".join(instant_text(moment) or "" for moment in fires)
    return [agent.name, agent.schedule, has_line, Cell(plain, ", ".join(local_text(moment)[:-3] for moment in fires))]


def _verdict(standing: Standing, differing: Sequence[str]) -> str:
    if standing.is_edited:
        return "The block was edited by hand. Overwrite it with: missionctl cron install --force"
    if not standing.is_installed:
        return "The crontab has no block of this mission. Write it with: missionctl cron install"
    if differing:
        return "The block differs from the squad. Renew it with: missionctl cron install"
    return "The block is what the squad asks for."


@command(
    "install",
    examples=(
        "missionctl cron install --dry-run",
        "missionctl cron install --yes",
        "missionctl cron install samurai_jack",
        "missionctl cron install --systemd",
    ),
    exits={3: "no such agent", 4: "edited by hand, damaged, or changed meanwhile", **DECLINED, **FAILED},
)
@_names
@_dry_run
@_yes
@_force
@_systemd
def install(session: Session, names: tuple[str, ...], *, dry_run: bool, yes: bool, force: bool, systemd: bool) -> int:
    """Write the block: a line for each agent, by their schedules. Renews it when the squad has changed.

    Without a name for all agents, also those who join later; with names for these besides those already there.
    Shows the diff and asks first. A copy of the whole crontab goes into the mission's backups; other lines stay,
    byte for byte.
    """
    desk = Desk(session)
    desk.refuse_strangers(names)
    if systemd:
        return cron_timer.install(desk, names, dry_run=dry_run, yes=yes)
    standing = desk.look()
    refuse_edited(standing, force=force)
    whom = names_with(standing, names)
    planned = desk.plan(whom)
    then = standing.parts.with_block(block_of(planned, whom, desk.call))
    change = Change(
        difference(standing.crontab, then),
        question="Change the crontab like this?",
        already="The crontab is so already." if planned.entries else "Nobody gets a line.",
        done=f"The crontab was changed: {len(planned.entries)} of {len(desk.squad)} agents have a line.",
        notes=planned.notes,
    )
    if change.difference and not dry_run:
        make_private_directory(f"{desk.home}/logs")
    return change_crontab(desk, standing.crontab, then, change, dry_run=dry_run, yes=yes)


@command(
    "remove",
    examples=("missionctl cron remove --dry-run", "missionctl cron remove samurai_jack --yes"),
    exits={3: "no such agent", 4: "edited by hand, damaged, or changed meanwhile", **DECLINED, **FAILED},
)
@_names
@_dry_run
@_yes
@_force
@_systemd
def remove(session: Session, names: tuple[str, ...], *, dry_run: bool, yes: bool, force: bool, systemd: bool) -> int:
    """Take the block of this mission out of the crontab, or with names the lines of these agents.

    Shows the diff and asks first. All other lines stay, byte for byte. What runs goes on.
    """
    desk = Desk(session)
    if systemd:
        return cron_timer.remove(desk, dry_run=dry_run, yes=yes)
    standing = desk.look()
    refuse_edited(standing, force=force)
    whom = names_without(standing, names, (agent.name for agent in desk.squad))
    planned = desk.plan(whom)
    is_there = standing.is_installed
    then = standing.parts.with_block(block_of(planned, whom, desk.call) if is_there else None)
    change = Change(
        difference(standing.crontab, then),
        question="Change the crontab like this?",
        already="The crontab is so already.",
        done="The crontab was changed.",
        notes=planned.notes if names else (),
    )
    return change_crontab(desk, standing.crontab, then, change, dry_run=dry_run, yes=yes)


@command(
    "rollback",
    examples=("missionctl cron rollback --dry-run", "missionctl cron rollback --to backups/FILE --yes"),
    exits={3: "no such copy", 4: "changed meanwhile", **DECLINED, **FAILED},
)
@click.option("--to", "saved", type=click.Path(path_type=Path), metavar="FILE", help="Default: the newest copy.")
@_dry_run
@_yes
def rollback(session: Session, saved: Path | None, *, dry_run: bool, yes: bool) -> int:
    """Put a saved copy back in the place of the whole crontab, also of lines that are not ours.

    Shows the diff and asks first. What it replaces is copied, too: a second rollback undoes the first.
    """
    desk = Desk(session)
    copy = saved or newest_copy(session.mission.folder.home / "backups")
    then, now = read_copy(copy), desk.crontab.read()
    change = Change(
        difference(now, then),
        question=f"Put {copy} back in the place of the whole crontab?",
        already=f"The crontab is as it was saved in {copy}.",
        done=f"The crontab is as it was saved in {copy}.",
    )
    return change_crontab(desk, now, then, change, dry_run=dry_run, yes=yes)
