"""Many tasks from a file: all of them or none, and the line that is to blame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.command import Command


def lines(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def squad(missionctl: Command) -> Command:
    missionctl("agent", "add", "ada")
    return missionctl


def test_a_file_adds_all_its_tasks_with_everything_they_say(squad: Command, tmp_path: Path) -> None:
    old = squad("add", "Old").out.strip()
    file = tmp_path / "tasks.jsonl"
    first = {"title": "First", "agents": ["@ada"], "command": "true", "key": "first", "priority": "high"}
    second = {
        "title": "Second", "description": "d", "agents": None, "after": ["first", old], "max_attempts": 2,
        "timeout_seconds": 0.5, "not_before": "2126-01-01T00:00:00Z", "review": True,
    }  # fmt: skip
    file.write_text("\ufeff" + lines(first) + "\n" + lines(second))
    one, two = squad("add", "--from", file, "--json").json
    assert (one["agents"], one["priority"], one["key"]) == (["ada"], "high", "first")
    assert (two["after"], two["timeout_seconds"], two["review"]) == ([old, one["id"]], 0.5, True)
    assert squad("add", "--from", "-", stdin=lines(first)).out == one["id"] + "\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('"title"', "not a JSON object"),
        ("{}", "needs a title"),
        ('{"title": 7}', "title must be a text"),
        ('{"title": ""}', "needs a title"),
        ('{"title": "a", "title": "b"}', "stands twice"),
        ('{"title": "a\\u0000b"}', "control characters"),
        ('{"title": "\\ud800"}', "UTF-8"),
        ('{"title": "a", "status": "done"}', "'status' cannot be given"),
        ('{"title": "a", "agents": "ada"}', "list of texts"),
        ('{"title": "a", "agents": ["No Name"]}', "no agent name"),
        ('{"title": "a", "agents": ["eve"]}', "no agent eve"),
        ('{"title": "a", "priority": "soon"}', "priority must be one of"),
        ('{"title": "a", "max_attempts": true}', "whole number"),
        ('{"title": "a", "max_attempts": 0}', "between 1 and 100"),
        ('{"title": "a", "max_attempts": 1e400}', "whole number"),
        ('{"title": "a", "max_attempts": ' + "9" * 5000 + "}", "too long"),
        ('{"title": "a", "timeout_seconds": NaN}', "NaN is not JSON"),
        ('{"title": "a", "timeout_seconds": 1e300}', "out of range"),
        ('{"title": "a", "timeout_seconds": 1e999}', "out of range"),
        ('{"title": "a", "timeout_seconds": -1}', "time limit"),
        ('{"title": "a", "not_before": "tomorrow"}', "neither a time nor a duration"),
        ('{"title": "a", "review": "yes"}', "true or false"),
        ('{"title": "a", "key": ""}', "A key has"),
        ('{"title": "a", "after": ["T-99"]}', "no task T-99"),
        ('{"title": "a", "after": ["\\ud800"]}', "UTF-8"),
        ('{"title": "a", "after": 1}', "list of texts"),
        ("[" * 100_000, "nested too deeply"),
        ('{"title": "' + "a" * 5_000_000 + '"}', "longer than"),
    ],
)  # fmt: skip
def test_one_bad_line_adds_nothing_and_is_named(squad: Command, line: str, reason: str) -> None:
    good = '{"title": "good"}\n'
    refusal = 3 if reason.startswith("no ") and "name" not in reason else 2
    answer = squad("add", "--from", "-", stdin=f"{good}\n{line}\n{good}", expect=refusal)
    assert answer.out == ""
    assert answer.err.count("\n") == 1
    assert "Standard input, line 3: " in answer.err
    assert reason in answer.err
    assert squad("ls", "--all", "--json").json == []


def test_bytes_that_are_no_utf8_are_refused(squad: Command) -> None:
    assert "not valid UTF-8" in squad("add", "--from", "-", stdin=b'{"title": "caf\xe9"}\n', expect=2).err


def test_a_file_that_holds_nothing_or_is_not_there_is_refused(squad: Command, tmp_path: Path) -> None:
    assert "no tasks" in squad("add", "--from", "-", stdin="\n\n", expect=2).err
    assert "cannot be read" in squad("add", "--from", tmp_path / "missing", expect=2).err
    assert "cannot be read" in squad("add", "--from", tmp_path, expect=2).err


def test_a_file_and_a_title_together_are_refused(squad: Command) -> None:
    squad("add", "Title", "--from", "-", expect=2)
    squad("add", "--from", "-", "--review", expect=2)
