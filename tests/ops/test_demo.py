"""The demo, run as its users run it. It is itself a test of the whole: it ends 0 only when all ended as announced."""

from __future__ import annotations

from pathlib import Path

from mission_control.store.schema import open_store
from support.command import SCRIPTS, Command
from support.invariants import check_board
from support.legacy import old_agent, old_task, write_folder
from support.terminal import on_terminal

EXAMPLE = Path(__file__).parents[2] / "examples" / "legacy"


def path_with_sleep(place: Path, script: str) -> str:
    """A PATH on which `sleep`, as the tasks of the demo call it, is this script."""
    (place / "programs").mkdir()
    program = place / "programs" / "sleep"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{program.parent}:{SCRIPTS}:/usr/bin:/bin"


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
    path = path_with_sleep(tmp_path, "")  # nothing takes time any more, so no time limit is reached
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


def test_the_old_folder_is_executed_and_all_else_stays_as_an_import_leaves_it(
    missionctl: Command, tmp_path: Path
) -> None:
    missionctl("import", EXAMPLE)
    imported = {task["id"]: task for task in missionctl("task", "list", "--all", "--json").json}
    home = tmp_path / "demo"
    document = missionctl("demo", home, "--legacy", EXAMPLE, "--json").json
    assert document["as_announced"] is True
    assert len(document["tasks"]) == len(imported) == 25
    for task in document["tasks"]:
        before = imported[task["id"]]
        if before["reason"] and before["reason"].startswith("It has no command"):
            assert task["status"] == "done"
            assert [attempt["outcome"] for attempt in task["attempts"]] == ["succeeded"]
            printed = (home / task["attempts"][0]["log"]).read_text()
            assert printed == f"{task['title']}\ndone by {task['attempts'][0]['agent']}\n"
        else:
            assert task["attempts"] == []
            same = ("title", "status", "agents", "command", "reason", "failures", "created_at", "updated_at")
            assert [task[key] for key in same] == [before[key] for key in same]
    assert [row["fate"] for row in document["import"]["rows"]].count("already_there") == 0
    store = open_store(str(home / "mission.db"))
    check_board(store)
    store.close()


def test_a_title_of_the_old_folder_is_never_run_by_the_shell(bare_missionctl: Command, tmp_path: Path) -> None:
    title = '-n \'; touch $HOME/run_1; "`touch $HOME/run_2`" $(touch $HOME/run_3) %s \\n'
    old = write_folder(tmp_path / "old", agents=[old_agent()], tasks=[old_task(title=title, assignee_ids=["dexter"])])
    (task,) = bare_missionctl("demo", bare_missionctl.home, "--legacy", old, "--json").json["tasks"]
    assert (bare_missionctl.home / task["attempts"][0]["log"]).read_text() == f"{title}\ndone by dexter\n"
    assert list(tmp_path.rglob("run_*")) == []


def test_an_old_task_that_fails_fails_the_demo(bare_missionctl: Command, tmp_path: Path) -> None:
    old = write_folder(tmp_path / "old", agents=[old_agent()], tasks=[old_task(assignee_ids=["dexter"])])
    path = path_with_sleep(tmp_path, "exit 7")
    told = bare_missionctl("demo", bare_missionctl.home, "--legacy", old, expect=1, PATH=path)
    assert "NOT AS ANNOUNCED: announced done, is blocked" in told.out
    assert "0 of 1 tasks ended as announced" in told.out


def test_a_finished_old_task_that_is_changed_fails_the_demo(bare_missionctl: Command, tmp_path: Path) -> None:
    tasks = [old_task(1, assignee_ids=["dexter"]), old_task(2, status="done")]
    old = write_folder(tmp_path / "old", agents=[old_agent()], tasks=tasks)
    path = path_with_sleep(
        tmp_path, 'env -i PATH="$PATH" missionctl --home "$MISSIONCTL_HOME" task edit task-2 --priority low'
    )
    document = bare_missionctl("demo", bare_missionctl.home, "--legacy", old, "--json", expect=1, PATH=path).json
    assert [task["difference"] for task in document["tasks"]] == [
        None,
        "was changed, though it was to stay as it came",
    ]


def test_old_tasks_beyond_what_one_list_shows_are_all_executed(bare_missionctl: Command, tmp_path: Path) -> None:
    tasks = [old_task(number, assignee_ids=["dexter"] if number == 1 else []) for number in range(1, 121)]
    old = write_folder(tmp_path / "old", agents=[old_agent(status="paused")], tasks=tasks)
    document = bare_missionctl("demo", bare_missionctl.home, "--legacy", old, "--json").json
    assert len(document["tasks"]) == 120
    assert [task["legacy_id"] for task in document["tasks"] if task["attempts"]] == ["task-1"]


def test_an_old_folder_that_is_refused_leaves_no_mission_behind(bare_missionctl: Command, tmp_path: Path) -> None:
    old = write_folder(tmp_path / "old", tasks=[old_task(assignee_ids=["nobody"])])
    refused = bare_missionctl("demo", bare_missionctl.home, "--legacy", old, "--json", expect=2)
    assert refused.json["fault_count"] == 1
    assert not bare_missionctl.home.exists()
    bare_missionctl("demo", "--legacy", tmp_path / "nowhere", expect=2, TMPDIR=str(tmp_path))
    assert list(tmp_path.glob("mission-demo-*")) == []


def test_a_person_sees_the_import_the_work_and_all_old_tasks_as_they_ended(bare_missionctl: Command) -> None:
    shown = on_terminal(bare_missionctl, "demo", bare_missionctl.home, "--legacy", EXAMPLE, "--no-color", columns=120)
    assert "5 agents, 25 tasks, 6 comments" in shown
    assert "9 tasks lacked only a command: given one, put back, courage resumed; 16 must stay as they came" in shown
    assert "HTTP 403 from the exhibitor page" in shown
    assert "25 of 25 tasks ended as announced" in shown
    assert "show task-1006" in shown


def test_the_demo_never_removes_what_was_there_before(bare_missionctl: Command, tmp_path: Path) -> None:
    old = write_folder(tmp_path / "old", tasks=[old_task()])
    refused = bare_missionctl("demo", old, "--legacy", old, "--remove", expect=2)
    assert "Name a new folder" in refused.err
    assert [path.name for path in old.iterdir()] == ["tasks.json"]
