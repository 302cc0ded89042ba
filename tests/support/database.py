"""What lies in a database, asked past the board: for tests that compare, or that try what the board never would."""

from __future__ import annotations

from typing import Any

from mission_control.store.store import Row, Store

TABLES = (
    "routine_slot",
    "routine",
    "standup",
    "activity",
    "comment",
    "notification",
    "attempt",
    "dependency",
    "assignment",
    "task",
    "agent",
)


def ask(store: Store, statement: str) -> list[Row]:
    """Run one statement without parameters and return its rows."""
    return store._connection.execute(statement, {})


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, in an order of their own: equal before and after a refusal."""
    return {
        table: sorted((tuple(row.values()) for row in ask(store, f"SELECT * FROM {table}")), key=repr)
        for table in (*TABLES, "setting", "status_count")
    }


def empty(store: Store) -> None:
    """Remove all tasks, agents and history, so that one database serves many examples."""
    with store.transaction():
        for table in TABLES:
            ask(store, f"DELETE FROM {table}")
