"""What is refused changes nothing, and what is accepted together stands together (I9, I10)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from mission_control.board import Board
from mission_control.config import Config
from mission_control.domain import limits
from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import TRANSITIONS, Event, Status
from mission_control.errors import Conflict, InvalidInput, MissionControlError, NotFound
from mission_control.squad import Squad
from mission_control.store import history, tasks
from mission_control.store.store import Store
from support.clock import FakeClock
from support.database import ask, everything
from support.factories import PERSON, AgentFactory, TaskFactory, ending, process
from support.invariants import check_board

BAD_FIELDS: dict[str, dict[str, Any]] = {
    "no title": {"title": ""},
    "a blank title": {"title": " \t"},
    "a title of 501 characters": {"title": "x" * 501},
    "a NUL in the title": {"title": "a\0b"},
    "a line break in the title": {"title": "a\nb"},
    "an escape in the title": {"title": "\x1b[31m"},
    "half a character in the title": {"title": "\ud800"},
    "a description above a megabyte": {"description": "x" * (limits.TEXT_BYTES + 1)},
    "a NUL in the description": {"description": "\0"},
    "half a character in the description": {"description": "\udcff"},
    "an empty command": {"command": " "},
    "a NUL in the command": {"command": "echo \0"},
    "a command that is too long": {"command": "x" * (limits.COMMAND_BYTES + 1)},
    "an agent's name with capitals": {"agents": ("Ada",)},
    "an agent's name that looks like an option": {"agents": ("-rf",)},
    "too many agents": {"agents": tuple(f"a{number}" for number in range(51))},
    "no try at all": {"max_attempts": 0},
    "too many tries": {"max_attempts": 101},
    "no time": {"timeout": timedelta(0)},
    "negative time": {"timeout": timedelta(seconds=-1)},
    "more than 30 days": {"timeout": timedelta(days=30, seconds=1)},
}
BAD_KEYS: dict[str, dict[str, Any]] = {
    "an empty key": {"key": ""},
    "a key with a line break": {"key": "a\nb"},
    "a key of 201 characters": {"key": "x" * 201},
    "too many predecessors": {"after": list(range(1001))},
}


@pytest.mark.parametrize("bad", [*BAD_FIELDS, *BAD_KEYS])
def test_a_task_that_breaks_a_limit_is_not_added(board: Board, store: Store, agent: AgentFactory, bad: str) -> None:
    agent("ada")
    before = everything(store)
    new = {"title": "fine", "agents": ("ada",)} | (BAD_FIELDS | BAD_KEYS)[bad]
    with pytest.raises(InvalidInput):
        board.add(NewTask(**new), actor=PERSON)
    assert everything(store) == before


@pytest.mark.parametrize("bad", BAD_FIELDS)
def test_an_edit_that_breaks_a_limit_changes_nothing(board: Board, store: Store, task: TaskFactory, bad: str) -> None:
    edited = task()
    before = everything(store)
    with pytest.raises(InvalidInput):
        board.edit(edited.id, BAD_FIELDS[bad], actor=PERSON)
    assert everything(store) == before


@pytest.mark.parametrize("text", ["", "  \n", "a\0b", "\ud800", "x" * (limits.TEXT_BYTES + 1)])
def test_a_comment_that_breaks_a_limit_changes_nothing(
    board: Board, store: Store, task: TaskFactory, text: str
) -> None:
    in_review, blocked = task(review=True), task(max_attempts=1)
    for claim in board.claim("ada", claimer=process()):
        failed = claim.task.id == blocked.id
        board.finish(claim.lease, ending(Outcome.FAILED if failed else Outcome.SUCCEEDED))
    before = everything(store)
    for say, task_id in ((board.comment, blocked.id), (board.answer, blocked.id), (board.reject, in_review.id)):
        with pytest.raises(InvalidInput):
            say(task_id, text, actor=PERSON)
    assert everything(store) == before


def test_the_largest_allowed_values_are_kept_as_they_are(board: Board, store: Store, agent: AgentFactory) -> None:
    agent("a" * 64)
    given: dict[str, Any] = {
        "title": "ü" * 500,
        "description": "\t\n" + "x" * (limits.TEXT_BYTES - 2),
        "command": "%s :name 'a\\'\n",
    }
    added, _ = board.add(NewTask(**given, agents=("a" * 64,), key="ö" * 200, max_attempts=100), actor=PERSON)
    kept = tasks.get(store, added.id)
    assert kept == added
    assert kept is not None
    assert {name: getattr(kept, name) for name in given} == given


@pytest.mark.parametrize("task_id", [0, -1, 99, 2**31, 2**63 - 1, 2**63, 10**30])
def test_an_unknown_task_is_refused_whatever_its_number(board: Board, store: Store, task_id: int) -> None:
    acts: list[Callable[[], object]] = [
        lambda: board.cancel(task_id, actor=PERSON),
        lambda: board.retry(task_id, actor=PERSON),
        lambda: board.comment(task_id, "hello", actor=PERSON),
        lambda: board.edit(task_id, {"title": "new"}, actor=PERSON),
        lambda: board.delete(task_id, actor=PERSON),
        lambda: board.depend(task_id, task_id, actor=PERSON),
        lambda: board.add(NewTask("x", after=[task_id]), actor=PERSON),
    ]
    before = everything(store)
    for act in acts:
        with pytest.raises((NotFound, InvalidInput)):
            act()
    assert everything(store) == before


def test_a_task_for_an_agent_that_is_not_there_is_refused(
    board: Board, squad: Squad, store: Store, task: TaskFactory, agent: AgentFactory
) -> None:
    agent("gone")
    squad.remove("gone", actor=PERSON)
    edited = task()
    before = everything(store)
    for name in ("nobody", "gone"):
        with pytest.raises(NotFound):
            board.add(NewTask("x", agents=("ada", name)), actor=PERSON)
        with pytest.raises(NotFound):
            board.edit(edited.id, {"agents": (name,)}, actor=PERSON)
    assert everything(store) == before


def test_a_task_that_the_runner_cannot_do_is_refused_with_the_runners_reason(
    store: Store, clock: FakeClock, config: Config, task: TaskFactory
) -> None:
    edited = task()
    board = Board(store, clock, config, refuses=lambda _runner, command: None if command else "give a command")
    before = everything(store)
    with pytest.raises(InvalidInput, match="ada cannot do this task: give a command"):
        board.add(NewTask("x", agents=("ada",)), actor=PERSON)
    with pytest.raises(InvalidInput, match="give a command"):
        board.edit(edited.id, {"command": None}, actor=PERSON)
    assert everything(store) == before


@pytest.mark.parametrize("status", list(Status))
def test_a_move_that_the_table_does_not_know_changes_nothing(
    board: Board, store: Store, task: TaskFactory, status: Status
) -> None:
    task_id = stand_at(board, task, status)
    persons: dict[Event, Callable[[], object]] = {
        Event.APPROVE: lambda: board.approve(task_id, actor=PERSON),
        Event.REJECT: lambda: board.reject(task_id, "no", actor=PERSON),
        Event.ANSWER: lambda: board.answer(task_id, "yes", actor=PERSON),
        Event.RETRY: lambda: board.retry(task_id, actor=PERSON),
        Event.CANCEL: lambda: board.cancel(task_id, actor=PERSON),
        Event.CLAIM: lambda: board.claim_task(task_id, "ada", claimer=process()),
    }
    for event in persons.keys() - TRANSITIONS[status].keys():
        before = everything(store)
        with pytest.raises(Conflict):
            persons[event]()
        assert everything(store) == before
    check_board(store)


def stand_at(board: Board, task: TaskFactory, status: Status) -> int:
    """A task that has come to this status in the ordinary way."""
    made = task(review=status is Status.REVIEW, max_attempts=1)
    if status is Status.CANCELLED:
        board.cancel(made.id, actor=PERSON)
    elif status is not Status.INBOX:
        claim = board.claim_task(made.id, "ada", claimer=process())
        if status is not Status.IN_PROGRESS:
            board.finish(claim.lease, ending(Outcome.FAILED if status is Status.BLOCKED else Outcome.SUCCEEDED))
    return made.id


def test_adding_twice_with_one_key_makes_one_task(board: Board, store: Store, agent: AgentFactory) -> None:
    agent("ada")
    first, is_new = board.add(NewTask("nightly", agents=("ada",), key="2026-02-06"), actor=PERSON)
    assert is_new
    before = everything(store)
    again, is_new = board.add(NewTask("another title", key="2026-02-06"), actor=PERSON)
    assert (again, is_new) == (first, False)
    assert everything(store) == before


def test_changes_made_together_stand_together_but_for_what_was_refused(
    board: Board, store: Store, task: TaskFactory
) -> None:
    kept, other = task("kept"), task("other")
    with board.together():
        board.edit(kept.id, {"title": "changed"}, actor=PERSON)
        with suppress(MissionControlError):
            board.add(NewTask("half made", after=[kept.id, 99]), actor=PERSON)
        with suppress(MissionControlError):
            board.approve(other.id, actor=PERSON)
        board.cancel(other.id, actor=PERSON)
    assert [row["title"] for row in ask(store, "SELECT title FROM task ORDER BY id")] == ["changed", "other"]
    assert [line.kind for line in history.of_task(store, other.id)] == ["added", "cancel"]
    check_board(store)


def test_changes_made_together_are_all_undone_when_their_maker_fails(
    board: Board, store: Store, task: TaskFactory
) -> None:
    changed = task()
    before = everything(store)
    with suppress(KeyboardInterrupt), board.together():
        board.edit(changed.id, {"title": "changed"}, actor=PERSON)
        board.claim("ada", claimer=process())
        raise KeyboardInterrupt
    assert everything(store) == before
    check_board(store)


def test_others_see_changes_made_together_only_when_all_are_made(
    board: Board, store: Store, open_again: Callable[[], Store], task: TaskFactory
) -> None:
    other = open_again()
    first, second = task("first"), task("second")
    before = everything(other)
    with board.together():
        board.cancel(first.id, actor=PERSON)
        assert everything(other) == before
        board.cancel(second.id, actor=PERSON)
        assert everything(other) == before
    assert tasks.counts(other)[Status.CANCELLED] == 2


def test_history_outlives_a_deleted_task(board: Board, store: Store, task: TaskFactory) -> None:
    deleted = task()
    (claim,) = board.claim("ada", claimer=process())
    board.finish(claim.lease, ending())
    board.comment(deleted.id, "Thank you", actor=PERSON)
    board.delete(deleted.id, actor=PERSON)
    kinds = [line.kind for line in history.of_task(store, deleted.id)]
    assert kinds == ["added", "claim", "succeeded", "commented", "deleted"]
    assert task().id > deleted.id
    check_board(store)
