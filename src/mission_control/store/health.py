"""Whether the database still says one thing: pages, counters, queues, and tasks that nobody can take."""

from __future__ import annotations

from datetime import datetime

from mission_control.domain.task import task_name
from mission_control.store.store import Store, instant


def damaged_pages(store: Store, limit: int) -> list[str]:
    """What SQLite's quick check finds, a line each; a Postgres server looks after itself."""
    return [str(row["problem"]) for row in store.rows("health.pages", limit=limit)]


def differing_counters(store: Store, limit: int) -> list[str]:
    """Counters that differ from what counting gives, a line each, at most `limit` of each kind."""
    with store.snapshot():
        counts = [
            f"{row['status']}: the counter says {row['kept']}, there are {row['counted']} tasks"
            for row in store.rows("health.status_counts")
            if row["kept"] != row["counted"]
        ]
        unmet = [
            f"{task_name(row['id'])}: the counter says {row['kept']} unfinished predecessors, it has {row['counted']}"
            for row in store.rows("health.unmet", limit=limit)
        ]
        queues = [
            f"{task_name(row['task_id'])}: its place in the queue of {row['agent']} is not what the task says"
            for row in store.rows("health.assignments", limit=limit)
        ]
    return [*counts, *unmet, *queues]


def unassigned(store: Store, limit: int) -> list[int]:
    """Tasks in the inbox that name nobody of the squad."""
    return [row["id"] for row in store.rows("health.unassigned", limit=limit)]


def waiting_in_vain(store: Store, limit: int) -> list[tuple[int, int]]:
    """(task, predecessor) where the predecessor was cancelled."""
    return [(row["id"], row["after_id"]) for row in store.rows("health.waiting_in_vain", limit=limit)]


def server_clock(store: Store) -> datetime | None:
    """What time it is for the database's own machine; None for a file."""
    row = store.row("health.clock")
    return None if row is None else instant(row["now"])
