"""`missionctl cron … --systemd`: the mission's heartbeats from a user timer of systemd."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mission_control.config import process_environment
from mission_control.errors import InvalidInput
from mission_control.interfaces.cli.cron_desk import Change, Desk, carry_out, print_difference
from mission_control.interfaces.cli.output import print_json, tell
from mission_control.interfaces.shapes import Json
from mission_control.ops.crontab import timer
from mission_control.ops.crontab.standing import difference, shown
from mission_control.ops.crontab.timer import Units


def show(desk: Desk) -> None:
    """The units as they lie there, and what `install --systemd` would change."""
    wanted = timer.units(desk.call, process_environment())
    there = wanted.read()
    differing = difference(there.text, wanted.text)
    is_installed = bool(there.text)
    if desk.session.as_json:
        files = {str(path): text for path, text in there.files.items() if text}
        diff = "\n".join(differing)
        print_json(
            {"home": desk.home, "installed": is_installed, "files": files, "differs": bool(differing), "diff": diff}
        )
        return
    click.echo(shown(there.text), nl=False)
    if is_installed:
        print_difference(desk.session, differing)
        told = (
            "The timer differs. Renew it"
            if differing
            else "The timer is written. See: systemctl --user list-timers; it"
        )
        tell(f"{told} with: missionctl cron install --systemd" if differing else f"{told} needs nothing.")
    else:
        tell("There is no timer of this mission. Write it with: missionctl cron install --systemd")


def install(desk: Desk, names: Sequence[str], *, dry_run: bool, yes: bool) -> int:
    """Write both units, and enable the timer where the user's systemd answers."""
    if names:
        raise InvalidInput("A timer wakes whoever is due by their own schedule; leave the names out.")
    wanted = timer.units(desk.call, process_environment())
    change = Change(
        difference(wanted.read().text, wanted.text),
        question="Write these units?",
        already="The units are so already.",
        done="The units are written.",
    )

    def write() -> Json:
        timer.write(wanted)
        return {"enabled": _enable(wanted)}

    return carry_out(desk.session, change, write, dry_run=dry_run, yes=yes)


def remove(desk: Desk, *, dry_run: bool, yes: bool) -> int:
    """Stop the timer where the user's systemd answers, and take both units away."""
    there = timer.units(desk.call, process_environment()).read()
    change = Change(
        difference(there.text, b""),
        question="Remove these units?",
        already="There is no timer of this mission.",
        done="The units are removed.",
    )

    def write() -> Json:
        timer.remove(there, process_environment())
        return {"enabled": False}

    return carry_out(desk.session, change, write, dry_run=dry_run, yes=yes)


def _enable(units: Units) -> bool:
    """Whether the timer runs now; where it cannot, a person is told what is left to do."""
    name = f"{units.name}.timer"
    if not timer.start(units, process_environment()):
        tell(f"Not enabled: systemctl --user does not answer here. Later: systemctl --user enable --now {name}")
        return False
    tell("The timer stops when you log out, unless you say once: loginctl enable-linger")
    return True
