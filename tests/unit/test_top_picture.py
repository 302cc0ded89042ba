"""The live view as a picture: it always fits, nothing in it steers the terminal, and the most telling stays."""

from __future__ import annotations

import doctest
import io
from dataclasses import MISSING, fields
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from mission_control.domain.agent import Agent
from mission_control.domain.attempt import Attempt
from mission_control.domain.history import Activity
from mission_control.domain.readiness import Hold, HoldKind
from mission_control.domain.task import Status
from mission_control.interfaces.cli import looks, top_picture
from mission_control.interfaces.cli.top_picture import LEAST_HEIGHT, LEAST_WIDTH, Picture, compose, share
from mission_control.views import AgentView, LiveAttempt, MachineView, NextClaim, StatusView, TaskView
from support.clock import START
from support.factories import make_task, process

Fact = TypeVar("Fact")
EVIL = "\x1b]0;owned\x07\x1b[31mred\x1b[2J\x9b2J\r\n\t\u202eback [bold]x[/bold] :smile: 火星"


def attempt(number: int = 1) -> Attempt:
    values = {
        "task_id": 12,
        "number": number,
        "token": 1,
        "agent": "ada",
        "host": "here",
        "claimer": process(),
        "executor": process(),
        "claimed_at": START - timedelta(minutes=5),
        "started_at": START - timedelta(minutes=4, seconds=7),
    }
    return made(Attempt, values)


def agent(name: str = "ada", **changes: Any) -> Agent:
    return made(
        Agent, {"name": name, "role": "builds", "slots": 3, "schedule": "* * * * *", "runner": "shell"} | changes
    )


def made(kind: type[Fact], values: dict[str, Any]) -> Fact:
    """One with these values; what is not named is null, false or the start."""
    defaults = {
        field.name: START if field.name in ("created_at", "updated_at") else None
        for field in fields(cast("Any", kind))
        if field.default is MISSING and field.default_factory is MISSING
    }
    return kind(**{**defaults, **values})


def picture(
    *,
    agents: int = 1,
    live: int = 1,
    waiting: list[TaskView] | None = None,
    activities: int = 1,
    text: str = "Write the report",
    **changes: Any,
) -> Picture:
    members = tuple(AgentView(agent(f"agent{number}", role=text), ()) for number in range(agents))
    running = tuple(LiveAttempt(attempt(number + 1), make_task(title=text)) for number in range(live))
    found = [TaskView(make_task(title=text), (), NextClaim("ada", START))] if waiting is None else waiting
    view = StatusView(
        at=START,
        machines=(MachineView("here", live, None),),
        agents=members,
        live=running,
        tasks={status: len([of for of in found if of.task.status is status]) for status in Status},
        paused=None,
    )
    history = [
        Activity(at=START, kind="claim", actor=text, message=text, task_id=12, to_status=Status.IN_PROGRESS)
        for _ in range(activities)
    ]
    values: dict[str, Any] = {"name": text, "gone": frozenset(), "is_up": True, "now": START}
    return Picture(view=view, waiting=found, activities=history, **{**values, **changes})


def drawn(of: Picture, width: int = 80, height: int = 24) -> list[str]:
    """Its lines, without colours."""
    console = Console(width=width, height=height, file=io.StringIO(), markup=False, emoji=False, highlight=False)
    console.print(compose(of, width=width, height=height))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().split("\n")[:-1]


@given(
    width=st.integers(LEAST_WIDTH, 250),
    height=st.integers(LEAST_HEIGHT, 80),
    agents=st.integers(0, 12),
    live=st.integers(0, 12),
    waiting=st.integers(0, 40),
    activities=st.integers(0, 40),
    text=st.sampled_from(["x", "a longer title " * 20, EVIL, "火" * 200, ""]),
)
def test_the_picture_always_fits_and_nothing_in_it_steers_the_terminal(
    width: int, height: int, agents: int, live: int, waiting: int, activities: int, text: str
) -> None:
    tasks = [TaskView(make_task(id=number + 1, title=text), (), None) for number in range(waiting)]
    lines = drawn(picture(agents=agents, live=live, waiting=tasks, activities=activities, text=text), width, height)
    assert len(lines) == height
    assert all(cell_len(line) <= width for line in lines)
    assert all(line.isprintable() for line in lines)
    assert lines[-1].startswith("q ends this view")
    assert lines[3].startswith(f"SQUAD {agents}")


