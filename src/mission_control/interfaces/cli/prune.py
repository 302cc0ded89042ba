"""`missionctl prune`: remove folders of attempts and lines of history that are old enough."""

from __future__ import annotations

from datetime import timedelta

import click

from mission_control.errors import InvalidInput
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_done, print_json
from mission_control.interfaces.cli.parameters import DURATION
from mission_control.ops import retention
from mission_control.ops.retention import Limits, Pruned


@command(
    "prune",
    examples=("missionctl prune --dry-run", "missionctl prune --attempts 90d --activities 365d --yes"),
    exits={1: "you said no"},
)
@click.option(
    "--attempts", type=DURATION, metavar="AGE", help="Folders of attempts that ended so long ago. Default: as set."
)
@click.option("--activities", type=DURATION, metavar="AGE", help="Lines of history of that age. Default: as set.")
@click.option("--dry-run", is_flag=True, help="Say how much would go; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(
    session: Session, *, attempts: timedelta | None, activities: timedelta | None, dry_run: bool, yes: bool
) -> int:
    """Remove folders of attempts and lines of history that are old enough.

    By itself a mission does so where mission.toml sets attempts_retention_days or activities_retention_days. Never of
    a live attempt, nor of a task that is not done or cancelled. Attempts stay in `missionctl show` with their outcome,
    error and figures; what they printed and made is gone.
    """
    mission = session.mission
    limits = _limits(session, attempts, activities)
    would = retention.measure(mission.store, mission.config, limits)
    if dry_run or not (would.folders or would.lines):
        return _answer(session, would, dry_run=dry_run)
    if not yes and not _confirmed(session, would):
        return 1
    pruned = retention.prune_all(mission.store, mission.config, mission.clock, limits)
    return _answer(session, pruned, dry_run=False)


def _limits(session: Session, attempts: timedelta | None, activities: timedelta | None) -> Limits:
    now = session.now
    if attempts is None and activities is None:
        limits = retention.limits_of(session.mission.config, now)
        if limits.attempts is None and limits.activities is None:
            raise InvalidInput(
                "Nothing is ever old enough: the settings keep everything. Say an age, e.g. "
                "missionctl prune --attempts 90d --dry-run, or set attempts_retention_days in mission.toml."
            )
        return limits
    return Limits(None if attempts is None else now - attempts, None if activities is None else now - activities)


def _confirmed(session: Session, would: Pruned) -> bool:
    if not session.can_ask:
        raise InvalidInput(f"{_words(would)} would be removed for good. Say so with --yes, or look with --dry-run.")
    return click.confirm(f"Remove {_words(would)} for good?", default=False, err=True)


def _answer(session: Session, pruned: Pruned, *, dry_run: bool) -> int:
    if session.as_json:
        counts = {"folders": pruned.folders, "files": pruned.files, "activities": pruned.lines}
        print_json({**counts, "dry_run": dry_run})
    elif dry_run:
        print_done(session, f"{_words(pruned)} would be removed; nothing was changed.")
    else:
        print_done(session, f"{_words(pruned)} removed.")
    return 0


def _words(pruned: Pruned) -> str:
    folders = f"{pruned.folders:,} folder{'' if pruned.folders == 1 else 's'} of attempts with {pruned.files:,} files"
    return f"{folders} and {pruned.lines:,} line{'' if pruned.lines == 1 else 's'} of history"
