"""Routines on the command line, in a pipe and at a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.command import Command
from support.terminal import ESCAPE, on_terminal


@pytest.fixture
def routine(missionctl: Command) -> Command:
    """A mission with one routine, R-1, of ada."""
    missionctl("agent", "add", "ada")
    words = ("Run the tests", "--every", "0 3 * * *", "--to", "ada", "--command", "make test")
    assert missionctl("routine", "add", *words).out == "R-1\n"
    return missionctl


def test_a_life_on_a_pipe(routine: Command) -> None:
    assert routine("routine", "edit", "1", "--every", "30 4 * * 1", "--overlap", "queue").out == "R-1\n"
    assert routine("routine", "pause", "r-1").out == "R-1\n"
    (listed,) = routine("routine", "list", "--json").json
    assert (listed["status"], listed["every"], listed["next_at"]) == ("paused", "30 4 * * 1", None)
    routine("routine", "resume", "R-1")
    task = routine("routine", "run", "R-1").out.strip()
    shown = routine("show", task, "--json").json
    assert shown["routine"] == {"id": "R-1", "title": "Run the tests", "slot_at": None}
    assert "routine\tR-1" in routine("show", task).out
    header, row = routine("routine", "list").out.splitlines()
    assert dict(zip(header.split("\t"), row.split("\t"), strict=True))["last_task"] == task
    assert routine("routine", "remove", "R-1").out == "R-1\n"
    routine("routine", "show", "R-1", expect=3)


def test_a_person_sees_when_the_next_tasks_come(routine: Command) -> None:
    routine("routine", "run", "R-1")
    page = ESCAPE.sub("", on_terminal(routine, "routine", "show", "R-1"))
    assert "↻ active" in page
    assert page.count(" 03:00") == 5
    assert "T-1" in page
    assert "by hand" in page
    assert "next routine: R-1 Run the tests, in " in on_terminal(routine, "status")
    assert "R-1 Run the tests, by hand" in on_terminal(routine, "show", "T-1")
    assert "Its first task comes in" in on_terminal(
        routine, "routine", "add", "More", "--every", "0 4 * * *", "--to", "ada", "--command", "true"
    )


def test_what_is_wrong_is_said_in_one_line(routine: Command) -> None:
    add = ("routine", "add", "X", "--to", "ada", "--command", "true", "--every")
    assert "is not a cron schedule" in routine(*add, "daily", expect=2).err
    assert "--overlap queue" in routine(*add, "0 3 * * *", "--catch-up", "all", "--overlap", "skip", expect=2).err
    assert "R-3" in routine("routine", "show", "nonsense", expect=2).err
    assert "There is nothing to change" in routine("routine", "edit", "R-1", expect=2).err
    assert "R-1" in routine("agent", "remove", "ada", expect=4).err


def test_a_mission_with_routines_is_exported_backed_up_and_restored(routine: Command, tmp_path: Path) -> None:
    task = routine("routine", "run", "R-1").out.strip()
    (row,) = json.loads((_export(routine, tmp_path / "old") / "tasks.json").read_text())
    assert row["title"] == "Run the tests"
    routine("backup")
    routine("routine", "remove", "R-1")
    routine("restore", "latest", "--yes")
    assert routine("routine", "show", "R-1", "--json").json["last_task"]["id"] == task
    fresh = Command(tmp_path / "fresh")
    fresh("init", fresh.home)
    fresh("import", tmp_path / "old")
    assert [found["title"] for found in fresh("ls", "--json").json] == ["Run the tests"]


def _export(routine: Command, folder: Path) -> Path:
    routine("export", folder)
    return folder / "database"
