"""Folders that cannot be taken over: every fault is told with its place, and nothing changes."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mission_control.config import Config
from mission_control.errors import InvalidInput
from mission_control.ops.legacy import files, scan
from mission_control.ops.legacy.faults import FAULTS_SHOWN, Fault, ImportRefused
from mission_control.squad import Squad
from mission_control.store.schema import connect, migrate
from mission_control.store.store import Store
from support.clock import START, FakeClock
from support.database import everything
from support.factories import PERSON, AgentFactory
from support.legacy import (
    Importer,
    full_folder,
    old_activity,
    old_agent,
    old_message,
    old_notification,
    old_task,
)


@pytest.fixture
def store() -> Store:
    """What is refused never comes to a database, so one in memory will do."""
    store = connect(":memory:", create=True)
    migrate(store, now=START)
    return store


@pytest.fixture
def take_over(store: Store, squad: Squad, config: Config, clock: FakeClock, tmp_path: Path) -> Importer:
    return Importer(store, squad, config, clock, tmp_path / "old")


def refusal(take_over: Importer, **content: Any) -> list[Fault]:
    """The faults of a folder, which must leave everything as it is, dry run or not."""
    before = everything(take_over.store)
    with pytest.raises(ImportRefused) as refused:
        take_over(**content)
    with pytest.raises(ImportRefused) as rehearsed:
        take_over(dry_run=True)
    assert everything(take_over.store) == before
    assert rehearsed.value.faults == refused.value.faults
    assert all(str(fault) in str(refused.value) for fault in refused.value.faults)
    return list(refused.value.faults)


TASK = json.dumps(old_task())
UNREADABLE: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "it is empty"),
    "only spaces": (" \n ", "it is empty"),
    "cut off in a text": (f"[{TASK[:40]}", "row 1, line 1.*cut off"),
    "cut off in a row": (f"[{TASK},\n{TASK[: TASK.index('title') - 1]}", "row 2, line 2.*cut off"),
    "cut off between rows": (f"[{TASK},", "row 2.*cut off"),
    "cut off before the end": (f"[{TASK}", "the end of the list is missing.*cut off"),
    "cut off at the start": ("[", "row 1.*cut off"),
    "no comma": (f"[{TASK} {TASK}]", "a comma or the end of the list is missing"),
    "comma at the end": (f"[{TASK},]", "row 2.*not JSON"),
    "two lists": (f"[{TASK}][]", "something follows"),
    "an object": ('{"tasks": []}', "a list of rows is expected; an object was found"),
    "a text": ('"tasks"', "a list of rows is expected"),
    "no JSON": ("tasks:\n- id: 1", "a list of rows is expected"),
    "byte order mark": (b"\xef\xbb\xbf[]", "byte order mark"),
    "UTF-16": (b"\xff\xfe[\x00]\x00", "byte order mark"),
    "invalid UTF-8": (b'[{"id": "\xff"}]', r"line 1 is not valid UTF-8 \(byte 9 "),
    "Latin-1": ('[\n{"id": "é"}]'.encode("latin-1"), "line 2 is not valid UTF-8"),
    "deep nesting": ("[" * 100_000, "row 1: it is nested deeper than 100 levels"),
    "deep objects": ('[{"x":' * 100_000, "row 1: it is nested deeper than 100 levels"),
    "a control character": ('[{"id": "a\x01"}]', "row 1.*control character"),
    "NUL": ("[\0]", "row 1.*not JSON"),
}


@pytest.mark.parametrize(("content", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_list_of_rows_is_refused(take_over: Importer, content: str | bytes, reason: str) -> None:
    (fault,) = refusal(take_over, tasks=content)
    assert fault.file == "tasks.json"
    assert_matches(reason, fault.reason)


ODD_JSON = {
    "NaN": ('{"id": 1, "title": "x", "n": NaN}', "NaN is not JSON"),
    "Infinity": ('{"id": 1, "title": "x", "n": [-Infinity]}', "-Infinity is not JSON"),
    "a key twice": ('{"id": 1, "title": "x", "title": "y"}', "the key 'title' stands twice"),
    "a key twice inside": ('{"id": 1, "title": "x", "n": {"a": 1, "a": 1}}', "the key 'a' stands twice"),
    "a float too large": ('{"id": 1, "title": "x", "n": 1e999}', "'1e999' is too large"),
    "an integer too long": ('{"id": 1, "title": "x", "n": %s}' % ("9" * 5000), "a number has 5,000 digits"),
    "nested too deeply": ('{"id": 1, "title": "x", "n": %s}' % ("[" * 100 + "]" * 100), "deeper than 100 levels"),
    "no object": ("[]", "an object is expected; a list was found"),
    "null": ("null", "an object is expected; null was found"),
}


@pytest.mark.parametrize(("row", "reason"), ODD_JSON.values(), ids=ODD_JSON)
def test_json_that_would_be_read_as_something_else_is_refused(take_over: Importer, row: str, reason: str) -> None:
    (fault,) = refusal(take_over, tasks=f"[{TASK}, {row}]")
    assert (fault.file, fault.row) == ("tasks.json", 2)
    assert_matches(reason, fault.reason)


TASK_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"id": None}, "it has no id"),
    ({"id": True}, "id must be a text or a whole number; true or false"),
    ({"id": 1.5}, "id must be a text or a whole number; a number"),
    ({"id": ["x"]}, "id must be .* a list was found"),
    ({"id": ""}, "id: A key has 1 to 200"),
    ({"id": "a\nb"}, "no control characters"),
    ({"id": "x" * 201}, "1 to 200"),
    ({"title": None}, "it has no title"),
    ({"title": ""}, "title: A task needs a title"),
    ({"title": "a\nb"}, "control characters"),
    ({"title": "x" * 501}, "500 are allowed"),
    ({"title": "\ud800"}, "not valid UTF-8"),
    ({"title": 7}, "title must be a text; a number was found"),
    ({"description": "\0"}, "NUL"),
    ({"description": "x" * 1_000_001}, "1,000,000 are allowed"),
    ({"description": {}}, "description must be a text; an object"),
    ({"status": "doing"}, "status must be one of inbox, .*'doing' was found"),
    ({"status": 3}, "status must be one of .* a number was found"),
    ({"status": ["inbox"]}, "status must be one of .* a list was found"),
    ({"priority": "sometime"}, "priority must be one of urgent"),
    ({"assignee_ids": "dexter"}, "assignee_ids must be a list; a text"),
    ({"assignee_ids": [None]}, "assignee_ids must be .* null"),
    ({"assignee_ids": ["nobody"]}, "agent 'nobody' is neither in agents.json nor on the board"),
    ({"retry_count": -1}, "whole number from 0; '-1'"),
    ({"retry_count": 1.5}, "whole number from 0; '1.5'"),
    ({"retry_count": "2"}, "whole number from 0"),
    ({"retry_count": True}, "whole number from 0"),
    ({"last_error": ["x"]}, "last_error must be a text"),
    ({"created_at": "yesterday"}, "created_at is 'yesterday'; a time is written"),
    ({"updated_at": 10**30}, "updated_at is"),
    ({"created_at": 1769936400}, "must lie between 2000"),  # seconds
    ({"created_at": "0001-01-01T00:00:00+23:00"}, "created_at is"),
    ({"created_at": "0999-01-01T00:00:00Z"}, "between 1970"),
    ({"created_at": False}, "created_at must be a time; true or false"),
    ({"started_at": {}}, "started_at must be a time; an object"),
    ({"failed_at": ""}, "failed_at is ''"),
]


@pytest.mark.parametrize(("fields", "reason"), TASK_FAULTS, ids=lambda value: str(value)[:30])
def test_a_field_that_is_wrong_is_told_with_row_and_reason(
    take_over: Importer, fields: dict[str, Any], reason: str
) -> None:
    (fault,) = refusal(take_over, tasks=json.dumps([old_task(9), old_task(1, **fields)]))
    assert (fault.file, fault.row) == ("tasks.json", 2)
    assert_matches(reason, fault.reason)


OTHER_FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"agents": [old_agent(), old_agent(id="x", name="Dexter")]}, "agents.json", "would be called dexter here, as the"),
    ({"agents": [old_agent(name="日本")]}, "agents.json", "no legal agent name"),
    ({"agents": [old_agent(role="x" * 501)]}, "agents.json", "500 are allowed"),
    ({"tasks": [old_task(), old_task()]}, "tasks.json", "its id stands in row 1 already"),
    ({"tasks": [old_task(id=1), old_task(id="1")]}, "tasks.json", "its id stands in row 1 already"),
    ({"messages": [old_message()]}, "messages.json", "task 'task-1' is neither in tasks.json nor on the board"),
    ({"messages": [old_message(task_id=None, content=3)]}, "messages.json", "content must be a text"),
    ({"notifications": [old_notification()]}, "notifications.json", "agent 'dexter' is neither"),
    ({"notifications": [old_notification(mentioned_agent_id=None)]}, "notifications.json", "no mentioned_agent_id"),
    ({"agents": [old_agent()], "notifications": [old_notification(delivered="no")]}, "notifications.json", "true or"),
    ({"activities": [old_activity(timestamp="x")]}, "activities.json", "timestamp is 'x'"),
    ({"activities": [old_activity(type="")]}, "activities.json", "type: A key has 1 to 200"),
]


@pytest.mark.parametrize(("content", "file", "reason"), OTHER_FAULTS, ids=lambda value: str(value)[:30])
def test_faults_of_every_file_are_told(take_over: Importer, content: dict[str, Any], file: str, reason: str) -> None:
    (fault,) = refusal(take_over, **content)
    assert fault.file == file
    assert fault.row is not None
    assert_matches(reason, fault.reason)


def test_all_faults_are_told_at_once_and_many_are_counted(take_over: Importer) -> None:
    bad = [old_task(number, status="doing", retry_count=-1) for number in range(40)]
    with pytest.raises(ImportRefused) as refused:
        take_over(tasks=bad, messages=[old_message(task_id="gone")])
    assert refused.value.count == 81
    assert len(refused.value.faults) == FAULTS_SHOWN
    assert "31 more" in str(refused.value)
    assert "tasks.json, row 1 (id 'task-0'): status must be" in str(refused.value)


def test_an_agent_that_was_removed_here_must_come_back_first(
    take_over: Importer, squad: Squad, agent: AgentFactory
) -> None:
    agent("dexter")
    squad.remove("dexter", actor=PERSON)
    (fault,) = refusal(take_over, agents=[old_agent()])
    assert "missionctl agent add dexter" in fault.reason


def test_a_name_that_stands_for_another_old_agent_is_refused(take_over: Importer) -> None:
    take_over(agents=[old_agent()])
    (fault,) = refusal(take_over, agents=[old_agent(id="other")])
    assert "stands for the old id 'dexter'" in fault.reason


def test_a_folder_without_any_of_the_files_is_refused(take_over: Importer, tmp_path: Path) -> None:
    for folder in (tmp_path / "missing", tmp_path, tmp_path / "old\0"):
        with pytest.raises(InvalidInput, match=r"tasks\.json"):
            files.read_folder(folder)


def test_a_symbolic_link_is_refused(take_over: Importer, tmp_path: Path) -> None:
    take_over(tasks=[])
    shutil.move(take_over.folder / "tasks.json", tmp_path / "elsewhere.json")
    (take_over.folder / "tasks.json").symlink_to(tmp_path / "elsewhere.json")
    (fault,) = refusal(take_over)
    assert "symbolic link" in fault.reason


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_refused_without_waiting_for_it(
    take_over: Importer, make: Callable[[Path], None]
) -> None:
    take_over.folder.mkdir()
    make(take_over.folder / "tasks.json")
    (fault,) = refusal(take_over)
    assert "not a regular file" in fault.reason


def test_a_file_that_is_too_large_is_refused(take_over: Importer) -> None:
    take_over(tasks=[])
    os.truncate(take_over.folder / "tasks.json", files.MOST_BYTES + 1)
    (fault,) = refusal(take_over)
    assert "larger than" in fault.reason


def test_a_file_with_too_many_rows_is_refused(take_over: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MOST_ROWS", 2)
    (fault,) = refusal(take_over, tasks=[old_task(number) for number in range(3)])
    assert "more than 2 rows" in fault.reason


def _append(path: Path) -> None:
    with open(path, "a") as file:
        file.write(" ")


def _rewrite_in_place(path: Path) -> None:
    """Same size, same inode, same time: only the content tells."""
    before = path.stat()
    path.write_text(path.read_text().replace("Task 1", "Task X"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replace(path: Path) -> None:
    copy = path.with_suffix(".new")
    shutil.copy2(path, copy)
    copy.replace(path)


@pytest.mark.parametrize("change", [_append, _rewrite_in_place, _replace, Path.unlink])
def test_a_file_that_changes_before_the_end_of_the_reading_is_refused(
    take_over: Importer, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old system writes right after the last file was read, before anything is compared once more."""
    read = files._others

    def read_and_be_late(place: Path) -> tuple[str, ...]:
        change(place / "tasks.json")
        return read(place)

    monkeypatch.setattr(files, "_others", read_and_be_late)
    before = everything(take_over.store)
    with pytest.raises(ImportRefused, match=r"tasks\.json: it changed while it was read"):
        take_over(**full_folder())
    assert everything(take_over.store) == before


