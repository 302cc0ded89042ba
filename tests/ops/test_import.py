"""What becomes of the rows of a legal folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mission_control.board import Board
from mission_control.config import Config
from mission_control.domain.task import Status, Task
from mission_control.errors import Conflict
from mission_control.execution import runners
from mission_control.ops.legacy.report import Becomes, Fate, Report
from mission_control.squad import Squad
from mission_control.store import agents, history, tasks
from mission_control.store.store import Store
from support.clock import START, FakeClock
from support.database import ask, everything
from support.factories import PERSON, AgentFactory
from support.invariants import check_board
from support.legacy import (
    Importer,
    full_folder,
    old_activity,
    old_agent,
    old_message,
    old_notification,
    old_task,
)
from support.rival import Rival

EXAMPLE = Path(__file__).parents[2] / "examples" / "legacy"


@pytest.fixture
def take_over(store: Store, squad: Squad, config: Config, clock: FakeClock, tmp_path: Path) -> Importer:
    return Importer(store, squad, config, clock, tmp_path / "old")


def task_of(store: Store, legacy_id: str = "task-1") -> Task:
    task = tasks.by_legacy_id(store, legacy_id)
    assert task is not None
    return task


def test_a_row_of_every_kind_comes_to_its_place(take_over: Importer, store: Store) -> None:
    report = take_over(**full_folder())
    assert report.counts == {Fate.IMPORTED: 7, Fate.CHANGED: 1, Fate.ALREADY_THERE: 0, Fate.DIFFERS: 0}
    assert [(row.file, row.row, row.becomes, row.name) for row in report.rows] == [
        ("agents.json", 1, Becomes.AGENT, "dexter"),
        ("tasks.json", 1, Becomes.TASK, "T-1"),
        ("tasks.json", 2, Becomes.TASK, "T-2"),
        ("tasks.json", 3, Becomes.TASK, "T-3"),
        ("messages.json", 1, Becomes.COMMENT, "T-1"),
        ("messages.json", 2, Becomes.ACTIVITY, None),
        ("notifications.json", 1, Becomes.NOTIFICATION, "dexter"),
        ("activities.json", 1, Becomes.ACTIVITY, None),
    ]
    (comment,) = history.thread(store, 1)
    assert (comment.author, comment.body) == ("dexter", "Done so far.")
    assert comment.created_at == datetime(2026, 2, 1, 10, tzinfo=UTC)
    assert [notification.content for notification in history.undelivered(store, "dexter")] == ["Look"]
    assert {"message", "task_started"} <= {line.kind for line in history.latest(store, agent=None, limit=20)}
    check_board(store)


def test_the_example_comes_to_a_board_that_keeps_its_invariants(take_over: Importer, store: Store) -> None:
    files: dict[str, Any] = {path.stem: path.read_bytes() for path in (EXAMPLE / "database").glob("*.json")}
    report = take_over(**files)
    assert report.ignored == ("active-agents.json",)
    assert len(report.rows) == 50
    assert tasks.counts(store) == {
        Status.INBOX: 2,
        Status.IN_PROGRESS: 0,
        Status.REVIEW: 2,
        Status.DONE: 9,
        Status.BLOCKED: 12,
        Status.CANCELLED: 0,
    }
    check_board(store)


def test_importing_twice_changes_nothing(take_over: Importer, store: Store) -> None:
    take_over(**full_folder())
    before = everything(store)
    report = take_over()
    assert {row.fate for row in report.rows} == {Fate.ALREADY_THERE}
    assert everything(store) == before


def test_a_row_that_has_changed_since_is_left_as_it_is_here(take_over: Importer, store: Store) -> None:
    folder = full_folder()
    take_over(**folder)
    before = everything(store)
    report = take_over(tasks=[old_task(1, title="Another"), *folder["tasks"][1:]])
    assert [row.id for row in report.rows if row.fate is Fate.DIFFERS] == ["task-1"]
    assert everything(store) == before


def test_the_order_of_keys_and_the_layout_of_a_file_are_no_difference(take_over: Importer) -> None:
    take_over(tasks=[old_task()])
    report = take_over(tasks=json.dumps([dict(reversed(old_task().items()))], indent=4))
    assert [row.fate for row in report.rows] == [Fate.ALREADY_THERE]


def test_new_rows_of_a_later_import_find_what_came_before(take_over: Importer, store: Store) -> None:
    take_over(**full_folder(tasks=1))
    (take_over.folder / "agents.json").unlink()
    report = take_over(tasks=[old_task(2, assignee_ids=["dexter"])], messages=[old_message(3)], notifications=[])
    assert [row.fate for row in report.rows if row.file != "activities.json"] == [Fate.CHANGED, Fate.IMPORTED]
    assert report.missing == ("agents.json",)
    assert task_of(store, "task-2").agents == ("dexter",)
    assert len(history.thread(store, task_of(store).id)) == 2


def test_a_dry_run_tells_the_same_and_changes_nothing(take_over: Importer, store: Store) -> None:
    before = everything(store)
    foretold = take_over(dry_run=True, **full_folder())
    assert everything(store) == before
    done = take_over()
    assert [(row.fate, row.becomes, row.status, row.notes) for row in foretold.rows] == [
        (row.fate, row.becomes, row.status, row.notes) for row in done.rows
    ]


@pytest.mark.parametrize(
    "value",
    [
        90071992547409931234567890,
        -0.1,
        1e-300,
        [12.50, {"deep": [[], {}, [None, True]]}],
        '日本語 \u2028 🚀 \x00 \\ / "',
        "\ud800",  # legal JSON, though no Unicode
        {"": 1, "é": 2},
    ],
    ids=["large", "float", "tiny", "nested", "unicode", "surrogate", "keys"],
)
@pytest.mark.parametrize("kind", ["agents", "tasks", "messages", "notifications", "activities"])
def test_unknown_fields_are_kept_letter_for_letter(take_over: Importer, store: Store, kind: str, value: Any) -> None:
    folder = full_folder(tasks=1)
    row = {**folder[kind][0], "x_custom": value}
    text = json.dumps(row, indent=1)
    take_over(**{**folder, kind: f"[ {text} ]"})
    table = {
        "agents": "agent",
        "tasks": "task",
        "messages": "comment",
        "notifications": "notification",
        "activities": "activity",
    }[kind]
    kept = [found["legacy"] for found in ask(store, f"SELECT legacy FROM {table} WHERE legacy_id IS NOT NULL")]
    assert text in kept
    assert value in [json.loads(row).get("x_custom") for row in kept]


@pytest.mark.parametrize(
    ("there", "here"),
    [("inbox", "inbox"), ("review", "review"), ("blocked", "blocked"), ("done", "done"), ("cancelled", "cancelled"),
     ("assigned", "inbox"), ("in_progress", "inbox")],
)  # fmt: skip
def test_a_status_becomes_the_one_it_means_here(take_over: Importer, store: Store, there: str, here: str) -> None:
    (row,) = take_over(tasks=[old_task(status=there)]).rows
    assert task_of(store).status == row.status == here
    assert any(note.startswith(f"{there} becomes") for note in row.notes) == (there != here)
    check_board(store)


@pytest.mark.parametrize("status", ["inbox", "assigned", "in_progress"])
def test_open_work_whose_runner_needs_a_command_waits_for_one(
    take_over: Importer, store: Store, clock: FakeClock, config: Config, status: str
) -> None:
    take_over(agents=[old_agent()], tasks=[old_task(status=status, assignee_ids=["dexter"], last_error="Boom")])
    task = task_of(store)
    board = Board(store, clock, config, refuses=runners.refuses)
    assert task.status is Status.BLOCKED
    assert task.reason is not None
    assert "missionctl task edit T-1 --command" in task.reason
    assert "Boom" in task.reason
    with pytest.raises(Conflict, match="needs a command"):
        board.retry(task.id, actor=PERSON)
    board.edit(task.id, {"command": "true"}, actor=PERSON)
    assert board.retry(task.id, actor=PERSON).status is Status.INBOX


def test_work_in_review_without_a_command_cannot_be_sent_back_to_fail(
    take_over: Importer, store: Store, clock: FakeClock, config: Config
) -> None:
    take_over(agents=[old_agent()], tasks=[old_task(status="review", assignee_ids=["dexter"])])
    board = Board(store, clock, config, refuses=runners.refuses)
    with pytest.raises(Conflict, match="--command"):
        board.reject(1, "Not yet", actor=PERSON)
    assert board.approve(1, actor=PERSON).status is Status.DONE


@pytest.mark.parametrize(
    ("status", "retries", "failures"),
    [("inbox", 0, 0), ("inbox", 2, 2), ("inbox", 3, 2), ("done", 10**30, 3), ("blocked", 3, 3), ("review", 1, 1)],
)
def test_retries_count_as_failures_but_never_as_more_than_are_possible(
    take_over: Importer, store: Store, status: str, retries: int, failures: int
) -> None:
    (row,) = take_over(tasks=[old_task(status=status, retry_count=retries)]).rows
    assert task_of(store).failures == failures
    assert bool(row.notes) == (retries > failures)
    check_board(store)


def test_the_last_failure_is_told_by_reason_and_history(take_over: Importer, store: Store) -> None:
    row = old_task(status="blocked", last_error="HTTP 403", error="older", failed_at="2026-02-02T08:00:00Z")
    take_over(tasks=[row])
    assert task_of(store).reason == "HTTP 403"
    failed, imported = history.of_task(store, task_of(store).id)
    assert (failed.kind, failed.message, failed.at) == ("failed", "HTTP 403", datetime(2026, 2, 2, 8, tzinfo=UTC))
    assert (imported.kind, imported.to_status) == ("imported", Status.BLOCKED)
    take_over(tasks=[old_task(2, status="blocked", error="Crash"), old_task(3, status="blocked")])
    assert task_of(store, "task-2").reason == "Crash"
    assert task_of(store, "task-3").reason == "the old system gave no reason"


@pytest.mark.parametrize(
    "time",
    ["2026-02-01T09:00:00Z", "2026-02-01T09:00:00.000Z", "2026-02-01T10:00:00+01:00", "2026-02-01T09:00:00",
     "2026-02-01 09:00:00", 1769936400000, 1769936400000.0],
)  # fmt: skip
def test_every_way_to_write_a_time_means_the_same_instant(take_over: Importer, store: Store, time: Any) -> None:
    take_over(tasks=[old_task(created_at=time)])
    assert task_of(store).created_at == datetime(2026, 2, 1, 9, tzinfo=UTC)


def test_a_task_that_claims_to_come_from_the_future_does_not_wait_until_then(take_over: Importer, store: Store) -> None:
    take_over(tasks=[old_task(1, created_at="2400-01-01T00:00:00Z"), old_task(2, created_at=START.isoformat())])
    assert task_of(store, "task-1").rank == task_of(store, "task-2").rank


def test_a_row_that_says_no_time_gets_that_of_the_import(take_over: Importer, store: Store, clock: FakeClock) -> None:
    (row,) = take_over(tasks=[{"id": 1, "title": "Bare"}]).rows
    task = task_of(store, "1")
    assert task.created_at == clock.now()
    assert len(row.notes) == 2
    assert (task.status, task.priority, task.agents) == (Status.INBOX, "normal", ())


def test_a_number_and_its_digits_are_the_same_id(take_over: Importer, store: Store) -> None:
    take_over(
        agents=[old_agent(id=7)], tasks=[old_task(id=1, assignee_ids=["7", 7])], messages=[old_message(task_id="1")]
    )
    assert task_of(store, "1").agents == ("dexter",)
    assert len(history.thread(store, 1)) == 1


@pytest.mark.parametrize(
    ("given", "legal"),
    [
        ("Samurai Jack", "samurai_jack"),
        ("Élodie", "elodie"),
        ("--Ada--", "ada--"),
        ("  Bob!  ", "bob"),
        ("A" * 80, "a" * 64),
    ],
)
def test_an_agent_gets_a_legal_name_which_is_told(take_over: Importer, store: Store, given: str, legal: str) -> None:
    (row,) = take_over(agents=[old_agent(id="x-1", name=given)]).rows
    assert row.notes == (f"is called {legal} here",)
    agent = agents.by_legacy_id(store, "x-1")
    assert agent is not None
    assert agent.name == row.name == legal


def test_an_agent_that_is_here_already_keeps_its_settings(
    take_over: Importer, store: Store, agent: AgentFactory
) -> None:
    agent("dexter", slots=7, role="mine")
    (row, _) = take_over(agents=[old_agent()], tasks=[old_task(assignee_ids=["dexter"])]).rows
    known = agents.by_legacy_id(store, "dexter")
    assert known is not None
    assert (known.slots, known.role) == (7, "mine")
    assert row.fate is Fate.CHANGED


def test_a_paused_agent_stays_paused(take_over: Importer, store: Store) -> None:
    take_over(agents=[old_agent(status="paused"), old_agent("ada", status="working")])
    assert [(agent.name, agent.paused) for agent in agents.listed(store)] == [("ada", False), ("dexter", True)]


def test_history_may_speak_of_agents_and_writers_that_are_gone(take_over: Importer, store: Store) -> None:
    take_over(
        tasks=[old_task()],
        activities=[old_activity(agent_id="gone"), old_activity(2, agent_id=None)],
        messages=[old_message(from_agent_id="anna"), old_message(2, from_agent_id=None)],
    )
    assert [comment.author for comment in history.thread(store, 1)] == ["anna", "unknown"]
    assert history.latest(store, agent="gone", limit=5)[0].message == "Started"


@pytest.mark.parametrize(
    ("row", "is_delivered"),
    [({"delivered": True}, True), ({"delivered": True, "delivered_at": "2026-02-01T00:00:00Z"}, True),
     ({"delivered": False, "delivered_at": "2026-02-01T00:00:00Z"}, False), ({"delivered": None}, False)],
)  # fmt: skip
def test_a_notification_is_delivered_when_it_says_so(
    take_over: Importer, store: Store, row: dict[str, Any], is_delivered: bool
) -> None:
    take_over(agents=[old_agent()], notifications=[old_notification(**row)])
    assert (history.undelivered(store, None) == []) == is_delivered


def test_the_folder_above_the_files_is_found_as_well(take_over: Importer, store: Store) -> None:
    take_over.folder.mkdir()
    (take_over.folder / "database").mkdir()
    (take_over.folder / "database" / "tasks.json").write_text(json.dumps([old_task()]))
    assert take_over().path == take_over.folder / "database"
    assert task_of(store).title == "Task 1"


def test_two_imports_at_once_bring_every_row_once(
    take_over: Importer, open_again: Callable[[], Store], clock: FakeClock, config: Config, rival: Rival
) -> None:
    foretold = take_over(dry_run=True, **full_folder())

    def import_too(store: Store) -> Report:
        squad = Squad(store, clock, config, runners=("shell",))
        return Importer(store, squad, config, clock, take_over.folder)()

    with take_over.store.transaction():
        first = take_over()
        second = rival.start_and_wait(import_too, open_again())
    assert len(first.rows) == len(foretold.rows)
    assert {row.fate for row in second.result().rows} == {Fate.ALREADY_THERE}
