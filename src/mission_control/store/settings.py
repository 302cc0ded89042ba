"""What holds for the whole mission, in the store: its pause, the secret of attempts' keys, whether it tells anybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mission_control.store.sqlite import text_of_instant
from mission_control.store.store import Store, instant

PAUSED = "paused"  # also named in queries: agent.beat, agent.load, dispatch.able
ATTEMPT_SECRET = "attempt_secret"  # noqa: S105  its name in the table; made by migrate


@dataclass(frozen=True)
class Pause:
    """Since when nobody starts anything, and who wanted it so."""

    since: datetime
    by: str


def pause(store: Store) -> Pause | None:
    """Null while the mission is not paused."""
    row = store.row("setting.get", name=PAUSED)
    if row is None:
        return None
    at, _, by = row["value"].partition(" ")
    since = instant(at)
    assert since is not None
    return Pause(since, by)


def put_pause(store: Store, pause: Pause) -> None:
    store.rows("setting.put", name=PAUSED, value=f"{text_of_instant(pause.since)} {pause.by}")


def end_pause(store: Store) -> bool:
    """False when there was none."""
    return store.row("setting.delete", name=PAUSED) is not None


def attempt_secret(store: Store) -> bytes:
    """What the keys of attempts are made with."""
    row = store.row("setting.get", name=ATTEMPT_SECRET)
    assert row is not None
    return bytes.fromhex(row["value"])


def has_channels(store: Store) -> bool:
    """Whether anybody outside of the mission is to be told anything."""
    return store.row("setting.any_channel") is not None
