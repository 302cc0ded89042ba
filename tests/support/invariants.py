"""What must hold on every board at every moment, computed anew from the rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

from mission_control.domain.task import TRANSITIONS, Status
from mission_control.store.store import Row, Store, instant
from support.database import ask


def check_board(store: Store, *, latest: datetime | None = None) -> None:
    """Assert everything below. `latest` is the furthest that the clock has ever stood; waits up to it may be over."""
    tasks = {row["id"]: row for row in ask(store, "SELECT * FROM task")}
    attempts = ask(store, "SELECT * FROM attempt ORDER BY task_id, number")
    check_counters(store, tasks)
    check_queue(store, tasks, latest)
    check_attempts(tasks, attempts)
    check_history(store, tasks, attempts)


def check_counters(store: Store, tasks: dict[int, Row]) -> None:
    """Counts per status and unmet predecessors equal what counting gives."""
    counted = Counter(row["status"] for row in tasks.values() if row["kind"] == "task")
    kept = {row["status"]: row["tasks"] for row in ask(store, "SELECT status, tasks FROM status_count")}
    assert kept == {str(status): counted[status] for status in Status}
    unmet: Counter[int] = Counter()
    for row in ask(store, "SELECT task_id, after_id FROM dependency"):
        unmet[row["task_id"]] += tasks[row["after_id"]]["status"] != "done"
    assert {task_id: row["unmet"] for task_id, row in tasks.items()} == {task_id: unmet[task_id] for task_id in tasks}


def check_queue(store: Store, tasks: dict[int, Row], latest: datetime | None) -> None:
    """What assignments repeat of their task is what the task says; a wait is forgotten only once it has passed."""
    for row in ask(store, "SELECT * FROM assignment"):
        task = tasks[row["task_id"]]
        assert bool(row["claimable"]) is (task["status"] == "inbox" and task["unmet"] == 0)
        assert bool(row["in_inbox"]) is (task["status"] == "inbox")
        assert row["rank"] == task["rank"]
        waits = [moment for moment in (instant(task["not_before"]), instant(task["retry_at"])) if moment]
        until = max(waits, default=None)
        if row["wake_at"] is not None or until is None:
            assert instant(row["wake_at"]) == until
        else:
            assert latest is None or until <= latest


def check_attempts(tasks: dict[int, Row], attempts: list[Row]) -> None:
    """I1, I2, I4, I6: one live attempt exactly while in progress, one outcome each, growing tokens."""
    of_task: dict[int, list[Row]] = defaultdict(list)
    for attempt in attempts:
        of_task[attempt["task_id"]].append(attempt)
        assert (attempt["outcome"] is None) == (attempt["ended_at"] is None)
    for task_id, task in tasks.items():
        tries = of_task[task_id]
        live = [attempt for attempt in tries if attempt["ended_at"] is None]
        assert len(live) == (task["status"] == "in_progress")
        assert live in ([], tries[-1:])
        assert [attempt["number"] for attempt in tries] == list(range(1, len(tries) + 1))
        tokens = [attempt["token"] for attempt in tries]
        assert tokens == sorted(set(tokens))
        assert task["token"] == (tokens[-1] if tokens else 0)
        assert task["failures"] <= task["max_attempts"]
        if task["status"] == "blocked":
            assert task["reason"]
        if task["status"] in ("inbox", "in_progress"):
            assert task["failures"] < task["max_attempts"]


def check_history(store: Store, tasks: dict[int, Row], attempts: list[Row]) -> None:
    """I3: history, played again, leads every task to where it stands; each end of an attempt is told once."""
    stands: dict[int, str | None] = {}
    ends: Counter[tuple[Any, ...]] = Counter()
    legal = {(str(source), str(target)) for source, moves in TRANSITIONS.items() for target in moves.values()}
    for line in ask(store, "SELECT * FROM activity WHERE task_id IS NOT NULL ORDER BY id"):
        task_id = line["task_id"]
        if line["kind"] == "deleted":
            stands.pop(task_id)
        if line["to_status"] is None:
            continue
        assert line["from_status"] == stands.get(task_id)
        assert line["from_status"] is None or (line["from_status"], line["to_status"]) in legal
        stands[task_id] = line["to_status"]
        if line["from_status"] == "in_progress":
            ends[task_id, line["attempt"], line["kind"]] += 1
    assert stands == {task_id: row["status"] for task_id, row in tasks.items()}
    told = {end: count for end, count in ends.items() if end[0] in tasks}
    assert told == {(a["task_id"], a["number"], a["outcome"]): 1 for a in attempts if a["outcome"]}
