"""What moving a task by hand does to what runs, and what is told of tasks that nobody can take."""

from __future__ import annotations

import csv

import pytest

from support.command import Command
from support.eventually import eventually


@pytest.fixture
def ada(missionctl: Command) -> Command:
    """A mission with one agent."""
    missionctl("agent", "add", "ada")
    return missionctl


def test_a_running_task_that_is_moved_to_cancelled_ends_at_once(ada: Command) -> None:
    ada("add", "Long", "--to", "ada", "--command", "sleep 1000")
    ada("heartbeat", "ada")
    ada("task", "move", "T-1", "cancelled")
    # Its executor would learn of it by itself only with its next renewal, after 20 s.
    eventually(lambda: ada("show", "T-1", "--json").json["status"] == "cancelled", within=10)


def test_what_has_ended_waits_for_nothing_in_every_form(ada: Command) -> None:
    ada("run", "--", "true")
    ada("add", "Next", "--to", "ada", "--command", "true", "--not-before", "1h")
    document = {task["id"]: "; ".join(task["waiting_for"]) for task in ada("ls", "--all", "--json").json}
    table = list(csv.DictReader(ada("ls", "--all").out.splitlines(), delimiter="\t"))
    assert {row["id"]: row["waiting_for"] for row in table} == document
    assert document["T-1"] == "" and document["T-2"].startswith("not before")


def test_doctor_names_a_task_whose_only_agent_has_left(ada: Command) -> None:
    ada("run", "--", "true")
    ada("agent", "remove", "ada")
    ada("task", "retry", "T-1")
    facts = [found["fact"] for found in ada("doctor", "--json").json["findings"] if found["level"] == "warning"]
    assert "T-1 names nobody of the squad, so it runs nowhere" in facts
