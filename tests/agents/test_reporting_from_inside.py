"""Real agents' programs report to the board while they work: through our MCP server, and by the command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator

import pytest

from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Status
from mission_control.squad import NewAgent
from mission_control.store import history
from support.command import COMMAND
from support.factories import PERSON
from support.real_agents import AGENTS, ALL, RealAgent, require
from support.real_mission import RealMission
from support.scripted_model import ScriptedModel, scripted_model

pytestmark = [pytest.mark.agents, pytest.mark.slow, pytest.mark.timeout(600)]
BETWEEN = {"codex": "/", "opencode": "_", "claude": "_", "gemini": "_"}  # our name and that of a tool, for the model


ALWAYS = "codex"  # the quickest


def script(between: str) -> str:
    """With the whole path of the command: some programs start login shells, whose PATH is their own."""
    return (
        f'[[tool {between}progress {{"text": "half of it", "percent": 50}}]] '
        f"[[shell {COMMAND} task comment $MISSIONCTL_TASK 'by the command']] "
        f'[[tool {between}ask {{"question": "Which colour?"}}]] '
        "[[say I have asked.]]"
    )


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as model:
        yield model


@pytest.fixture(params=BETWEEN)
def agent(request: pytest.FixtureRequest) -> RealAgent:
    agent = AGENTS[request.param]
    if agent.runner != ALWAYS and not os.environ.get(ALL):
        pytest.skip(f"{agent.runner} reports from inside with bin/test --agents; {ALWAYS} always does")
    require(agent)
    return agent


def test_an_agent_reports_and_asks_by_our_tools_and_finds_the_answer(
    make_mission: Callable[..., RealMission], agent: RealAgent, model: ScriptedModel
) -> None:
    mission = make_mission(grace_seconds=3)
    settings = dict(agent.settings(model.url, mission))
    settings["environment"] = {**settings["environment"], "PATH": agent.package.search_path}
    runners = json.dumps({agent.runner: settings})
    mission.opened.squad.add(NewAgent(name="ada", runner=agent.runner, model=agent.model), actor=PERSON)
    new = NewTask("A real task", ("ada",), description=script(BETWEEN[agent.runner]), max_attempts=1)
    task, _ = mission.board.add(new, actor=PERSON)

    def beat() -> str:
        mission.command("heartbeat", "--all", "--wait", timeout=400, MISSIONCTL_RUNNERS=runners)
        return mission.output(mission.attempts(task)[-1]).decode()

    log = beat()
    (attempt,) = mission.attempts(task)
    assert (attempt.progress, attempt.progress_percent) == ("half of it", 50), log
    assert [entry.body for entry in history.thread(mission.opened.store, task.id)] == [
        "by the command",
        "Which colour?",
    ], log
    assert (attempt.outcome, mission.task(task).status) == (Outcome.RELEASED, Status.BLOCKED), log
    mission.command("task", "answer", task.name, "Blue. [[say It is blue.]]")
    log = beat()
    assert mission.task(task).status is Status.DONE, log
    assert mission.attempts(task)[-1].answer == "It is blue."
    for number in (1, 2):
        folder = mission.folder.attempt(task.id, number)
        kept = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
        with_key = [str(file) for file in kept if b"mck_T-" in file.read_bytes()]
        assert with_key == [], "no key is written down"
