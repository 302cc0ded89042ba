"""Rows of the old system: the JSON they came with, letter for letter, or None for one that never came."""

from __future__ import annotations

from mission_control.store.store import Row, Store


def agent(store: Store, legacy_id: str) -> str | None:
    return _text(store.row("legacy.agent", legacy_id=legacy_id))


def task(store: Store, legacy_id: str) -> str | None:
    return _text(store.row("legacy.task", legacy_id=legacy_id))


def comment(store: Store, legacy_id: str) -> str | None:
    return _text(store.row("legacy.comment", legacy_id=legacy_id))


def notification(store: Store, legacy_id: str) -> str | None:
    return _text(store.row("legacy.notification", legacy_id=legacy_id))


def activity(store: Store, legacy_id: str) -> str | None:
    return _text(store.row("legacy.activity", legacy_id=legacy_id))


def adopt_agent(store: Store, name: str, *, legacy_id: str, text: str) -> None:
    """Note which row of the old system an agent stands for."""
    store.rows("legacy.adopt_agent", name=name, legacy_id=legacy_id, legacy=text)


def _text(row: Row | None) -> str | None:
    return None if row is None else str(row["legacy"])
