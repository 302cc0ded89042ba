"""OpenClaw by its gateway: a real one, whose model is scripted, is given tasks through the board."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Task
from mission_control.execution import process
from mission_control.squad import NewAgent
from support.eventually import eventually, expect
from support.factories import PERSON
from support.real_agents import AGENTS, openclaw_settings, require
from support.real_mission import RealMission
from support.scripted_model import scripted_model

pytestmark = [pytest.mark.agents, pytest.mark.slow, pytest.mark.timeout(300)]
TOKEN = "a-token-of-tests"
TOOLS = ["sessions_spawn", "sessions_history", "subagents", "exec", "apply_patch", "spawn", "shell", "fs_write"]
START_SECONDS = 120
NAP = "sleep 613"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    """Its URL, once it is ready."""
    require(AGENTS["openclaw"])
    with scripted_model() as model, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        home = tmp_path / "openclaw"
        (home / ".openclaw").mkdir(parents=True)
        own = {"mode": "local", "bind": "loopback", "port": port, "auth": {"mode": "token", "token": TOKEN}}
        config = openclaw_settings(model.url)
        config["gateway"] = {**own, "controlUi": {"enabled": False}, "tools": {"allow": TOOLS}}
        config["agents"]["defaults"] |= {"heartbeat": {"every": "0m"}, "sandbox": {"mode": "off"}}
        config["agents"]["defaults"]["subagents"] = {"allowAgents": ["*"]}
        (home / ".openclaw" / "openclaw.json").write_text(json.dumps(config))
        with open(home / "log", "wb") as log:
            running = subprocess.Popen(
                ["openclaw", "gateway", "run"],
                env={"HOME": str(home), "PATH": AGENTS["openclaw"].package.search_path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{port}"
        try:
            eventually(lambda: _is_ready(url), within=START_SECONDS)
            yield url
        finally:
            os.killpg(running.pid, signal.SIGKILL)  # told to end it would first wait for what it runs
            running.wait()


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return json.load(answer)["ready"] is True
    except (OSError, urllib.error.URLError):
        return False


def test_tasks_are_done_cancelled_and_refused_in_a_gateway(
    gateway: str, make_mission: Callable[..., RealMission]
) -> None:
    mission = make_mission(grace_seconds=30)  # in which the gateway is told to cancel
    mission.opened.squad.add(NewAgent(name="ada", runner="openclaw", slots=8), actor=PERSON)

    def add(script: str) -> Task:
        new = NewTask("A real task", ("ada",), description=script, max_attempts=1)
        return mission.board.add(new, actor=PERSON)[0]

    done = add("[[shell echo hi > made.txt]] [[say All done.]]")
    runners = json.dumps({"openclaw": {"url": gateway}})
    wait = ("heartbeat", "--all", "--wait")
    mission.command(*wait, timeout=200, OPENCLAW_GATEWAY_TOKEN=TOKEN, MISSIONCTL_RUNNERS=runners)
    attempt = mission.attempt(done)
    assert (attempt.outcome, attempt.answer) == (Outcome.SUCCEEDED, "All done."), mission.output(done)
    assert attempt.session and attempt.tokens_in
    made = mission.folder.attempt(done.id, 1) / "workspace" / "made.txt"
    assert made.read_text() == "hi\n"
    cancelled = add(f"[[shell {NAP}]] [[say Too late.]]")
    mission.beat(wait=False, OPENCLAW_GATEWAY_TOKEN=TOKEN, MISSIONCTL_RUNNERS=runners)
    expect(_nappers, within=90)
    mission.command("cancel", cancelled.name)
    end = mission.ended(mission.attempt(cancelled), within=60)
    assert end.outcome is Outcome.CANCELLED, end.error
    eventually(lambda: not _nappers(), within=30)
    refused = add("[[say Never.]]")
    mission.beat(OPENCLAW_GATEWAY_TOKEN="another-token", MISSIONCTL_RUNNERS=runners)
    assert "is not signed in" in (mission.attempt(refused).error or "")


def _nappers() -> list[int]:
    """What the gateway's shell has started, wherever it is."""
    words = {pid: process._output_of(["ps", "-o", "args=", "-p", str(pid)]) for pid in process.table()}
    return [pid for pid, line in words.items() if line.startswith(NAP)]
