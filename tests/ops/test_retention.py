"""What is old goes, in small batches, and nothing that somebody may still need."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from mission_control.board import Board, Claim
from mission_control.config import Config
from mission_control.domain.attempt import Outcome
from mission_control.folder import Folder
from mission_control.ops import retention
from mission_control.ops.retention import (
    Limits,
    Pruned,
    limits_of,
    measure,
    prune_all,
    prune_batch,
    prune_if_due,
    remove_some,
)
from mission_control.store import history
from mission_control.store.store import Store
from support.clock import FakeClock
from support.command import Command
from support.factories import PERSON, TaskFactory, ending, process
from support.terminal import on_terminal

DAY = timedelta(days=1)


@pytest.fixture
def keeping(config: Config) -> Config:
    """Attempts and history stay for a day."""
    Folder(config.home).make()
    return Config(
        home=config.home, host="here", timezone="UTC", attempts_retention_days=1.0, activities_retention_days=1.0
    )


@pytest.fixture
def claim(board: Board, task: TaskFactory, keeping: Config) -> Callable[..., Claim]:
    """Lets ada take a new task; its folder has three files in two folders."""

    def take(**fields: Any) -> Claim:
        task(**fields)
        (claim,) = board.claim("ada", claimer=process())
        place = Folder(keeping.home).attempt(claim.task.id, claim.lease.number)
        (place / "workspace").mkdir(parents=True)
        for name in ("output.log", "exit.json", "workspace/made"):
            (place / name).write_text("x")
        return claim

    return take


def place_of(config: Config, claim: Claim) -> Path:
    return Folder(config.home).attempt(claim.task.id, claim.lease.number)


def lines(store: Store) -> int:
    return len(history.latest(store, agent=None, limit=10_000))


def test_attempts_of_finished_tasks_go_and_all_others_stay(
    store: Store, board: Board, claim: Callable[..., Claim], keeping: Config, clock: FakeClock
) -> None:
    done, blocked, review = claim(), claim(max_attempts=1), claim(review=True)
    board.finish(done.lease, ending())
    board.finish(blocked.lease, ending(Outcome.FAILED))
    board.finish(review.lease, ending())
    live = claim()
    clock.advance(2 * DAY)
    young = claim()
    board.finish(young.lease, ending())
    would = measure(store, keeping, limits_of(keeping, clock.now()))
    assert (would.folders, would.files) == (1, 5)
    pruned = prune_all(store, keeping, clock, limits_of(keeping, clock.now()))
    assert (pruned.folders, pruned.files) == (1, 5)
    assert not place_of(keeping, done).parent.exists()
    for kept in (blocked, review, live, young):
        assert (place_of(keeping, kept) / "output.log").exists()
    assert prune_all(store, keeping, clock, limits_of(keeping, clock.now())).folders == 0


def test_history_of_finished_tasks_goes_but_the_newest_line_never(
    store: Store, board: Board, claim: Callable[..., Claim], keeping: Config, clock: FakeClock
) -> None:
    done = claim()
    waiting = claim()
    board.finish(done.lease, ending())
    clock.advance(2 * DAY)
    limits = Limits(None, clock.now() - DAY)
    before = lines(store)
    newest = history.latest(store, agent=None, limit=1)
    would = measure(store, keeping, limits)
    pruned = prune_all(store, keeping, clock, limits)
    assert pruned == would == Pruned(lines=before - lines(store))
    assert pruned.lines > 0
    assert history.latest(store, agent=None, limit=1) == newest
    assert [line.kind for line in history.of_task(store, waiting.task.id)] == ["added", "claim"]


def test_a_batch_is_small_and_a_round_comes_at_its_time(
    store: Store,
    board: Board,
    claim: Callable[..., Claim],
    keeping: Config,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BATCH_FILES", 4)
    made = [claim(), claim(), claim()]
    for one in made:
        board.finish(one.lease, ending())
    clock.advance(2 * DAY)
    left = []
    for _ in range(4):
        prune_if_due(store, keeping, clock)
        prune_if_due(store, keeping, clock)  # at once: not yet
        left.append(len([*(keeping.home / "runs").rglob("*")]))
        clock.advance(timedelta(minutes=1))
    assert left == [18 - 4, 18 - 9, 18 - 14, 0], "of each attempt five, and the folder of its task"
    assert "pruned folders=1 files=4" in (keeping.home / "logs" / "upkeep.log").read_text()


def test_who_is_killed_half_way_leaves_what_the_next_removes(
    store: Store, board: Board, claim: Callable[..., Claim], keeping: Config, clock: FakeClock
) -> None:
    done = claim()
    board.finish(done.lease, ending())
    clock.advance(2 * DAY)
    assert remove_some(place_of(keeping, done), 2) == (2, False)
    assert prune_batch(store, keeping, clock, limits_of(keeping, clock.now())).folders == 1
    assert not place_of(keeping, done).exists()


def test_folders_of_deleted_tasks_go_once_they_are_old(
    store: Store, board: Board, claim: Callable[..., Claim], keeping: Config, clock: FakeClock
) -> None:
    deleted, kept = claim(), claim()
    for one in (deleted, kept):
        board.finish(one.lease, ending())
    board.delete(deleted.task.id, actor=PERSON)
    folder = place_of(keeping, deleted).parent
    limits = Limits(clock.now() - DAY, None)
    for at, gone in ((clock.now(), False), (clock.now() - 2 * DAY, True)):
        os.utime(folder, (at.timestamp(),) * 2)
        assert measure(store, keeping, limits).folders == gone
        prune_all(store, keeping, clock, limits)
        assert folder.exists() is not gone
    assert place_of(keeping, kept).exists()


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_links_are_removed_and_never_followed_and_closed_folders_are_opened(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    place = tmp_path / "attempt"
    (place / "cache" / "deep").mkdir(parents=True)
    (place / "cache" / "deep" / "file").write_text("x")
    (place / "link").symlink_to(outside)
    (place / "dead").symlink_to(tmp_path / "nowhere")
    (place / "cache" / "deep").chmod(0o555)
    (place / "cache").chmod(0o500)
    assert remove_some(place, 100) == (6, True)
    assert (outside / "precious").exists()
    assert remove_some(place, 100) == (0, True)


def test_other_machines_look_after_their_own(
    store: Store, board: Board, claim: Callable[..., Claim], keeping: Config, clock: FakeClock
) -> None:
    done = claim()
    board.finish(done.lease, ending())
    clock.advance(2 * DAY)
    there = Config(home=keeping.home, host="there", timezone="UTC", attempts_retention_days=1.0)
    assert prune_all(store, there, clock, limits_of(there, clock.now())).folders == 0
    assert place_of(keeping, done).exists()


def test_a_fault_is_logged_and_stops_nobody(
    store: Store, keeping: Config, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Pruned:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(retention, "prune_batch", fail)
    prune_if_due(store, keeping, clock)
    assert "upkeep_failed duty=prune" in (keeping.home / "logs" / "upkeep.log").read_text()


# By the command


@pytest.fixture
def worked(missionctl: Command) -> Command:
    """A mission with one finished attempt that printed something."""
    missionctl("agent", "add", "ada")
    missionctl("add", "Say", "--to", "ada", "--command", "echo said")
    missionctl("heartbeat", "ada", "--wait")
    return missionctl


def test_the_command_looks_first_asks_and_what_is_known_stays_readable(worked: Command) -> None:
    runs = worked.home / "runs" / "T-1"
    all_of_it = ("prune", "--attempts", "0s", "--activities", "0s")
    would = worked(*all_of_it, "--dry-run", "--json").json
    assert (would["folders"], would["activities"] >= 2, would["dry_run"]) == (1, True, True)
    assert "for good" in worked(*all_of_it, expect=2).err, "nobody can be asked"
    assert "for good?" in on_terminal(worked, *all_of_it, expect=1, typed="n\n")
    assert runs.exists()
    assert worked(*all_of_it, "--yes", "--json").json["folders"] == 1
    assert not runs.exists()
    shown = worked("show", "T-1", "--json").json
    assert shown["attempts"][0]["outcome"] == "succeeded"
    assert worked("logs", "T-1").out == ""
    assert "old enough" in on_terminal(worked, "logs", "T-1")
    assert "what T-1/1 printed and made" in on_terminal(worked, "show", "T-1")


def test_a_heartbeat_removes_what_the_settings_say_is_old(worked: Command) -> None:
    assert "attempts_retention_days" in worked("prune", "--dry-run", expect=2).err, "nothing is ever old enough"
    (worked.home / "mission.toml").write_text("attempts_retention_days = 30\n")
    worked("heartbeat", "ada")
    assert (worked.home / "runs" / "T-1").exists()
    connection = apsw.Connection(str(worked.home / "mission.db"))
    connection.execute("UPDATE attempt SET ended_at = '2026-01-01T00:00:00.000000Z'")
    connection.close()
    (worked.home / "run" / "pruned").unlink()  # an hour passes
    worked("heartbeat", "ada")
    assert not (worked.home / "runs" / "T-1").exists()
