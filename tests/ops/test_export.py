"""Going back to the old system: what came from there goes back as it came, what was made here in its words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mission_control.board import Board
from mission_control.config import Config
from mission_control.domain.attempt import Outcome
from mission_control.errors import Conflict
from mission_control.ops.legacy import writing
from mission_control.ops.legacy.writing import export
from mission_control.squad import Squad
from mission_control.store.store import Store
from support.clock import FakeClock
from support.database import empty
from support.factories import PERSON, AgentFactory, TaskFactory, ending, process
from support.legacy import (
    Importer,
    full_folder,
    old_activity,
    old_agent,
    old_message,
    old_notification,
    old_task,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "legacy" / "database"
Files = dict[str, list[dict[str, Any]]]
NAMES = ("agents", "tasks", "messages", "notifications", "activities")


@pytest.fixture
def take_over(store: Store, squad: Squad, config: Config, clock: FakeClock, tmp_path: Path) -> Importer:
    return Importer(store, squad, config, clock, tmp_path / "old")


@pytest.fixture
def exported(store: Store, tmp_path: Path) -> Callable[[], Files]:
    """The board as files."""

    def read() -> Files:
        export(store, tmp_path / "new")
        return {name: json.loads((tmp_path / "new" / "database" / f"{name}.json").read_text()) for name in NAMES}

    return read


def as_they_are(folder: Files) -> list[str]:
    """Also the order of rows and of fields."""
    return [json.dumps(folder[name]) for name in NAMES]


def test_the_example_goes_back_as_it_came(take_over: Importer, exported: Callable[[], Files]) -> None:
    came = {name: json.loads((EXAMPLE / f"{name}.json").read_text()) for name in NAMES}
    take_over(**came)
    assert as_they_are(exported()) == as_they_are(came)


@pytest.mark.parametrize(
    "value", [90071992547409931234567890, -0.1, 1e-300, [12.5, {"deep": [[], {}]}], "\ud800", "日本 \x00"]
)
def test_fields_that_mean_nothing_here_come_back(
    take_over: Importer, exported: Callable[[], Files], value: Any
) -> None:
    came = {name: [{"x": value, **row} for row in rows] for name, rows in full_folder().items()}
    take_over(**{name: json.dumps(rows) for name, rows in came.items()})  # type: ignore[arg-type]  # no `dry_run`
    assert as_they_are(exported()) == as_they_are(came)


def test_what_has_changed_here_is_told_and_everything_else_stays(
    take_over: Importer, exported: Callable[[], Files], board: Board
) -> None:
    came = full_folder(tasks=2)
    came["tasks"][0].update(priority="medium", assignee_ids=["dexter"], x_color="red", status="done")
    take_over(**came)
    board.edit(1, {"title": "Another"}, actor=PERSON)
    board.retry(1, actor=PERSON)
    changed, other = exported()["tasks"]
    assert other == came["tasks"][1]
    assert changed["title"] == "Another"
    assert changed["status"] == "inbox"
    assert changed["updated_at"] == "2026-02-06T10:00:00.000Z"
    kept = ("id", "priority", "assignee_ids", "x_color", "created_at", "description")
    assert {name: changed[name] for name in kept} == {name: came["tasks"][0][name] for name in kept}


def test_what_was_made_and_tried_here_is_told_in_the_old_words(
    exported: Callable[[], Files], agent: AgentFactory, task: TaskFactory, board: Board
) -> None:
    agent("ada", slots=1)
    first = task("First", to="ada", command="make")
    task("Second", to="ada", after=[first])
    board.comment(first.id, "Mind the gap", actor="ada")
    claimed = board.claim("ada", claimer=process())[0]
    board.finish(claimed.lease, ending(Outcome.FAILED, error="exit status 2"))
    told = exported()
    assert [(row["id"], row["name"], row["status"]) for row in told["agents"]] == [("ada", "ada", "idle")]
    one, two = told["tasks"]
    assert (one["id"], one["status"], one["assignee_ids"], one["command"]) == ("T-1", "inbox", ["ada"], "make")
    assert (one["retry_count"], one["last_error"]) == (1, "exit status 2")
    assert (two["id"], two["after"]) == ("T-2", ["T-1"])
    (message,) = told["messages"]
    assert (message["task_id"], message["from_agent_id"], message["content"]) == ("T-1", "ada", "Mind the gap")
    assert [(row["type"], row["task_id"]) for row in told["activities"]][:2] == [("added", "T-1"), ("added", "T-2")]


def test_an_agent_at_work_says_at_what(exported: Callable[[], Files], task: TaskFactory, board: Board) -> None:
    task("Now", to="ada", command="make")
    board.claim("ada", claimer=process())[0]
    (row,) = exported()["agents"]
    assert (row["status"], row["current_task_id"]) == ("active", "T-1")


def test_who_left_is_told_only_where_somebody_names_it(
    exported: Callable[[], Files], agent: AgentFactory, task: TaskFactory, squad: Squad, board: Board
) -> None:
    agent("bob"), agent("eve")
    board.cancel(task("Old", to="bob").id, actor=PERSON)
    squad.remove("bob", actor=PERSON)
    squad.remove("eve", actor=PERSON)
    assert [(row["id"], row["status"]) for row in exported()["agents"]] == [("bob", "removed")]


def test_no_id_stands_twice(take_over: Importer, exported: Callable[[], Files], task: TaskFactory) -> None:
    take_over(tasks=[old_task(1, id="T-3"), old_task(2, id="T-2.2")], agents=[old_agent("bob", id="ada")])
    task("Third"), task("Fourth", to="ada")
    told = exported()
    for name in NAMES:
        ids = [str(row["id"]) for row in told[name]]
        assert len(ids) == len(set(ids)), ids
    assert [row["id"] for row in told["tasks"]] == ["T-3", "T-2.2", "T-3.2", "T-4"]
    assert told["tasks"][3]["assignee_ids"] == [told["agents"][1]["id"]]


# What comes from an export and is exported again is the same


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(lambda t: t.strip())


@st.composite
def old_folders(draw: st.DrawFn) -> Files:
    """Clean folders of the old system, with fields that nobody knows."""
    odd = st.dictionaries(st.sampled_from(["x_a", "x_b", "tags"]), st.integers() | texts | st.lists(texts), max_size=2)
    names = draw(st.lists(st.sampled_from(["dexter", "blossom", "courage"]), unique=True, max_size=3))
    statuses = st.sampled_from(["inbox", "assigned", "in_progress", "review", "blocked", "done"])
    priorities = st.sampled_from(["low", "medium", "normal", "high", "urgent"])
    agents = [
        {**old_agent(name, status=draw(st.sampled_from(["idle", "active", "paused"]))), **draw(odd)} for name in names
    ]
    some_agents = st.lists(st.sampled_from(names), unique=True) if names else st.just([])
    numbers = draw(st.lists(st.integers(1, 99), unique=True, max_size=4))
    tasks = [
        {
            **old_task(number, title=draw(texts), status=draw(statuses), priority=draw(priorities)),
            "assignee_ids": draw(some_agents),
            "retry_count": draw(st.integers(0, 5)),
            **draw(odd),
        }
        for number in numbers
    ]
    of_task = st.sampled_from([row["id"] for row in tasks]) if tasks else st.none()
    messages = [
        {
            **old_message(n, task_id=draw(of_task), content=draw(texts), created_at=f"2026-02-01T10:00:0{n}Z"),
            **draw(odd),
        }
        for n in range(draw(st.integers(0, 3)))
    ]
    notifications = [
        {**old_notification(n, mentioned_agent_id=name, delivered=draw(st.booleans())), **draw(odd)}
        for n, name in enumerate(names)
    ]
    activities = [{**old_activity(n, message=draw(texts)), **draw(odd)} for n in range(draw(st.integers(0, 3)))]
    return dict(zip(NAMES, (agents, tasks, messages, notifications, activities), strict=True))


PROPERTY = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@PROPERTY
@given(came=old_folders())
def test_export_after_import_is_what_came(
    take_over: Importer, exported: Callable[[], Files], store: Store, came: Files
) -> None:
    empty(store)
    take_over(**came)  # type: ignore[arg-type]  # no `dry_run`
    assert as_they_are(exported()) == as_they_are(came)


@PROPERTY
@given(data=st.data())
def test_import_after_export_changes_nothing_however_the_board_came_to_be(
    take_over: Importer, exported: Callable[[], Files], store: Store, board: Board, squad: Squad, data: st.DataObject
) -> None:
    empty(store)
    take_over(**data.draw(old_folders()))  # type: ignore[arg-type]  # no `dry_run`
    agent, task = AgentFactory(squad), TaskFactory(board, squad)
    agent("maker")
    for title in data.draw(st.lists(texts, max_size=3)):
        made = task(title, to="maker", command="make")
        match data.draw(st.sampled_from(["leave", "cancel", "comment", "fail", "succeed"])):
            case "cancel":
                board.cancel(made.id, actor=PERSON)
            case "comment":
                board.comment(made.id, data.draw(texts), actor=PERSON)
            case "fail" | "succeed" as how:
                for claimed in board.claim("maker", claimer=process()):
                    outcome = Outcome.FAILED if how == "fail" else Outcome.SUCCEEDED
                    board.finish(claimed.lease, ending(outcome))
    once = exported()
    empty(store)
    take_over(**once)  # type: ignore[arg-type]  # no `dry_run`
    assert as_they_are(exported()) == as_they_are(once)


# On disk


def test_what_somebody_else_wrote_is_not_overwritten_unless_told(store: Store, tmp_path: Path) -> None:
    place = tmp_path / "database"
    place.mkdir()
    (place / "tasks.json").write_text("[]")
    (place / "notes.json").write_text("mine")
    with pytest.raises(Conflict, match=r"tasks\.json in"):
        export(store, tmp_path)
    assert [path.name for path in place.iterdir() if path.name not in ("tasks.json", "notes.json")] == []
    export(store, tmp_path, over_foreign=True)
    export(store, tmp_path)
    (place / "agents.json").write_text("[ ]")
    with pytest.raises(Conflict, match=r"agents\.json in"):
        export(store, tmp_path)
    assert (place / "notes.json").read_text() == "mine"


def test_a_link_is_never_written_through(store: Store, tmp_path: Path) -> None:
    (tmp_path / "database").mkdir()
    (tmp_path / "victim").write_text("[]")
    (tmp_path / "database" / "tasks.json").symlink_to(tmp_path / "victim")
    with pytest.raises(Conflict):
        export(store, tmp_path)
    export(store, tmp_path, over_foreign=True)
    assert (tmp_path / "victim").read_text() == "[]"
    assert not (tmp_path / "database" / "tasks.json").is_symlink()


def test_files_are_private_and_those_that_are_the_same_are_not_written_again(
    store: Store, task: TaskFactory, tmp_path: Path
) -> None:
    export(store, tmp_path)
    place = tmp_path / "database"
    assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o600}
    before = {path.name: path.stat().st_ino for path in place.iterdir()}
    task("New")
    export(store, tmp_path)
    changed = {path.name for path in place.iterdir() if path.stat().st_ino != before[path.name]}
    assert changed == {"agents.json", "tasks.json", "activities.json", writing.RECORD}


def test_an_open_task_of_the_old_system_is_no_blocked_one_there(
    take_over: Importer, exported: Callable[[], Files], store: Store, board: Board
) -> None:
    """The runner here needs a command; when something else changes, that is still nothing to tell there."""
    take_over(agents=[old_agent()], tasks=[old_task(1, status="assigned", assignee_ids=["dexter"])])
    board.edit(1, {"title": "Another"}, actor=PERSON)
    (row,) = exported()["tasks"]
    assert (row["title"], row["status"]) == ("Another", "assigned")
