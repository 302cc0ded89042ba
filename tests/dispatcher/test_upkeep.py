"""What the resident process keeps up beside its work."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from support.backups import finished
from support.eventually import eventually
from support.real_mission import RealMission
from support.resident import Up


def test_the_resident_process_makes_the_daily_backup_and_keeps_the_mirror(
    make_mission: Callable[..., RealMission], start_up: Callable[..., Up]
) -> None:
    mission = make_mission(backup_at="00:00", mirror=True)
    up = start_up(mission)
    task = mission.add("true")

    def mirrored() -> list[Any]:
        path = mission.home / "database" / "tasks.json"
        return [row["status"] for row in json.loads(path.read_text())] if path.exists() else []

    eventually(lambda: mission.task(task).status == "done")
    eventually(lambda: mirrored() == ["done"])
    eventually(lambda: finished(mission.folder.backups) != [])
    assert up.end() == 0
    assert len(finished(mission.folder.backups)) == 1


def test_a_duty_that_fails_is_told_and_the_work_goes_on(
    make_mission: Callable[..., RealMission], start_up: Callable[..., Up]
) -> None:
    mission = make_mission(mirror=True)
    (mission.home / "database").write_text("no folder")
    up = start_up(mission)
    task = mission.add("true")
    log = mission.home / "logs" / "mirror.log"
    eventually(lambda: log.exists() and "mirror_failed" in log.read_text())
    eventually(lambda: mission.task(task).status == "done")
    assert up.end() == 0
