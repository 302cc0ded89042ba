"""A power cut or a failing disk at every single call that SQLite makes: what was acknowledged is there, no half."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.errors import CommitUnknown
from mission_control.routines import NewRoutine, Routines
from mission_control.squad import NewAgent
from mission_control.store import schema, sqlite
from mission_control.store.attempts import Lease
from mission_control.store.schema import migrate
from support.clock import START, FakeClock
from support.crash_points import Desk, Lab, Operation, Step, see_schema
from support.database import ask
from support.disk import Kind, disk_full, io_error
from support.factories import PERSON, ending, process

SEEDS = 3  # power cuts at each point, besides the one that takes all that was not synced
GROWING = frozenset({Kind.OPEN, Kind.WRITE, Kind.TRUNCATE})  # what a full disk refuses
FIRST = Lease(1, 1, 1)


def add(title: str, **fields: object) -> Step:
    new = NewTask(title, agents=("ada",), command="true", **fields)  # type: ignore[arg-type]
    return Step(lambda desk: desk.board.add(new, actor=PERSON))


def join(desk: Desk) -> None:
    desk.squad.add(NewAgent("ada", slots=3), actor=PERSON)


def add_three(desk: Desk) -> None:
    join(desk)
    for title in ("first", "second", "third"):
        add(title, max_attempts=1).act(desk)


def claim_one(desk: Desk) -> None:
    """The first of three, for which another waits."""
    add_three(desk)
    add("successor", after=(1,)).act(desk)
    CLAIM_ONE.act(desk)


def start_one(desk: Desk) -> None:
    claim_one(desk)
    START_FIRST.act(desk)


def block_one(desk: Desk) -> None:
    start_one(desk)
    finish(Outcome.FAILED).act(desk)


def come_round(desk: Desk) -> None:
    """A routine, of which a slot has come."""
    join(desk)
    _routines(desk).add(NewRoutine("again", "0 * * * *", ("ada",), command="true"), actor=PERSON)
    ask(desk.store, "UPDATE routine SET next_at = '2026-02-06T10:00:00.000000Z'")


def _routines(desk: Desk) -> Routines:
    return Routines(desk.store, desk.board, FakeClock(), desk.board._config)


def finish(outcome: Outcome) -> Step:
    return Step(lambda desk: desk.board.finish(FIRST, ending(outcome)))


CLAIM = Step(lambda desk: desk.board.claim("ada", claimer=process()))
CLAIM_ONE = Step(lambda desk: desk.board.claim("ada", claimer=process(), most=1))
START_FIRST = Step(lambda desk: desk.board.start(FIRST, process(4243)), is_durable=False)
RENEW = Step(lambda desk: desk.board.renew(FIRST), is_durable=False)

OPERATIONS: Mapping[str, Operation] = {
    "add": Operation(join, (add("a task", description="x" * 5000),)),
    "add with a key, twice": Operation(join, (add("a task", key="k"), add("a task", key="k"))),
    "claim three": Operation(add_three, (CLAIM,)),
    "start": Operation(claim_one, (START_FIRST,)),
    "renew": Operation(start_one, (RENEW,)),
    "start, then add": Operation(claim_one, (START_FIRST, add("another"))),
    "succeed": Operation(start_one, (finish(Outcome.SUCCEEDED),)),
    "fail": Operation(start_one, (finish(Outcome.FAILED),)),
    "retry": Operation(block_one, (Step(lambda desk: desk.board.retry(1, actor=PERSON)),)),
    "make the task of a routine": Operation(come_round, (Step(lambda desk: _routines(desk).make_due()),)),
    "depend": Operation(add_three, (Step(lambda desk: desk.board.depend(2, 1, actor=PERSON)),)),
}
A_LIFE = Operation(join, (add("a task"), CLAIM, START_FIRST, RENEW, finish(Outcome.SUCCEEDED), add("another")))
MIGRATE = Step(lambda desk: migrate(desk.store, now=START))


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_power_cut_at_any_point_leaves_what_was_acknowledged_and_no_half(tmp_path: Path, name: str) -> None:
    assert Lab(tmp_path, OPERATIONS[name]).power_cuts(SEEDS) == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_error_of_the_disk_at_any_point_is_told_and_leaves_all_or_nothing(tmp_path: Path, name: str) -> None:
    assert Lab(tmp_path, OPERATIONS[name]).failures(io_error, frozenset(Kind)) == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_full_disk_at_any_point_leaves_nothing_and_the_same_works_once_there_is_room(
    tmp_path: Path, name: str
) -> None:
    assert Lab(tmp_path, OPERATIONS[name]).failures(disk_full, GROWING, lasts=True) == []


@pytest.mark.parametrize("name", ["add", "claim three", "succeed", "retry"])
def test_what_follows_a_failed_sync_is_safe_although_the_disk_forgot_what_it_failed_to_write(
    tmp_path: Path, name: str
) -> None:
    assert Lab(tmp_path, OPERATIONS[name]).failures(io_error, frozenset({Kind.SYNC}), forgets=True) == []


@pytest.mark.xfail(strict=True, reason="SQLite syncs its log anew, but writes nothing anew: see docs/faults.md, row 13")
def test_a_failed_sync_that_forgets_what_was_not_meant_to_be_durable_harms_nothing_else(tmp_path: Path) -> None:
    operation = OPERATIONS["start, then add"]
    assert Lab(tmp_path, operation).failures(io_error, frozenset({Kind.SYNC}), forgets=True) == []


# The log is written back into the database at every commit, so that power cuts hit that as well.


@pytest.fixture
def eager_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", 1)


@pytest.mark.usefixtures("eager_checkpoints")
def test_a_power_cut_in_a_whole_life_with_checkpoints_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    assert Lab(tmp_path, A_LIFE).power_cuts(SEEDS) == []


@pytest.mark.usefixtures("eager_checkpoints")
def test_an_error_of_the_disk_in_a_whole_life_with_checkpoints_loses_nothing(tmp_path: Path) -> None:
    assert Lab(tmp_path, A_LIFE).failures(io_error, frozenset(Kind)) == []


# Migrations


LATER = """
CREATE TABLE later (id INTEGER PRIMARY KEY, title TEXT NOT NULL);
INSERT INTO later SELECT id, title FROM task;
ALTER TABLE task ADD COLUMN later INTEGER;
CREATE INDEX task_later ON task (later);
"""


@pytest.fixture
def from_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operation:
    """The first migration alone: each is a transaction of its own, so between two of them a database may rest."""
    folder = tmp_path / "first"
    folder.mkdir()
    for path in Path(schema._FOLDER).glob("0001_*"):
        shutil.copy(path, folder)
    monkeypatch.setattr(schema, "_FOLDER", str(folder))
    return Operation(None, (MIGRATE,))


@pytest.fixture
def to_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operation:
    """A migration of a board with tasks to a version that is still to come."""
    folder = tmp_path / "migrations"
    shutil.copytree(schema._FOLDER, folder)
    monkeypatch.setattr(schema, "_FOLDER", str(folder))

    def prepare(desk: Desk) -> None:
        add_three(desk)
        number = schema.SCHEMA_NUMBER + 1
        (folder / f"{number:04}_later.sql").write_text(LATER)

    return Operation(prepare, (MIGRATE,))


def test_a_power_cut_in_the_making_of_a_database_leaves_nothing_or_all(tmp_path: Path, from_empty: Operation) -> None:
    assert Lab(tmp_path, from_empty, see=see_schema).power_cuts(SEEDS) == []


def test_an_error_of_the_disk_in_the_making_of_a_database_leaves_nothing_or_all(
    tmp_path: Path, from_empty: Operation
) -> None:
    assert Lab(tmp_path, from_empty, see=see_schema).failures(io_error, frozenset(Kind)) == []


def test_a_power_cut_in_a_migration_leaves_the_old_schema_or_the_new(tmp_path: Path, to_later: Operation) -> None:
    assert Lab(tmp_path, to_later, see=see_schema).power_cuts(SEEDS) == []


@pytest.mark.parametrize("error", [io_error, disk_full])
def test_a_fault_in_a_migration_leaves_the_old_schema_and_the_next_try_works(
    tmp_path: Path, to_later: Operation, error
) -> None:
    kinds, lasts = (GROWING, True) if error is disk_full else (frozenset(Kind), False)
    assert Lab(tmp_path, to_later, see=see_schema).failures(error, kinds, lasts=lasts) == []


# That the above would find what is wrong


@pytest.mark.parametrize("pragma", ["PRAGMA synchronous = NORMAL", "PRAGMA synchronous = OFF"])
def test_a_power_cut_finds_the_acknowledged_task_that_a_weaker_setting_loses(tmp_path: Path, pragma: str) -> None:
    lost = Lab(tmp_path, OPERATIONS["add"], pragma=pragma).power_cuts(SEEDS)
    assert any("at the end: 0 steps are there instead of 1 to 1" in line for line in lost), lost
    assert not any(line.startswith("killed") for line in lost), "the death of a process loses nothing"


def test_a_power_cut_finds_the_acknowledged_task_that_a_lying_sync_loses(tmp_path: Path) -> None:
    lost = Lab(tmp_path, OPERATIONS["add"]).power_cuts(SEEDS, lies_about_sync=0)
    assert any("at the end: 0 steps are there instead of 1 to 1" in line for line in lost), lost


def test_a_start_is_lost_by_a_power_cut_alone_and_the_lab_knows_the_difference(tmp_path: Path) -> None:
    """That a start is on disk is not promised, and would be missed if it were."""
    promised = Operation(claim_one, (Step(START_FIRST.act),))
    lost = Lab(tmp_path, promised).power_cuts(SEEDS)
    assert any("at the end: 0 steps are there instead of 1 to 1" in line for line in lost), lost


def test_the_lab_finds_a_program_that_takes_a_failed_commit_for_a_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = sqlite.SqliteConnection.execute

    def careless(self, sql, parameters=None):
        try:
            return execute(self, sql, parameters)
        except CommitUnknown:
            return []

    monkeypatch.setattr(sqlite.SqliteConnection, "execute", careless)
    assert Lab(tmp_path, OPERATIONS["add"]).failures(io_error, frozenset({Kind.SYNC})) != []
