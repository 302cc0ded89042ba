"""`missionctl restore`: put a backup back."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mission_control.clock import SystemClock
from mission_control.config import Config, find_home, load, process_environment
from mission_control.errors import ConfigInvalid, InvalidInput, NoMission
from mission_control.folder import Folder
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_done, print_json, tell
from mission_control.interfaces.shapes import Json, instant_text
from mission_control.ops.backup import shelf
from mission_control.ops.backup.restoring import Restored, finish
from mission_control.ops.backup.restoring import restore as put_back


@command(
    "restore",
    examples=(
        "missionctl restore latest --dry-run",
        "missionctl restore backup-20260206-030000 --yes",
        "missionctl restore --finish",
    ),
    exits={
        3: "no such backup; with --finish: no restore was interrupted",
        4: "something of the mission runs; nothing was changed",
        5: "a damaged backup, or one of a later program; nothing was changed",
    },
)
@click.argument("which", metavar="[DIR|NAME|latest]", required=False)
@click.option("--yes", is_flag=True, help="Replace the mission; without it a terminal is asked.")
@click.option("--dry-run", is_flag=True, help="Check everything and say what would be replaced; change nothing.")
@click.option("--finish", "finishes", is_flag=True, help="Carry on with a restore that was interrupted.")
def restore(session: Session, which: str | None, yes: bool, dry_run: bool, finishes: bool) -> None:  # noqa: FBT001  click's signature
    """Let the mission be what it was when the backup was made: database, settings, memory and reports.

    The backup is checked to the last byte first, and nothing of the mission may run. What is replaced is kept in
    backups/replaced-…; the crontab is not touched. Killed at any point, either the old mission stands or the next
    command says how to finish. Task numbers and tokens go on beyond both, so none is ever given out twice.
    """
    home = _home(session)
    if finishes:
        _finish(session, home, which)
        return
    if which is None:
        raise InvalidInput("Say which backup: a folder, a name, or latest. See: missionctl backup list")
    backup = shelf.find(Folder(home).backups, which)
    if not (yes or dry_run):
        _confirm(session, backup, home)
    restored = put_back(backup, home, process_environment(), SystemClock(), actor=session.actor, dry_run=dry_run)
    if restored.is_of_another_mission:
        tell("The backup is of another mission than the one that stood here.")
    if session.as_json:
        print_json(_document(restored))
    else:
        _print(session, restored)


def _home(session: Session) -> Path:
    """The mission's folder; one that is named may have lost its settings, or be new."""
    environment = process_environment()
    try:
        return find_home(session.home, environment, Path.cwd())
    except NoMission:
        named = session.home or environment.get("MISSIONCTL_HOME")
        if not named or not os.path.isdir(os.path.expanduser(named)):
            raise
        return Path(os.path.expanduser(named)).absolute()


def _finish(session: Session, home: Path, which: str | None) -> None:
    if which is not None:
        raise InvalidInput("--finish needs no backup: everything is prepared already.")
    begun = finish(Folder(home), _settings(home), SystemClock())
    if session.as_json:
        print_json({"backup": begun.backup, "kept": begun.kept, "finished": True})
    else:
        print_done(session, f"{begun.backup} is restored. What it replaced is in {begun.kept}")


def _settings(home: Path) -> Config | None:
    try:
        return load(home, process_environment())
    except ConfigInvalid:
        return None


def _confirm(session: Session, backup: Path, home: Path) -> None:
    if not session.can_ask:
        raise InvalidInput(
            f"Restoring replaces the mission in {home}. Say so with --yes, or look first with --dry-run."
        )
    if not click.confirm(f"Replace the mission in {home} by {backup.name}?", default=False, err=True):
        raise click.Abort


def _print(session: Session, restored: Restored) -> None:
    made = restored.made
    then = f"{made.contents.tasks:,} tasks of {made.made_at:%Y-%m-%d %H:%M:%S} UTC"
    if restored.dry_run:
        now = f"{restored.replaced.tasks:,} tasks" if restored.replaced else "no usable database"
        print_done(session, f"{restored.backup} is whole: {then} would replace {now}")
        return
    print_done(session, f"{then} are back. What they replaced is in {restored.kept}")
    if restored.can_go_back:
        click.echo(f"  To go back: missionctl restore {restored.kept.name}")
    if restored.crontab:
        click.echo(f"  The crontab was left as it is; the one of then is in {restored.crontab}")


def _document(restored: Restored) -> Json:
    replaced = restored.replaced
    return {
        "backup": str(restored.backup),
        "made_at": instant_text(restored.made.made_at),
        "tasks": restored.made.contents.tasks,
        "replaced_tasks": replaced.tasks if replaced else None,
        "kept": str(restored.kept),
        "crontab": str(restored.crontab) if restored.crontab else None,
        "other_mission": restored.is_of_another_mission,
        "can_go_back": restored.can_go_back,
        "dry_run": restored.dry_run,
    }
