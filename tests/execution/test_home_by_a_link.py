"""A mission is the same one, whichever way to its folder is written."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from mission_control.domain.attempt import Outcome
from mission_control.execution import process
from support.command import Command
from support.eventually import eventually
from support.real_mission import RealMission


def test_what_was_started_by_way_of_a_link_is_ended_by_who_came_without_it(
    make_mission: Callable[..., RealMission], tmp_path: Path
) -> None:
    mission = make_mission()
    link = tmp_path / "link"
    link.symlink_to(mission.home)
    pid_file = mission.home / "escaped"
    escape = f"sleep 1000 & echo $! > {pid_file}.new; mv {pid_file}.new {pid_file}"
    task = mission.add(f"setsid sh -c '{escape}'; sleep 1000")
    Command(tmp_path)("--home", link, "heartbeat", "ada")
    eventually(pid_file.exists)
    executor = mission.attempt(task).executor
    assert executor is not None
    os.kill(executor.pid, signal.SIGKILL)
    mission.beat(wait=False)
    assert mission.attempt(task).outcome is Outcome.LOST
    assert process.identity(int(pid_file.read_text())) is None
