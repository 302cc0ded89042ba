"""Checks of the backups: that there is a late one, that it can be relied on, and that no restore is half done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from mission_control.config import Config
from mission_control.folder import Folder
from mission_control.ops.backup import checking, restoring, shelf
from mission_control.ops.doctor.finding import Finding, fault, ok, warning
from mission_control.ops.legacy.files import SUBFOLDER
from mission_control.ops.legacy.writing import foreign_files
from mission_control.store import history
from mission_control.store.store import Store

OLD = timedelta(days=7)
OLD_WHERE_DAILY = timedelta(days=2)
MAKE = "missionctl backup; every day by itself: backup_at in mission.toml"


def examine_backups(config: Config, store: Store | None, now: datetime, *, deep: bool) -> Iterator[Finding]:
    """The newest one by names and sizes; `deep` reads every byte of it. `store` null: it cannot be opened."""
    folder = Folder(config.home)
    made = shelf.finished(folder.backups)
    old = OLD if config.backup_at is None else OLD_WHERE_DAILY
    if not made:
        if store is not None and _is_worth_one(store, now - old):
            yield warning("backup", f"there is none in {folder.backups}", MAKE)
        else:
            yield ok("backup", "none yet")
    else:
        newest = made[-1]
        if why := checking.why_unfit(newest, deep=deep):
            yield fault("backup", why, f"missionctl backup; then remove {newest}")
        elif now - shelf.made_at(newest) > old:
            yield warning("backup", f"the last one, {newest.name}, is {_days(now - shelf.made_at(newest))} old", MAKE)
        else:
            yield ok("backup", f"{newest.name} is whole{', every byte of it' if deep else ''}")
    yield from _examine_leftovers(folder)
    yield from _examine_mirror(config)


def examine_restore(folder: Folder) -> Iterator[Finding]:
    """One line only when something is wrong."""
    if folder.restore_journal.exists():
        yield fault("restore", restoring.interrupted_words(folder), "missionctl restore --finish")
    elif left := restoring.leftover(folder):
        fact = f"a restore was interrupted before it changed anything; {left} is what it had prepared"
        yield warning("restore", fact, f"Restore again, or remove {left}")


def _is_worth_one(store: Store, since: datetime) -> bool:
    """Whether the mission is older than that."""
    first = history.since(store, 0, agent=None, limit=1)
    return bool(first) and first[0].at < since


def _examine_leftovers(folder: Folder) -> Iterator[Finding]:
    for left in shelf.leftovers(folder.backups):
        yield warning("backup", f"{left} was never finished", "The next missionctl backup removes it")


def _examine_mirror(config: Config) -> Iterator[Finding]:
    if config.mirror and (foreign := foreign_files(config.home / SUBFOLDER)):
        fact = f"{', '.join(foreign)} in {config.home / SUBFOLDER} was changed by somebody else and stays as it is"
        yield warning("mirror", fact, f"missionctl export {config.home} --yes writes it anew")


def _days(age: timedelta) -> str:
    return f"{age.days} days"
