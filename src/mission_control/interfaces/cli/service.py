"""`missionctl service show|install|remove`: the dispatcher as a service of systemd or launchd."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from mission_control.config import process_environment
from mission_control.errors import InvalidInput, Unavailable
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.errors import WORK_FAILED
from mission_control.interfaces.cli.output import print_done, print_json, tell
from mission_control.interfaces.cli.text import without_controls
from mission_control.interfaces.shapes import Json
from mission_control.ops.service import installing
from mission_control.ops.service.installing import Deed, Look, Site
from mission_control.ops.service.notes import notes_on
from mission_control.ops.service.seal import Standing
from mission_control.ops.service.supervisor import State
from mission_control.ops.service.wanted import describe

_STANDINGS = {
    Standing.MISSING: "Not installed. It would be: {path}",
    Standing.SAME: "Installed as shown: {path}",
    Standing.OUTDATED: "Installed in {path}, and differs. Renew it with: missionctl service install",
    Standing.EDITED: "Installed in {path}, and changed by a person since:",
    Standing.OTHER_MISSION: "{path} is the service of another mission. Take another name with --name.",
    Standing.FOREIGN: "{path} is not of our making and will stay as it is. Take another name with --name.",
}
_DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


class _Case(NamedTuple):
    """What a command is about."""

    site: Site
    seen: Look
    notes: list[str]


def _of_a_service(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that all of them have."""
    name = click.option("--name", metavar="NAME", help="Name of the service. Default: mission-control-FOLDER.")
    system = click.option("--system", is_flag=True, help="A service of the machine, not of one user; needs root.")
    return name(system(function))


@command("show", examples=("missionctl service show", "missionctl service show --json"))
@_of_a_service
def show(session: Session, *, name: str | None, system: bool) -> None:
    """Show the file that would be written, where, and how what is installed differs.

    Standard output holds the file and nothing else.
    """
    case = _case(session, name, system=system)
    seen, state = case.seen, installing.state_of(case.site, case.seen.service.name)
    if session.as_json:
        print_json({**_document(case, seen.diff, state), "text": seen.wanted})
        return
    click.echo(seen.wanted, nl=False)
    tell(_STANDINGS[seen.standing].format(path=seen.path))
    if seen.standing not in (Standing.MISSING, Standing.SAME):
        _print_diff(session, seen.diff, err=True)
    if seen.standing is not Standing.MISSING:
        tell(f"State: {state.words if state else _nobody(case)}")
    _tell_notes(case)


@command(
    "install",
    examples=("missionctl service install --dry-run", "missionctl service install --yes"),
    exits={
        1: "you said no, or it is installed and does not run",
        4: "what is there is not ours, or was changed by a person",
    },
)
@_of_a_service
@click.option("--no-start", is_flag=True, help="Only write the file.")
@click.option("--force", is_flag=True, help="Also replace what a person has changed; a copy is kept.")
@click.option("--yes", is_flag=True, help="Do not ask before something is replaced.")
@click.option("--dry-run", is_flag=True, help="Show what would change, change nothing.")
def install(
    session: Session, *, name: str | None, system: bool, no_start: bool, force: bool, yes: bool, dry_run: bool
) -> int:
    """Let systemd or launchd start the dispatcher, and start it again when it ends by a fault.

    The difference is shown first. What runs goes on when the service is restarted. Installing again renews what
    has changed, e.g. where the program lies.
    """
    case = _case(session, name, system=system)
    seen = case.seen
    installing.check_installable(case.site, seen, force=force)
    is_replaced = seen.standing in (Standing.OUTDATED, Standing.EDITED)
    asks = is_replaced and not (yes or dry_run)
    if not _is_wanted(session, f"Replace {seen.path}?", seen.diff, asks=asks):
        return WORK_FAILED
    deed = Deed() if dry_run else installing.install(case.site, seen, now=session.now, start=not no_start)
    if session.as_json:
        print_json({**_document(case, seen.diff, deed.state), **_deed_document(deed, dry_run=dry_run)})
    elif dry_run:
        tell(f"{'Nothing would change' if seen.standing is Standing.SAME else 'Would be written'}: {seen.path}")
        _tell_notes(case)
    else:
        print_done(session, f"{seen.path} {'is written' if deed.changed else 'is as it should be'}.")
        _tell_deed(case, deed, left="To start it, say:" if no_start else None)
        _tell_notes(case)
    return WORK_FAILED if deed.has_failed else 0