@pytest.mark.parametrize(
    ("width", "height", "said"),
    [
        (10, 3, "The termi…"),
        (LEAST_WIDTH - 1, 24, "The terminal is too small."),
        (80, LEAST_HEIGHT - 1, "The terminal is too small."),
    ],
)
def test_a_terminal_that_is_too_small_says_so_in_one_line(width: int, height: int, said: str) -> None:
    assert drawn(picture(), width, height) == [said]


@given(st.lists(st.integers(1, 100), min_size=1, max_size=5), st.integers(0, 200))
def test_the_room_is_shared_and_used_up(needs: list[int], room: int) -> None:
    lines = share(needs, room)
    assert all(0 <= got <= need for got, need in zip(lines, needs, strict=True))
    taken = sum(got + 2 for got in lines if got) - 1
    assert taken <= max(room, 0)
    if all(lines) and lines != needs:
        assert taken == room, "nothing is left empty while somebody wants more"
    assert lines == sorted(lines, key=bool, reverse=True), "the last go without first"


def test_the_examples_are_true() -> None:
    assert doctest.testmod(top_picture).attempted == 1
    assert doctest.testmod(top_picture).failed == 0
    assert doctest.testmod(looks).failed == 0


def test_what_needs_a_person_stands_first_in_the_queue() -> None:
    held = TaskView(make_task(id=1), (Hold(HoldKind.PREDECESSOR, "T-9 is in_progress"),), None)
    ready = TaskView(make_task(id=2), (), NextClaim("ada", START + timedelta(minutes=5)))
    blocked = TaskView(make_task(id=3, status=Status.BLOCKED), (Hold(HoldKind.STATUS, "somebody must look"),), None)
    review = TaskView(make_task(id=4, status=Status.REVIEW), (), None)
    lines = drawn(picture(waiting=[held, ready, blocked, review]))
    queue = [line for line in lines if line.startswith(("○ T-", "■ T-", "◆ T-"))]
    assert [line.split()[1] for line in queue] == ["T-3", "T-4", "T-1", "T-2"]
    assert "somebody must look" in queue[0]
    assert "a person must approve" in queue[1]
    assert "waits: T-9 is in_progress" in queue[2]
    assert "ready, ada looks in 5m" in queue[3]


@pytest.mark.parametrize(
    ("at", "words"), [(None, "looks when told"), (START, "is due"), (START + timedelta(hours=3), "looks in 3h")]
)
def test_what_is_ready_says_who_looks_at_it_next(at: datetime | None, words: str) -> None:
    assert f"ready, ada {words}" in "\n".join(drawn(picture(waiting=[TaskView(make_task(), (), NextClaim("ada", at))])))


def test_it_says_how_long_an_attempt_runs_and_when_nobody_executes_it() -> None:
    healthy = drawn(picture())
    assert any(line.startswith("T-12/1") and "4m07s" in line for line in healthy)
    assert "✓ healthy" in healthy[0]
    gone = drawn(picture(gone=frozenset({"T-12/1"})))
    assert "■ 1 without executor" in gone[0]
    assert any(line.startswith("T-12/1") and "executor gone" in line for line in gone)


def test_an_old_picture_says_how_old_it_is_and_why() -> None:
    lines = drawn(picture(now=START + timedelta(seconds=75), trouble="The database is\x1b[2J busy."))
    assert "■ 1m15s old" in lines[0]
    assert lines[-1] == "The database is busy."


def test_an_empty_mission_says_what_to_do() -> None:
    text = "\n".join(drawn(picture(agents=0, live=0, waiting=[], activities=0)))
    assert "missionctl agent add" in text
    for empty in ("Nothing.", "Nothing waits.", "Nothing yet."):
        assert empty in text


def test_the_sections_stand_in_one_grid() -> None:
    lines = drawn(picture(agents=3, live=2))
    seconds = {line.index(word) for line in lines for word in ("STATUS", "ELAPSED", "TITLE", "TASK") if word in line}
    headings = [line for line in lines if line.startswith(("SQUAD", "RUNNING", "QUEUE", "LATELY"))]
    assert len(headings) == 4
    assert {line.index(line.split("  ", 1)[1].lstrip()) for line in headings} <= seconds
    assert len({line.index(line.split("  ", 1)[1].lstrip()) for line in headings}) == 1
