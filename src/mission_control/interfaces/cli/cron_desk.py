"""What the cron commands share: the squad beside the crontab, and one way to change it: diff, question, copy, write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import click

from mission_control.config import process_environment
from mission_control.domain.agent import Agent
from mission_control.errors import InvalidInput
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_done, print_json, tell
from mission_control.interfaces.shapes import Json
from mission_control.ops.crontab import standing as standings
from mission_control.ops.crontab.call import find_call, unseen
from mission_control.ops.crontab.copies import keep_copy
from mission_control.ops.crontab.line import Call
from mission_control.ops.crontab.plan import Plan, plan_here
from mission_control.ops.crontab.program import Crontab, find_crontab
from mission_control.ops.crontab.program import replace as replace_crontab
from mission_control.ops.crontab.standing import Standing

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


class Desk:
    """The squad of a mission beside the crontab of this user."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.home = standings.home_of(session.mission.folder.home)

    @cached_property
    def squad(self) -> list[Agent]:
        return [view.agent for view in self.session.mission.views.agents()]

    @cached_property
    def crontab(self) -> Crontab:
        """Raises CrontabFailed where there is no such command."""
        return find_crontab(process_environment())

    @cached_property
    def call(self) -> Call:
        """How a line comes to the program that runs now."""
        return find_call(self.home, process_environment(), started_as=sys.argv[0], python=sys.executable)

    def look(self) -> Standing:
        """What stands in the crontab now."""
        return standings.look(self.crontab, self.home)

    def refuse_strangers(self, names: Sequence[str]) -> None:
        """Raises NotFound for a name that is not in the squad."""
        for name in names:
            self.session.mission.views.agent(name)

    def plan(self, names: Sequence[str] | None) -> Plan:
        """The lines that are right for these agents (null: all), and what a person should know about them."""
        config = self.session.mission.config
        planned = plan_here(self.squad, names, config, self.session.now)
        unknown = ", ".join(unseen(config, process_environment()))
        if not unknown:
            return planned
        note = f"Set here, but unknown to cron: {unknown}. What is a setting belongs into mission.toml."
        return replace(planned, notes=(*planned.notes, note))

    def keep(self, crontab: bytes) -> Path:
        """A private, dated copy in the mission's backups."""
        return keep_copy(self.session.mission.folder.home / "backups", crontab, self.session.now)


@dataclass(frozen=True)
class Change:
    """What should become of something, before it does."""

    difference: Sequence[str]  # lines of a unified diff; none: it is so already
    question: str
    already: str  # what a person is told when there is nothing to change
    done: str
    notes: Sequence[str] = ()


def carry_out(session: Session, change: Change, write: Callable[[], Json], *, dry_run: bool, yes: bool) -> int:
    """Show the diff, ask unless told `yes`, let `write` do it, and tell; returns the exit code.

    `write` adds to the JSON of the answer, whose keys are `changed`, `dry_run`, `diff` and `notes`.
    """
    if not session.as_json:
        print_difference(session, change.difference)
        print_notes(change.notes)
    is_change = bool(change.difference)
    if is_change and not (dry_run or yes) and not _confirmed(session, change.question):
        return 1
    told = write() if is_change and not dry_run else {}
    if session.as_json:
        diff = "\n".join(change.difference)
        changed = is_change and not dry_run
        print_json({"changed": changed, "dry_run": dry_run, "diff": diff, "notes": list(change.notes), **told})
    elif session.is_terminal:
        print_done(session, _sentence(change, dry_run=dry_run))
        for name, value in told.items():
            if value:
                click.echo(f"  {name}: {value}")
    return 0


def change_crontab(desk: Desk, before: bytes, after: bytes, change: Change, *, dry_run: bool, yes: bool) -> int:
    """Put another text in the place of the crontab, as `carry_out` does it."""

    def write() -> Json:
        return {"copy": str(replace_crontab(desk.crontab, before, after, keep=desk.keep))}

    return carry_out(desk.session, change, write, dry_run=dry_run, yes=yes)


def _sentence(change: Change, *, dry_run: bool) -> str:
    if not change.difference:
        return change.already
    return "Nothing was changed." if dry_run else change.done


def _confirmed(session: Session, question: str) -> bool:
    """Ask the person at the terminal; without one, --yes is needed."""
    if not session.can_ask:
        raise InvalidInput(f"{question} Say so with --yes, or look first with --dry-run. Nothing was changed.")
    return click.confirm(question, default=False, err=True)


def print_difference(session: Session, lines: Sequence[str]) -> None:
    """A unified diff; `shown` has made it harmless for a terminal."""
    for line in lines:
        colour = _COLOURS.get(line[:1]) if session.is_terminal and not session.no_color else None
        click.echo(click.style(line, fg=colour) if colour else line)


def print_notes(notes: Sequence[str]) -> None:
    """What a person should know, beside the result."""
    for note in notes:
        tell(f"Note: {note}")
