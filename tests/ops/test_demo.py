"""The demo, run as its users run it. It is itself a test of the whole: it ends 0 only when all ended as announced."""

from __future__ import annotations

from pathlib import Path

from mission_control.store.schema import open_store
from support.command import Command
from support.invariants import check_board


def test_every_task_ends_as_announced_on_a_board_that_keeps_its_invariants(bare_missionctl: Command) -> None:
    document = bare_missionctl("demo", bare_missionctl.home, "--json").json
    assert document["as_announced"] is True
    for task in document["tasks"]:
        assert task["difference"] is None
        assert task["status"] == task["announced"]["status"]
        assert [attempt["outcome"] for attempt in task["attempts"]] == task["announced"]["outcomes"]
    outcomes = {attempt["outcome"] for task in document["tasks"] for attempt in task["attempts"]}
    assert outcomes == {"succeeded", "failed", "timed_out", "lost"}
    store = open_store(str(bare_missionctl.home / "mission.db"))
    check_board(store)
    store.close()


def test_a_task_that_ends_otherwise_is_named_and_fails_the_demo(bare_missionctl: Command, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sleep").write_text("#!/bin/sh\n")  # nothing takes time any more, so no time limit is reached
    (programs / "sleep").chmod(0o755)
    path = f"{programs}:/usr/bin:/bin"
    document = bare_missionctl("demo", bare_missionctl.home, "--json", expect=1, PATH=path).json
    assert document["as_announced"] is False
    differing = {task["title"]: task["difference"] for task in document["tasks"] if task["difference"]}
    assert differing == {"Read a page that never ends": "announced blocked, is done"}


def test_the_demo_never_plays_in_the_database_of_the_environment(bare_missionctl: Command, tmp_path: Path) -> None:
    bare_missionctl(
        "demo", bare_missionctl.home, MISSIONCTL_DATABASE=str(tmp_path / "theirs.db"), MISSIONCTL_MAX_ATTEMPTS="1"
    )
    assert (bare_missionctl.home / "mission.db").exists()
    assert not (tmp_path / "theirs.db").exists()


def test_the_demo_refuses_a_folder_that_holds_a_mission(missionctl: Command) -> None:
    missionctl("demo", missionctl.home, expect=4)
    assert missionctl("task", "list", "--all", "--json").json == []


def test_the_folder_of_the_demo_stays_unless_it_is_to_be_removed(bare_missionctl: Command) -> None:
    told = bare_missionctl("demo", TMPDIR=str(bare_missionctl.home.parent))
    (kept,) = bare_missionctl.home.parent.glob("mission-demo-*")
    assert f"cd {kept}" in told.out
    removed = bare_missionctl("demo", bare_missionctl.home, "--remove", "--json").json
    assert not Path(removed["home"]).exists()
