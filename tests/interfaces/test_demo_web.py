"""`missionctl demo --web`: a squad at work that somebody watches and steers in a browser."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx

from mission_control.app import open_mission
from mission_control.domain.task import Status
from mission_control.ops.demo.show import scenes
from support.command import Command
from support.eventually import eventually


def test_the_board_of_the_demo_is_live_behind_the_link_that_it_prints(bare_missionctl: Command, tmp_path: Path) -> None:
    home = tmp_path / "shown"
    running = bare_missionctl.start("demo", home, "--web")
    try:
        assert running.stdout is not None
        link = running.stdout.readline().strip()
        with httpx.Client(follow_redirects=True, trust_env=False, timeout=30) as browser:
            board = browser.get(link).text
        assert "Run the whole test suite" in board
        mission = open_mission(str(home))
        eventually(lambda: mission.views.status().tasks[Status.IN_PROGRESS] > 0)
        assert sum(mission.views.status().tasks.values()) == len(list(scenes()))
        for view in mission.views.tasks(limit=1000):
            mission.board.cancel(view.task.id, actor="tester")
        eventually(lambda: not mission.views.status().live)
        mission.close()
    finally:
        running.send_signal(signal.SIGINT)
        _, complaint = running.communicate(timeout=30)
    assert complaint == ""
    assert running.returncode in (0, 130)


def test_what_the_demo_cannot_show_on_the_web_it_says(bare_missionctl: Command, tmp_path: Path) -> None:
    assert "--web shows" in bare_missionctl("demo", "--web", "--legacy", tmp_path, expect=2).err
    assert "--port is for --web" in bare_missionctl("demo", "--port", "8000", expect=2).err
