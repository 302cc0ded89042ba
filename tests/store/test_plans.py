"""What a claim touches does not grow with the board: read from SQLite's plans and counters, never from a clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from mission_control.board import Board
from mission_control.store.queries import Queries
from mission_control.store.schema import connect, migrate
from mission_control.store.store import Store
from support.clock import START
from support.database import ask
from support.factories import ending, process

ON_SQLITE = pytest.mark.parametrize("address", ["sqlite"], indirect=True)

HOT = [
    "agent.beat",
    "agent.load",
    "task.ready",
    "task.wake_due",
    "task.forgive_stale_backoffs",
    "task.lock",
    "task.by_key",
    "task.move",
    "task.waits_for",
    "task.successors",
    "task.predecessors",
    "attempt.claim",
    "attempt.start",
    "attempt.renew",
    "attempt.finish",
    "attempt.live",
    "attempt.live_of_task",
    "history.of_task",
    "history.since",
    "history.latest",
    "dispatch.next_instant",
    "dispatch.is_routine_due",
    "dispatch.due",
    "dispatch.some_wait_is_over",
    "dispatch.wake_due",
    "dispatch.able",
    "dispatch.live_here",
]


def plan(store: Store, name: str) -> list[str]:
    """The steps of SQLite's plan for a query."""
    text = Queries(store.dialect)[name]
    parameters = dict.fromkeys(re.findall(r"(?<!:):([a-z_]+)", text))
    return [row["detail"] for row in store._connection.execute(f"EXPLAIN QUERY PLAN {text}", parameters)]


@ON_SQLITE
@pytest.mark.parametrize("name", HOT)
def test_a_query_of_the_daily_round_scans_no_table(store: Store, name: str) -> None:
    # An index scan over the live attempts alone is as short as they are few.
    scans = [step for step in plan(store, name) if step.startswith("SCAN") and "attempt_one_live" not in step]
    allowed = {"history.since", "history.latest"}  # in the order of their key, cut by the limit
    of_rows_at_hand = r"ancestors|wanted|^SCAN s$|CONSTANT"
    assert [step for step in scans if name not in allowed and not re.search(of_rows_at_hand, step)] == []


@ON_SQLITE
def test_the_queue_is_read_in_its_order_without_sorting(store: Store) -> None:
    steps = plan(store, "task.ready")
    assert steps[0] == "SEARCH q USING INDEX assignment_queue (agent=?)"
    assert steps[1].startswith("SEARCH t USING INTEGER PRIMARY KEY")
    # Sorting is for the few agents and predecessors of one task, inside the sub-selects that follow.
    outer = [step for step in steps if "TEMP B-TREE" in step and "string_agg" not in step]
    assert outer == []


@ON_SQLITE
def test_a_wait_is_found_by_its_index(store: Store) -> None:
    assert any("assignment_wake (agent=? AND wake_at<?)" in step for step in plan(store, "task.wake_due"))
    assert any("task_retry (status=? AND retry_at>?)" in step for step in plan(store, "task.forgive_stale_backoffs"))


@ON_SQLITE
def test_a_heartbeat_asks_only_indexes(store: Store) -> None:
    steps = "\n".join(plan(store, "agent.beat"))
    for index in ("assignment_queue", "assignment_wake", "task_retry"):
        assert index in steps


def fill(store: Store, tasks: int) -> None:
    """A board on which nine of ten tasks are done and a tenth waits, for twenty agents."""
    with store.transaction():
        ask(
            store,
            f"""
WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {tasks})
INSERT INTO task (id, title, status, max_attempts, timeout_seconds, rank, created_at, updated_at)
SELECT id, 'Write the report', CASE WHEN id % 10 THEN 'done' ELSE 'inbox' END, 3, 60, id,
       '2026-02-06T10:00:00.000000Z', '2026-02-06T10:00:00.000000Z' FROM n""",
        )
        ask(
            store,
            "INSERT INTO assignment (task_id, agent, position) SELECT id, 'agent' || (id / 10 % 20), 0 FROM task",
        )
        ask(store, f"UPDATE counter SET value = {tasks} WHERE name = 'task'")


class Counters:
    """Adds up what SQLite says about every statement it has run."""

    def __init__(self, store: Store) -> None:
        self.steps = self.scans = self.sorts = 0
        store._connection._apsw.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._add)  # type: ignore[attr-defined]  # SQLite's alone

    def _add(self, event: dict[str, Any]) -> None:
        status = event["stmt_status"]
        self.steps += status["SQLITE_STMTSTATUS_VM_STEP"]
        self.scans += status["SQLITE_STMTSTATUS_FULLSCAN_STEP"]
        self.sorts += status["SQLITE_STMTSTATUS_SORT"]


def count_a_round(path: Path, tasks: int, make_board: Callable[[Store], Board]) -> Counters:
    """What a claim of three tasks and their ends cost on a board of this size."""
    store = connect(str(path), create=True)
    migrate(store, now=START)
    for number in range(20):
        ask(
            store,
            "INSERT INTO agent (name, runner, slots, schedule, created_at, updated_at) VALUES "
            f"('agent{number}', 'shell', 3, '* * * * *', '2026-02-06T10:00:00.000000Z', '2026-02-06T10:00:00.000000Z')",
        )
    fill(store, tasks)
    board = make_board(store)
    counters = Counters(store)
    claims = board.claim("agent7", claimer=process())
    assert len(claims) == 3
    for claim in claims:
        board.finish(claim.lease, ending())
    store.close()
    return counters


def test_a_claim_costs_the_same_on_a_board_a_hundred_times_larger(
    tmp_path: Path, make_board: Callable[[Store], Board]
) -> None:
    small = count_a_round(tmp_path / "small.db", 1_000, make_board)
    large = count_a_round(tmp_path / "large.db", 100_000, make_board)
    assert (small.scans, large.scans) == (0, 0)
    assert large.sorts <= small.sorts
    assert large.steps <= small.steps * 1.1
