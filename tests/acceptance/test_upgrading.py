"""From one release to the next and back, as docs/upgrading.md tells it, with work in hand all the while."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mission_control.execution import process
from mission_control.store.schema import SCHEMA_NUMBER
from support.command import Command
from support.eventually import eventually, expect
from support.release import next_release

NEXT = SCHEMA_NUMBER + 1


def test_an_upgrade_and_the_way_back_lose_nothing_of_what_is_in_work(missionctl: Command, tmp_path: Path) -> None:
    former, newer = missionctl, replace(missionctl, program=next_release(tmp_path / "next"))
    backup = former("backup").out.strip()
    former("up", "--detach")
    former("agent", "add", "ada")
    former("add", "Long", "--to", "ada", "--command", "until [ -e gate ]; do sleep 0.05; done; echo done")
    executing = expect(lambda: [one for one in attempts(former) if one["started_at"]])[0]
    executor = process.identity(executing["pid"])
    assert executor is not None
    former("down")
    for words in (["ls"], ["add", "Lost"], ["up"], ["heartbeat", "--all"]):
        assert "missionctl doctor --fix" in newer(*words, expect=5).err
    mended = newer("doctor", "--fix", "--json").json["mended"]
    assert [said for said in mended if said.startswith("copied the database to ")]
    assert f"brought the database to schema {NEXT}" in mended
    assert "Update missionctl" in former("ls", expect=5).err
    (former.home / executing["log"]).with_name("workspace").joinpath("gate").touch()
    eventually(lambda: not process.is_alive(executor))  # it cannot record: it leaves its word, and goes
    newer("up", "--detach")
    newer("task", "wait", "T-1", "--timeout", "30s")
    assert [attempt["outcome"] for attempt in attempts(newer)] == ["succeeded"]
    assert newer("logs", "T-1").out == "done\n"
    newer("down")
    former("restore", backup, "--yes")
    assert former("ls", "--all", "--json").json == []
    assert former("add", "Next").out == "T-2\n", "no number is given out twice"


def attempts(missionctl: Command) -> list[Any]:
    found: list[Any] = missionctl("show", "T-1", "--json").json["attempts"]
    return found
