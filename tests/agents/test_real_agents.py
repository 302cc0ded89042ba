"""Real agents' programs, given tasks through the board, against a scripted model: what they do, and how they end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Status, Task
from mission_control.execution import process
from mission_control.squad import NewAgent
from support.eventually import eventually, expect
from support.factories import PERSON
from support.real_agents import AGENTS, RealAgent, require
from support.real_mission import RealMission
from support.scripted_model import ScriptedModel, scripted_model

pytestmark = [pytest.mark.agents, pytest.mark.slow, pytest.mark.timeout(600)]
THINKING_SECONDS = 600  # much longer than the test may take


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as model:
        yield model


@pytest.fixture(params=AGENTS)
def agent(request: pytest.FixtureRequest) -> RealAgent:
    agent = AGENTS[request.param]
    require(agent)
    return agent


class Squad:
    """One agent of a real mission, and what it is asked to do."""

    def __init__(self, mission: RealMission, agent: RealAgent, model: ScriptedModel) -> None:
        self.mission = mission
        settings = dict(agent.settings(model.url, mission))
        settings["environment"] = {**settings["environment"], "PATH": agent.package.search_path}
        self._runners = json.dumps({agent.runner: settings})
        new = NewAgent(name="ada", runner=agent.runner, model=agent.model, slots=8)
        mission.opened.squad.add(new, actor=PERSON)

    def add(self, script: str, *, timeout: float = 300) -> Task:
        limit = timedelta(seconds=timeout)
        new = NewTask("A real task", ("ada",), description=script, timeout=limit, max_attempts=1)
        return self.mission.board.add(new, actor=PERSON)[0]

    def beat(self, *, wait: bool = True) -> None:
        self.mission.command(
            "heartbeat", "--all", *(["--wait"] if wait else []), timeout=400, MISSIONCTL_RUNNERS=self._runners
        )

    def log(self, task: Task) -> str:
        return self.mission.output(self.mission.attempts(task)[-1]).decode()


@pytest.fixture
def squad(make_mission: Callable[..., RealMission], agent: RealAgent, model: ScriptedModel) -> Squad:
    return Squad(make_mission(grace_seconds=3), agent, model)


def test_a_task_is_really_done_and_its_answer_and_tokens_are_on_the_board(squad: Squad, agent: RealAgent) -> None:
    task = squad.add("[[shell echo made by $MISSIONCTL_AGENT > made.txt]] [[say The file is made.]]")
    squad.beat()
    shown = squad.mission.command("show", task.name, "--json").json
    (attempt,) = shown["attempts"]
    assert (shown["status"], attempt["outcome"]) == ("done", "succeeded"), squad.log(task)
    folder = squad.mission.folder.attempt(task.id, 1)
    assert (folder / "workspace" / "made.txt").read_text() == "made by ada\n"
    assert attempt["answer"] == "The file is made." == (folder / "answer.md").read_text()
    assert attempt["session"] and "The file is made." in squad.log(task)
    assert attempt["tokens_in"] >= 2000 and attempt["tokens_out"] >= 20  # two requests of the scripted model
    assert (attempt["cost_usd"] is not None) == agent.tells_cost
    total = squad.mission.command("stats", "--json").json["total"]
    assert (total["tokens_in"], total["tokens_out"]) == (attempt["tokens_in"], attempt["tokens_out"])


def test_a_retry_goes_on_with_the_session_where_the_program_can(squad: Squad, agent: RealAgent) -> None:
    task = squad.add("[[shell echo 1 > one.txt]] [[error 400]]")
    squad.beat()
    assert squad.mission.task(task).status is Status.BLOCKED, squad.log(task)
    script = "[[shell echo 2 > two.txt]] [[say Went on.]]"
    if agent.resumes:  # then it is told what is new, else all
        squad.mission.board.comment(task.id, script, actor=PERSON)
    else:
        squad.mission.board.edit(task.id, {"description": script}, actor=PERSON)
    squad.mission.board.retry(task.id, actor=PERSON)
    squad.beat()
    first, second = squad.mission.attempts(task)
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.SUCCEEDED), squad.log(task)
    assert (first.session == second.session) == agent.resumes
    folder = squad.mission.folder.attempt(task.id, 2)
    assert (folder / "workspace" / "two.txt").read_text() == "2\n"
    assert (folder / "workspace" / "one.txt").exists() == agent.resumes


def test_whatever_ends_an_attempt_leaves_no_process_and_the_right_outcome(squad: Squad) -> None:
    mission = squad.mission
    sleep = f"sleep {THINKING_SECONDS}"
    endless = f"[[shell (setsid {sleep} &) ; {sleep}]] [[{sleep}]] [[say Too late.]]"
    late = squad.add(endless, timeout=10)
    cancelled, crashed = squad.add(endless), squad.add(endless)
    signed_out = squad.add("[[error 401]]")
    squad.beat(wait=False)
    for task in (cancelled, crashed):
        expect(lambda task=task: _sleepers(mission, task), within=60)  # type: ignore[misc]
    mission.command("cancel", cancelled.name)
    _kill_program(mission, crashed)
    ends = {
        name: mission.ended(mission.attempt(task), within=30)
        for name, task in {"late": late, "cancelled": cancelled, "crashed": crashed, "signed_out": signed_out}.items()
    }
    assert ends["late"].outcome is Outcome.TIMED_OUT, ends["late"]
    assert ends["cancelled"].outcome is Outcome.CANCELLED, ends["cancelled"]
    assert ends["crashed"].outcome is Outcome.FAILED and "SIGKILL" in (ends["crashed"].error or ""), ends["crashed"]
    assert ends["signed_out"].outcome is Outcome.FAILED, ends["signed_out"]
    assert "not signed in" in (ends["signed_out"].error or ""), ends["signed_out"]
    eventually(lambda: not mission.processes())


def _of(mission: RealMission, task: Task) -> list[process.Process]:
    return [found for found, name in process.marked(f"MISSIONCTL_MARK={mission.home}:") if name == f"{task.name}/1"]


def _words(found: process.Process) -> str:
    return process._output_of(["ps", "-o", "args=", "-p", str(found.pid)])


def _sleepers(mission: RealMission, task: Task) -> list[process.Process]:
    """What the agent's own shell has started, in a session of its own."""
    return [found for found in _of(mission, task) if _words(found).startswith(f"sleep {THINKING_SECONDS}")]


def _kill_program(mission: RealMission, task: Task) -> None:
    """End the program itself, which is the child of our driver, as a crash would."""
    mine = _of(mission, task)
    (driver,) = (found for found in mine if "mission_control.execution.driving" in _words(found))
    (program,) = (found for found in mine if found.parent == driver.pid)
    os.kill(program.pid, signal.SIGKILL)
