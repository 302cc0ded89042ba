"""Real agents that speak ACP, given tasks through the board, against a scripted model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Status, Task
from mission_control.execution import process
from mission_control.squad import NewAgent
from support import real_agents
from support.eventually import eventually
from support.factories import PERSON
from support.real_agents import AGENTS, MODEL, NODE, Package, RealAgent, require
from support.real_mission import RealMission
from support.scripted_model import ScriptedModel, scripted_model

pytestmark = [pytest.mark.agents, pytest.mark.slow, pytest.mark.timeout(600)]
QUICK = "codex"  # starts in half a second; run wherever it is installed
THINKING_SECONDS = 600  # much longer than the test may take


@dataclass(frozen=True)
class AcpAgent:
    """A program, how it is told to speak ACP, and what it does of it."""

    program: RealAgent
    arguments: tuple[str, ...] = ()
    mode: str | None = None
    tells_tokens: bool = True
    asks: bool = False  # for permission, as it is set up here


def _claude(url: str, mission: RealMission) -> dict[str, Any]:
    return {"environment": {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "a-key-of-tests"}}


ACP_AGENTS = {
    "opencode": AcpAgent(replace(AGENTS["opencode"], is_quick=False), ("acp",)),
    "gemini": AcpAgent(AGENTS["gemini"], ("--acp", "-m", "gemini-2.5-flash"), tells_tokens=False, asks=True),
    "claude": AcpAgent(
        RealAgent(
            "acp",
            Package("@agentclientprotocol/claude-agent-acp", "0.101.0", "claude-agent-acp", needs=(NODE,)),
            _claude,
        ),
        mode="default",  # its first one asks another model instead of us
        asks=True,
    ),
    "codex": AcpAgent(
        RealAgent("acp", Package("@zed-industries/codex-acp", "0.16.0", "codex-acp"), real_agents._codex),
        mode="full-access",  # its first one may only read
        tells_tokens=False,
    ),
}


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as model:
        yield model


@pytest.fixture(params=ACP_AGENTS)
def agent(request: pytest.FixtureRequest) -> AcpAgent:
    agent = ACP_AGENTS[request.param]
    if request.param != QUICK and not os.environ.get(real_agents.ALL):
        pytest.skip(f"{request.param} takes long to speak ACP; bin/test --agents runs it")
    require(agent.program)
    return agent


class Squad:
    """One ACP agent of a real mission, and what it is asked to do."""

    def __init__(self, mission: RealMission, agent: AcpAgent, model: ScriptedModel) -> None:
        self.mission = mission
        settings = dict(agent.program.settings(model.url, mission))
        settings["environment"] = {**settings["environment"], "PATH": agent.program.package.search_path}
        mode = {"mode": agent.mode} if agent.mode else {}
        self._settings = {**settings, **mode, "command": [agent.program.package.program, *agent.arguments]}
        mission.opened.squad.add(NewAgent(name="ada", runner="acp", model=MODEL, slots=8), actor=PERSON)

    def add(self, script: str) -> Task:
        new = NewTask("A real task", ("ada",), description=script, max_attempts=1)
        return self.mission.board.add(new, actor=PERSON)[0]

    def beat(self, *, wait: bool = True, **settings: Any) -> None:
        runners = json.dumps({"acp": {**self._settings, **settings}})
        words = ["--wait"] if wait else []
        self.mission.command("heartbeat", "--all", *words, timeout=400, MISSIONCTL_RUNNERS=runners)

    def log(self, task: Task) -> str:
        return self.mission.output(self.mission.attempts(task)[-1]).decode()


@pytest.fixture
def squad(make_mission: Callable[..., RealMission], agent: AcpAgent, model: ScriptedModel) -> Squad:
    return Squad(make_mission(grace_seconds=3), agent, model)


def test_a_task_is_really_done_and_a_retry_goes_on_with_its_session(squad: Squad, agent: AcpAgent) -> None:
    task = squad.add("[[shell echo made by $MISSIONCTL_AGENT > made.txt]] [[say The file is made.]]")
    squad.beat()
    shown = squad.mission.command("show", task.name, "--json").json
    (attempt,) = shown["attempts"]
    assert (shown["status"], attempt["outcome"]) == ("done", "succeeded"), squad.log(task)
    assert attempt["answer"] == "The file is made.", squad.log(task)
    workspace = squad.mission.folder.attempt(task.id, 1) / "workspace"
    assert (workspace / "made.txt").read_text() == "made by ada\n"
    assert (attempt["tokens_in"] is not None) == agent.tells_tokens
    squad.mission.board.comment(task.id, "[[shell cat made.txt && echo 2 > two.txt]] [[say Went on.]]", actor=PERSON)
    squad.mission.board.retry(task.id, actor=PERSON)
    squad.beat()
    first, second = squad.mission.attempts(task)
    assert (second.outcome, second.answer) == (Outcome.SUCCEEDED, "Went on."), squad.log(task)
    assert first.session is not None and first.session == second.session
    assert (workspace / "two.txt").exists()


def test_what_is_not_permitted_is_not_done(squad: Squad, agent: AcpAgent) -> None:
    task = squad.add("[[shell echo 1 > made.txt]] [[say Tried.]]")
    squad.beat(permissions="reject")
    made = (squad.mission.folder.attempt(task.id, 1) / "workspace" / "made.txt").exists()
    assert made == (not agent.asks), squad.log(task)
    if agent.asks:
        task = squad.add("[[shell echo 2 > asked.txt]] [[say Asked.]]")
        squad.beat(permissions="ask")
        found = squad.mission.task(task)
        assert found.status is Status.BLOCKED and "asks: May it" in (found.reason or ""), squad.log(task)
        squad.mission.board.answer(task.id, "yes [[shell echo 2 > asked.txt]] [[say Asked.]]", actor=PERSON)
        squad.beat(permissions="ask")
        assert squad.mission.task(task).status is Status.DONE, squad.log(task)
        assert (squad.mission.folder.attempt(task.id, 2) / "workspace" / "asked.txt").read_text() == "2\n"


def test_a_cancel_leaves_no_process(squad: Squad) -> None:
    seconds = THINKING_SECONDS
    task = squad.add(f"[[shell (setsid sleep {seconds} &) ; sleep {seconds}]] [[say Too late.]]")
    squad.beat(wait=False)
    eventually(lambda: _sleepers(squad.mission), within=90)
    squad.mission.command("cancel", task.name)
    ended = squad.mission.ended(squad.mission.attempt(task), within=60)
    assert ended.outcome is Outcome.CANCELLED, ended
    eventually(lambda: not squad.mission.processes())


def _sleepers(mission: RealMission) -> list[str]:
    """What the agent's own shell has started."""
    found = process.marked(f"MISSIONCTL_MARK={mission.home}:")
    words = [process._output_of(["ps", "-o", "args=", "-p", str(one.pid)]).strip() for one, _ in found]
    return [word for word in words if word == f"sleep {THINKING_SECONDS}"]
