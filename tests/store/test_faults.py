"""A full disk, a writer that does not let go, a process killed in mid-write: what was promised stands, nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest

from mission_control.board import Board
from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Status
from mission_control.errors import CommitUnknown, InvalidInput, NotFound, StoreBusy, Unavailable
from mission_control.store import sqlite, tasks
from mission_control.store.store import Store
from support.database import ask, everything
from support.factories import PERSON, AgentFactory, TaskFactory, ending, process
from support.invariants import check_board
from support.rival import Rival

ON_POSTGRES = pytest.mark.parametrize("address", ["postgres"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("address", ["sqlite"], indirect=True)
BIG = "x" * 900_000


def fill_disk(store: Store) -> None:
    """Let the database grow by a few pages more and then say that the disk is full."""
    (size,) = ask(store, "PRAGMA page_count")
    ask(store, f"PRAGMA max_page_count = {size['page_count'] + 2}")


def empty_disk(store: Store) -> None:
    ask(store, "PRAGMA max_page_count = 1000000")


@ON_SQLITE
def test_a_full_disk_undoes_the_change_and_the_next_one_works(board: Board, store: Store, agent: AgentFactory) -> None:
    agent("ada")
    before = everything(store)
    fill_disk(store)
    with pytest.raises(Unavailable, match="is full"):
        board.add(NewTask("large", description=BIG, agents=("ada",)), actor=PERSON)
    assert everything(store) == before
    empty_disk(store)
    board.add(NewTask("large", description=BIG, agents=("ada",)), actor=PERSON)
    check_board(store)


@ON_SQLITE
def test_what_follows_a_full_disk_is_not_kept_without_what_came_before(
    board: Board, store: Store, task: TaskFactory
) -> None:
    first, blocked = task("first"), task("blocked", max_attempts=1)
    board.finish(board.claim_task(blocked.id, "ada", claimer=process()).lease, ending(Outcome.FAILED))
    before = everything(store)
    fill_disk(store)

    def change_together() -> None:
        with board.together():
            board.edit(first.id, {"title": "changed"}, actor=PERSON)
            with suppress(Unavailable):  # as one who goes on with the others would
                board.answer(blocked.id, BIG, actor=PERSON)
            assert not store._connection.in_transaction, "SQLite has given up all of it"
            board.cancel(first.id, actor=PERSON)

    with pytest.raises(Unavailable, match="nothing of it was kept"):
        change_together()
    assert everything(store) == before
    check_board(store)


@ON_SQLITE
def test_a_writer_that_does_not_let_go_is_waited_for_and_then_named(
    board: Board, store: Store, rival: Rival, make_board: Callable[[Store], Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)
    with board.together():
        board.add(NewTask("first"), actor=PERSON)
        loser = rival.start(lambda store: make_board(store).add(NewTask("second"), actor=PERSON))
        with pytest.raises(StoreBusy, match="Try again"):
            loser.result()
    assert [row["title"] for row in ask(store, "SELECT title FROM task")] == ["first"]


@ON_POSTGRES
def test_a_connection_that_breaks_at_the_commit_is_told_as_what_it_is(
    board: Board, store: Store, open_again: Callable[[], Store]
) -> None:
    (backend,) = ask(store, "SELECT pg_backend_pid() AS pid")
    other = open_again()

    def add_on_a_breaking_connection() -> None:
        with board.together():
            board.add(NewTask("all or nothing"), actor=PERSON)
            ask(other, f"SELECT pg_terminate_backend({backend['pid']}, 10000)")

    with pytest.raises(CommitUnknown, match="look before you repeat"):
        add_on_a_breaking_connection()
    check_board(other)
    assert ask(other, "SELECT title FROM task") == []  # it broke before the server had heard of the commit


def test_a_refused_part_can_be_repeated_any_number_of_times(board: Board, store: Store) -> None:
    with board.together():
        for _ in range(200):
            with suppress(NotFound):
                board.cancel(99, actor=PERSON)
        board.add(NewTask("after all"), actor=PERSON)
    check_board(store)


def test_a_value_that_no_database_can_hold_is_bad_input(store: Store) -> None:
    with pytest.raises(InvalidInput):
        store.rows("setting.put", name="x", value="\ud800")


def test_a_rehearsal_changes_nothing(board: Board, store: Store, task: TaskFactory) -> None:
    task()
    before = everything(store)
    with store.rehearsal():
        assert len(board.claim("ada", claimer=process())) == 1
    assert everything(store) == before


KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from mission_control.board import Board
from mission_control.clock import SystemClock
from mission_control.config import Config
from mission_control.domain.attempt import ProcessIdentity
from mission_control.domain.draft import NewTask
from mission_control.store.schema import open_store

store = open_store(sys.argv[1])
board = Board(store, SystemClock(), Config(home=Path.cwd(), host="here"), refuses=lambda r, c: None)
board.add(NewTask("acknowledged", agents=("ada",)), actor="tester")
with board.together():
    board.claim("ada", claimer=ProcessIdentity(1, "1", "1"))
    board.add(NewTask("never acknowledged"), actor="tester")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_writer_killed_in_mid_transaction_leaves_what_it_acknowledged_and_nothing_else(
    board: Board, store: Store, address: str, agent: AgentFactory
) -> None:
    agent("ada")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WRITER, address], check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    )
    assert killed.returncode == -signal.SIGKILL
    assert [row["title"] for row in ask(store, "SELECT title FROM task")] == ["acknowledged"]
    check_board(store)
    (claim,) = board.claim("ada", claimer=process())
    board.finish(claim.lease, ending())
    assert tasks.counts(store)[Status.DONE] == 1
