"""`missionctl run`: one task in the foreground, with its output and its end."""

from __future__ import annotations

import subprocess

import pytest

from support.command import COMMAND, Command


@pytest.fixture
def ada(missionctl: Command) -> Command:
    """A mission with one agent."""
    missionctl("agent", "add", "ada")
    return missionctl


def test_a_command_runs_here_with_its_output_and_its_end(ada: Command) -> None:
    done = ada("run", "--", "echo", "two words")
    assert done.out == "two words\n"
    assert done.err == "T-1/1 succeeded\n"


def test_what_fails_in_the_foreground_ends_with_1_and_is_tried_once(ada: Command) -> None:
    failed = ada("run", "--", "sh", "-c", "echo so; exit 3", expect=1)
    assert (failed.out, failed.err) == ("so\n", "T-1/1 failed: exit status 3\n")
    assert ada("show", "T-1", "--json").json["status"] == "blocked"


def test_with_json_standard_output_holds_the_document_alone(ada: Command) -> None:
    ada("add", "Say it", "--to", "ada", "--command", "echo said")
    answer = ada("run", "T-1", "--json")
    assert answer.json["status"] == "done"
    assert [attempt["outcome"] for attempt in answer.json["attempts"]] == ["succeeded"]
    assert answer.err == "said\n"


def test_what_cannot_start_says_why(ada: Command) -> None:
    ada("add", "First", "--to", "ada", "--command", "true")
    ada("add", "Second", "--to", "ada", "--command", "true", "--after", "T-1")
    assert "T-1 is inbox" in ada("run", "T-2", expect=4).err
    assert ada("show", "T-2", "--json").json["attempts"] == []
    ada("run", "T-9", expect=3)
    ada("run", "T-1", "T-2", expect=2)


def test_without_a_name_somebody_must_be_the_only_one(ada: Command) -> None:
    ada("agent", "add", "bob")
    assert "--agent" in ada("run", "--", "true", expect=2).err
    assert ada("run", "--agent", "bob", "--json", "--", "true").json["agents"] == ["bob"]


def test_with_standard_output_closed_the_task_is_done_all_the_same(ada: Command) -> None:
    words = [str(COMMAND), "--home", str(ada.home), "run", "--", "echo", "unheard"]
    assert subprocess.run(["/bin/sh", "-c", '"$@" >&-', "sh", *words], check=False).returncode == 0
    assert ada("logs", "T-1").out == "unheard\n"
