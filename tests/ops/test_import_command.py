"""`missionctl import` as its users run it, also killed in the middle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mission_control.store.schema import open_store
from support.command import Command
from support.database import everything
from support.invariants import check_board
from support.legacy import full_folder, old_agent, old_task, write_folder
from support.terminal import on_terminal

EXAMPLE = Path(__file__).parents[2] / "examples" / "legacy"

# Ends itself with SIGKILL right before or after the nth statement that goes to the database. Without one it says which
# of them was the commit of what it wrote.
STRICKEN = """
import itertools, os, signal, sys
from mission_control.app import main
from mission_control.store.sqlite import SqliteConnection

nth, when = int(sys.argv.pop(1)), sys.argv.pop(1)
calls, execute = itertools.count(1), SqliteConnection.execute

def counted(self, sql, parameters=None):
    number = next(calls)
    if number == nth and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    rows = execute(self, sql, parameters)
    if number == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    if sql.startswith("BEGIN"):
        self.begun = sql
    if sql == "COMMIT" and self.begun == "BEGIN IMMEDIATE":
        print(number, file=sys.stderr)
    return rows

SqliteConnection.execute = counted
main()
"""


def test_the_example_is_taken_over_and_its_old_ids_go_wherever_an_id_goes(missionctl: Command) -> None:
    foretold = missionctl("import", EXAMPLE, "--dry-run", "--json").json
    assert missionctl("task", "list", "--all", "--json").json == []
    done = missionctl("import", EXAMPLE, "--json").json
    assert (foretold["dry_run"], done["dry_run"]) == (True, False)
    assert foretold["counts"] == done["counts"]
    assert sum(done["counts"].values()) == len(done["rows"]) == 50
    assert done["ignored"] == ["active-agents.json"]
    assert missionctl("show", "task-1007", "--json").json["legacy_id"] == "task-1007"
    assert (missionctl.home / "agents" / "samurai_jack" / "SOUL.md").exists()
    again = missionctl("import", EXAMPLE / "database", "--json").json
    assert again["counts"] == {"imported": 0, "changed": 0, "already_there": 50, "differs": 0}


def test_what_was_blocked_for_a_command_is_done_once_it_has_one(missionctl: Command) -> None:
    missionctl("import", EXAMPLE)
    reason = missionctl("show", "task-1010", "--json").json["reason"]
    missionctl("retry", "task-1010", expect=4)
    missionctl("task", "edit", "task-1010", "--command", "echo summarised")
    missionctl("retry", "task-1010")
    missionctl("agent", "resume", "courage")
    missionctl("heartbeat", "courage", "--wait")
    assert "--command" in reason
    assert missionctl("show", "task-1010", "--json").json["status"] == "done"


def test_a_pipe_gets_every_row(missionctl: Command) -> None:
    lines = missionctl("import", EXAMPLE).out.splitlines()
    assert lines[0] == "file\trow\tid\tfate\tbecomes\tname\tstatus\tnotes"
    assert len(lines) == 51


def test_a_person_gets_a_summary_and_what_was_changed(missionctl: Command) -> None:
    shown = on_terminal(missionctl, "import", EXAMPLE, columns=200)
    assert "5 agents, 25 tasks, 6 comments, 4 notifications, 10 lines of history imported" in shown
    assert "nobody works on it any more" in shown
    assert "not read: active-agents.json" in shown
    assert "task-1001" not in shown


def test_a_refusal_names_every_fault_and_changes_nothing(missionctl: Command, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "old", tasks=[old_task(1, status="doing"), old_task(2, title="")])
    answer = missionctl("import", folder, expect=2)
    assert answer.out == ""
    assert "tasks.json, row 1 (id 'task-1'): status must be one of" in answer.err
    assert "tasks.json, row 2 (id 'task-2'): title: " in answer.err
    document = missionctl("import", folder, "--json", "--dry-run", expect=2).json
    assert document["refused"] is True
    assert document["fault_count"] == 2
    assert document["faults"][1]["row"] == 2
    missionctl("import", tmp_path / "nowhere", expect=2)
    assert missionctl("task", "list", "--all", "--json").json == []


def test_what_an_old_file_says_never_steers_a_terminal(missionctl: Command, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "old", tasks=[old_task(1, status="\x1b[2Jdoing", priority="\x9b31m")])
    refused = missionctl("import", folder, expect=2).err
    assert refused.replace("\n", "").isprintable()
    write_folder(folder, tasks=[old_task()], agents=[old_agent(name="\x1b]0;Evil\x07 Ada")])
    assert "\x1b]" not in on_terminal(missionctl, "import", folder)


def test_a_killed_import_leaves_all_or_nothing(missionctl: Command, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "old", **full_folder(tasks=20))
    program = [sys.executable, "-c", STRICKEN]
    words = ["--home", str(missionctl.home), "import", str(folder)]

    def strike(nth: int, when: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*program, str(nth), when, *words], capture_output=True, text=True, check=False)

    store = open_store(str(missionctl.home / "mission.db"))
    untouched = everything(store)
    store.close()
    copy = tmp_path / "copy"
    missionctl("init", copy)
    counted = subprocess.run(
        [*program, "0", "before", "--home", str(copy), *words[2:]], capture_output=True, text=True, check=True
    )
    (commit,) = map(int, counted.stderr.split())
    for nth in (1, 2, *range(3, commit, commit // 6), commit - 1):
        assert strike(nth, "after").returncode == -signal.SIGKILL
        assert is_untouched(missionctl, untouched)
    assert strike(commit, "before").returncode == -signal.SIGKILL
    assert is_untouched(missionctl, untouched)
    assert strike(commit, "after").returncode == -signal.SIGKILL
    store = open_store(str(missionctl.home / "mission.db"))
    check_board(store)
    store.close()
    again = missionctl("import", folder, "--json").json
    assert again["counts"]["already_there"] == len(again["rows"]) == 25


def is_untouched(missionctl: Command, before: object) -> bool:
    store = open_store(str(missionctl.home / "mission.db"))
    try:
        return everything(store) == before
    finally:
        store.close()


@pytest.mark.parametrize("name", ["tasks.json", "agents.json"])
def test_a_file_that_may_not_be_read_is_named(missionctl: Command, tmp_path: Path, name: str) -> None:
    folder = write_folder(tmp_path / "old", **full_folder())
    (folder / name).unlink()
    (folder / name).mkdir()
    answer = missionctl("import", folder, "--json", expect=2)
    assert json.loads(answer.out)["faults"][0]["file"] == name