def test_a_file_that_appears_before_the_end_of_the_reading_is_refused(
    take_over: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_others", lambda place: (place / "agents.json").write_text("[]") and ())
    with pytest.raises(ImportRefused, match=r"agents\.json: it changed"):
        take_over(tasks=[old_task()])


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["task-1", "done"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _dirty(row: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A legal row of which some fields are anything, or gone."""
    changes = st.dictionaries(
        st.sampled_from([*row, "last_error", "delivered_at", "retry_count"]), JSON_VALUES, max_size=3
    )
    return st.tuples(changes, st.sets(st.sampled_from([*row]), max_size=2)).map(
        lambda dirt: {key: value for key, value in {**row, **dirt[0]}.items() if key not in dirt[1]}
    )


ROWS = {name: rows[0] for name, rows in full_folder().items()}
FOLDERS = st.fixed_dictionaries(
    {}, optional={name: st.lists(_dirty(row) | JSON_VALUES, max_size=3) for name, row in ROWS.items()}
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=FOLDERS,
    cut=st.none() | st.integers(0, 400),
    flipped=st.none() | st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=2)),
)
def test_whatever_is_in_the_files_they_come_whole_or_are_refused(
    take_over: Importer, content: dict[str, Any], cut: int | None, flipped: tuple[int, bytes] | None
) -> None:
    shutil.rmtree(take_over.folder, ignore_errors=True)
    texts: dict[str, Any] = {name: json.dumps(rows).encode() for name, rows in content.items()}
    if "tasks" in texts and flipped:
        place, junk = flipped
        texts["tasks"] = texts["tasks"][:place] + junk + texts["tasks"][place + len(junk) :]
    if "tasks" in texts and cut is not None:
        texts["tasks"] = texts["tasks"][:cut]
    with take_over.store.rehearsal():
        before = everything(take_over.store)
        try:
            report = take_over(**texts)
        except InvalidInput:
            assert everything(take_over.store) == before
        else:
            assert len(report.rows) == sum(len(rows) for rows in content.values())
            again = everything(take_over.store)
            take_over()
            assert everything(take_over.store) == again


def assert_matches(pattern: str, text: str) -> None:
    assert re.search(pattern, text), text