@command(
    "remove",
    examples=("missionctl service remove --dry-run", "missionctl service remove --yes"),
    exits={
        1: "you said no",
        3: "there is no such service",
        4: "it is not ours, or was changed by a person",
        5: "no mission, or it cannot be used now, or the service cannot be ended",
    },
)
@_of_a_service
@click.option("--force", is_flag=True, help="Also remove what a person has changed; a copy is kept.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed, change nothing.")
def remove(session: Session, *, name: str | None, system: bool, force: bool, yes: bool, dry_run: bool) -> int:
    """End the service, let it start no more, and delete its file. What it executes goes on to its end."""
    case = _case(session, name, system=system)
    seen = case.seen
    installing.check_removable(seen, force=force)
    if not _is_wanted(session, f"Remove {seen.path}?", seen.removal_diff, asks=not (yes or dry_run)):
        return WORK_FAILED
    deed = Deed() if dry_run else installing.remove(case.site, seen, now=session.now)
    if session.as_json:
        print_json({**_document(case, seen.removal_diff, deed.state), **_deed_document(deed, dry_run=dry_run)})
    elif dry_run:
        tell(f"Would be removed: {seen.path}")
    else:
        print_done(session, f"{seen.path} is removed.")
        _tell_deed(case, deed)
    return 0


def _case(session: Session, name: str | None, *, system: bool) -> _Case:
    environment = process_environment()
    home = Path(os.path.realpath(session.mission.folder.home))  # one mission, however it was named
    site = installing.site_here(environment, system=system)
    service = describe(
        home=home,
        program=_program(),
        environment=environment,
        name=installing.choose_name(site, home, name),
        user=_owner(home) if system else None,
    )
    return _Case(site, installing.look(site, service), notes_on(site, service, session.mission.config, system=system))


def _program() -> Path:
    """Where this command lies, as it was called: the link that an installer keeps is better than what it leads to."""
    called = shutil.which(os.path.abspath(sys.argv[0])) or shutil.which("missionctl")
    if called is None:
        raise Unavailable("It is not known where this program lies. Call it by its whole path.")
    return Path(os.path.abspath(called))


def _owner(home: Path) -> str | None:
    """A service of the machine executes as whoever the mission belongs to, not as root."""
    uid = home.stat().st_uid
    if uid == 0:
        return None
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a number without a name will do
        return str(uid)


def _is_wanted(session: Session, question: str, diff: Sequence[str], *, asks: bool) -> bool:
    """Show the difference, then ask the person at the terminal; without one, --yes is needed."""
    if asks and not session.can_ask:
        raise InvalidInput(f"{question} Say so with --yes, or look first with --dry-run.")
    if not session.as_json:
        _print_diff(session, diff)
    return not asks or click.confirm(question, default=False, err=True)


def _print_diff(session: Session, diff: Sequence[str], *, err: bool = False) -> None:
    for line in diff:
        colour = _DIFF_COLOURS.get(line[:1]) if session.is_terminal and not session.no_color else None
        text = without_controls(line)
        click.echo(click.style(text, fg=colour) if colour else text, err=err)


def _tell_deed(case: _Case, deed: Deed, *, left: str | None = None) -> None:
    """`left` is said above what is left to do, where it is known why."""
    if deed.kept:
        tell(f"What a person had written is kept in {deed.kept}")
    for said in deed.said:
        if not said.is_good:
            tell(f"{' '.join(said.words)} failed: {said.text}")
    if deed.state is not None:
        tell(f"State: {deed.state.words}")
    if deed.has_failed:
        tell(_why(case))
    if deed.next_steps:
        tell(left or ("Still to be done, by you:" if deed.said else f"{_nobody(case)}. Where it does, say:"))
        for step in deed.next_steps:
            tell(f"  {step}")


def _why(case: _Case) -> str:
    name = case.seen.service.name
    if case.site.supervisor.kind == "systemd":
        scope = "" if "--system" in case.site.supervisor.question else "--user "
        return f"It is installed and does not run. See why with: journalctl {scope}-u {name}"
    return f"It is installed and does not run. See why in: {case.seen.service.log}"


def _nobody(case: _Case) -> str:
    return f"{case.site.supervisor.question[0]} does not answer here"


def _tell_notes(case: _Case) -> None:
    for note in case.notes:
        tell(f"Note: {note}")


def _document(case: _Case, diff: Sequence[str], state: State | None) -> Json:
    seen = case.seen
    return {
        "name": seen.service.name,
        "kind": case.site.supervisor.kind,
        "path": str(seen.path),
        "standing": seen.standing,
        "diff": list(diff),
        "state": state and {"loaded": state.is_loaded, "running": state.is_running, "words": state.words},
        "notes": case.notes,
    }


def _deed_document(deed: Deed, *, dry_run: bool) -> Json:
    return {
        "dry_run": dry_run,
        "changed": deed.changed,
        "kept": deed.kept and str(deed.kept),
        "commands": [{"command": list(said.words), "code": said.code, "said": said.text} for said in deed.said],
        "next_steps": list(deed.next_steps),
    }
