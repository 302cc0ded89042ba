"""The standup of the day: made once, whoever comes first, and filed until its files are there."""

from __future__ import annotations

import json
from datetime import date, datetime

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.history import Activity
from mission_control.domain.notice import STANDUP_MADE
from mission_control.domain.schedule import latest_time_of_day
from mission_control.domain.standup import Standup
from mission_control.folder import Folder
from mission_control.moves import SYSTEM
from mission_control.ops.standup import record
from mission_control.ops.standup.filing import write_notes, write_report
from mission_control.ops.standup.gathering import gather
from mission_control.store import history, standups
from mission_control.store.store import Store


def make_if_due(store: Store, config: Config, clock: Clock) -> Standup | None:
    """Make the standup whose time has come, unless somebody has; null when there was nothing to make.

    First it is kept in the database, which decides who makes it; then its files are written, by whoever comes next
    where that was cut short. One that was missed is made once, later; earlier ones are not made up for.
    """
    made = _make(store, config, clock)
    file_all(store, config, clock)
    return made


def _make(store: Store, config: Config, clock: Clock) -> Standup | None:
    planned = due_at(config, clock.now())
    day = planned.astimezone(config.zone).date()
    if standups.recorded(store, day) is not None or not standups.has_begun(store, planned):
        return None
    standup = gather(store, config, clock, day, until=planned)
    content = json.dumps(record.as_json(standup), ensure_ascii=False)
    with store.transaction():
        if not standups.record(store, day, content, now=clock.now()):
            return None  # somebody was faster
        announce(store, standup, actor=SYSTEM, now=clock.now())
    return standup


def due_at(config: Config, now: datetime) -> datetime:
    """When the last standup was due."""
    assert config.standup_at is not None
    return latest_time_of_day(now, config.standup_at, config.zone)


def announce(store: Store, standup: Standup, *, actor: str, now: datetime) -> None:
    """Tell that there is a standup: a line of history, which `events` shows. Called inside a transaction.

    The one place from which a standup goes out: the line is also news for the channels that want to hear of it.
    """
    message = f"{standup.day}: {summary(standup)}"
    history.append(store, Activity(at=now, kind=STANDUP_MADE, actor=actor, message=message))


def summary(standup: Standup) -> str:
    """`5 completed, 1 in progress, 2 blocked`: the day in one line."""
    return ", ".join(f"{section.total:,} {heading.replace('_', ' ')}" for heading, section in standup.sections.items())


def file_all(store: Store, config: Config, clock: Clock) -> list[date]:
    """Write the files of every standup that has none yet. Safe to do twice, also at once. Raises OSError."""
    folder, filed = Folder(config.home), []
    for content in standups.unfiled(store):
        standup = record.from_json(json.loads(content))
        write_report(folder, standup, config.zone)
        write_notes(folder, standup, config.zone)
        standups.note_filed(store, standup.day, now=clock.now())
        filed.append(standup.day)
    return filed
