"""Agents that think, driven without a model: what the driver gives them, and how their attempts end."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from mission_control.domain.attempt import Attempt, Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Status, Task
from mission_control.execution import process
from mission_control.squad import NewAgent
from support.eventually import eventually, expect
from support.factories import PERSON
from support.real_mission import RealMission

PYTHON = [sys.executable, "-c"]
HALF_AN_EVENT = 'print("{half of an event"); raise SystemExit(3)'
ASKING = "echo 'Delete it? [y/N]'; read answer"


class Agents:
    """A mission whose agents have these runners: the agent's name is that of its runner."""

    def __init__(self, mission: RealMission, runners: dict[str, Any]) -> None:
        self.mission = mission
        self.runners = runners

    def add(self, description: str = "", *, to: str = "mock", timeout: float = 60, tries: int = 1) -> Task:
        squad = self.mission.opened.squad
        squad._runners = (*squad._runners, *self.runners)  # as where the settings are in mission.toml
        if to not in [view.agent.name for view in self.mission.opened.views.agents()]:
            squad.add(NewAgent(name=to, runner=to, slots=8), actor=PERSON)
        new = NewTask("A task", (to,), description=description, timeout=timedelta(seconds=timeout), max_attempts=tries)
        return self.mission.board.add(new, actor=PERSON)[0] if to == "mock" else self._add_anyhow(new)

    def _add_anyhow(self, new: NewTask) -> Task:
        """Our own board does not know the runners that only the environment of the command names."""
        self.mission.board._refuses = lambda runner, command: None
        return self.mission.board.add(new, actor=PERSON)[0]

    def beat(self, *, wait: bool = True, **environment: str) -> None:
        self.mission.beat(wait=wait, MISSIONCTL_RUNNERS=json.dumps(self.runners), **environment)

    def last(self, task: Task) -> Attempt:
        return self.mission.attempts(task)[-1]

    def log(self, task: Task) -> str:
        return self.mission.output(self.last(task)).decode()


@pytest.fixture
def agents(make_mission: Callable[..., RealMission]) -> Callable[..., Agents]:
    return lambda **runners: Agents(make_mission(), runners)


def test_every_end_of_an_agent_is_the_right_outcome_with_a_sentence(agents):
    squad = agents(
        broken={"command": [*PYTHON, HALF_AN_EVENT], "output": "json", "answer": "a"},
        silent={"command": ["true"]},
        talker={"command": ["cat"]},
        missing={"command": ["no-such-agent"]},
        asking={"command": ["sh", "-c", ASKING, "{prompt_file}"], "prompt": "file"},
        tidy={"command": ["true"], "empty_answer": True},
    )
    done = squad.add("mock: print Looking\nmock: tokens 1200 80 0.004\nmock: write notes.md Hello\nmock: say All done.")
    failed, crashed = squad.add("mock: tokens 5 7\nmock: fail Cannot reach X"), squad.add("mock: crash 9")
    limited = squad.add("mock: limit 600")
    own = {name: squad.add("Say this", to=name) for name in squad.runners}
    squad.beat()
    attempt = squad.last(done)
    assert (attempt.outcome, attempt.answer, attempt.exit_code) == (Outcome.SUCCEEDED, "All done.", 0)
    assert (attempt.tokens_in, attempt.tokens_out, attempt.cost_usd) == (1200, 80, 0.004)
    assert squad.log(done) == "Looking\nAll done.\n"
    folder = squad.mission.folder.attempt(done.id, 1)
    assert (folder / "answer.md").read_text() == "All done."
    assert (folder / "workspace" / "notes.md").read_text() == "Hello\n"
    assert (squad.last(failed).outcome, squad.last(failed).error) == (Outcome.FAILED, "Cannot reach X")
    assert (squad.last(failed).tokens_in, squad.last(failed).tokens_out) == (5, 7)
    assert squad.last(crashed).error == "exit status 9, without saying that it is done"
    assert squad.last(crashed).exit_code == 9
    assert squad.last(limited).outcome is Outcome.RELEASED
    waiting = squad.mission.task(limited)
    assert (waiting.status, waiting.failures) == (Status.INBOX, 0) and waiting.retry_at is not None
    ends = {name: squad.last(task) for name, task in own.items()}
    said = {name: (end.outcome, end.error or end.answer) for name, end in ends.items()}
    outcome, repeated = said["talker"]
    assert outcome is Outcome.SUCCEEDED and "Say this" in str(repeated)
    assert said["silent"] == (Outcome.FAILED, "it says that it is done, but gave no answer")
    assert said["tidy"] == (Outcome.SUCCEEDED, "")
    assert said["missing"][0] is Outcome.FAILED and "no program no-such-agent on PATH" in str(said["missing"][1])
    assert "exit status 3, without saying" in str(said["broken"][1]) and "{half of an event" in str(said["broken"][1])
    assert "asked on the terminal, where nobody answers: Delete it? [y/N]" in str(said["asking"][1])


def test_a_question_blocks_the_task_and_its_answer_goes_on_with_the_session(agents):
    squad = agents()
    task = squad.add("mock: write begun.txt yes\nmock: ask Which colour?\nmock: run cat begun.txt\nmock: say Painted.")
    squad.beat()
    blocked = squad.mission.task(task)
    assert (blocked.status, blocked.reason, blocked.failures) == (Status.BLOCKED, "asks: Which colour?", 0)
    view = squad.mission.opened.views.task(task.id)
    assert [(comment.kind, comment.author, comment.body) for comment in view.thread] == [
        ("question", "mock", "Which colour?")
    ]
    squad.mission.board.answer(task.id, "Green", actor=PERSON)
    squad.beat()
    first, second = squad.mission.attempts(task)
    assert (second.outcome, second.answer, second.session) == (Outcome.SUCCEEDED, "Painted.", first.session)
    assert squad.log(task) == "yes\nPainted.\n"
    prompt = (squad.mission.folder.attempt(task.id, 2) / "prompt.md").read_text()
    assert "Green" in prompt and "A task" not in prompt  # what is new, alone


def test_another_agent_starts_a_session_of_its_own(agents):
    squad = agents()
    task = squad.add("mock: ask Who?\nmock: say Me.")
    squad.beat()
    squad.mission.opened.squad.add(NewAgent(name="bob", runner="mock"), actor=PERSON)
    squad.mission.board.edit(task.id, {"agents": ("bob",)}, actor=PERSON)
    squad.mission.board.answer(task.id, "You", actor=PERSON)
    squad.beat()
    first, second = squad.mission.attempts(task)
    assert first.session != second.session
    assert squad.mission.task(task).reason == "asks: Who?"


def test_a_session_that_cannot_be_gone_on_with_is_given_up_for_a_new_one(agents):
    """Its program forgot the session: whoever goes on fails, and whoever comes after that starts afresh."""
    squad = agents()
    task = squad.add("mock: ask First?\nmock: fail no such session")
    squad.beat()
    squad.mission.board.answer(task.id, "Yes", actor=PERSON)
    squad.beat()
    squad.mission.board.retry(task.id, actor=PERSON)
    squad.beat()
    first, second, third = squad.mission.attempts(task)
    assert first.session and second.session is None and second.error == "no such session"
    assert third.session not in (None, first.session)
    assert squad.mission.task(task).reason == "asks: First?"


def test_an_agent_that_must_be_ended_leaves_nothing_and_what_it_reported_is_kept(agents):
    squad = agents()
    script = "mock: tokens 10 20\nmock: run (setsid sleep 600 &)\nmock: progress Half\nmock: think 0.6\nmock: hang"
    late, cancelled, killed, orphaned = squad.add(script, timeout=3), *(squad.add(script) for _ in range(3))
    squad.beat(wait=False)
    for task in (late, cancelled, killed, orphaned):
        expect(partial(_is_hanging, squad, task))
    squad.mission.command("cancel", cancelled.name)
    os.kill(_driver(squad.mission, killed), signal.SIGKILL)
    executor = squad.last(orphaned).executor
    assert executor is not None
    os.kill(executor.pid, signal.SIGKILL)
    eventually(lambda: not process.is_alive(executor))
    squad.beat()
    ends = [squad.mission.ended(squad.last(task)) for task in (late, cancelled, killed, orphaned)]
    assert [end.outcome for end in ends] == [Outcome.TIMED_OUT, Outcome.CANCELLED, Outcome.FAILED, Outcome.LOST]
    assert ends[2].error == "ended by SIGKILL"
    assert [(end.tokens_in, end.tokens_out) for end in ends] == [(10, 20)] * 4
    eventually(lambda: not squad.mission.processes())


def _is_hanging(squad: Agents, task: Task) -> bool:
    return squad.mission.executing(task) is not None and "hanging" in squad.log(task)


def _driver(mission: RealMission, task: Task) -> int:
    marked = process.marked(f"MISSIONCTL_MARK={mission.home}:{task.name}/1")
    (found,) = (p.pid for p, _ in marked if b"MISSIONCTL_SETTINGS" in b" ".join(process._environment(p.pid)))
    return found


def test_an_agent_gets_a_home_of_its_own_its_vendors_key_and_no_settings(agents):
    show = "import os, json; print(json.dumps(dict(os.environ)))"
    squad = agents(
        own={"command": [*PYTHON, show], "pass_environment": ["OWN_KEY"], "environment": {"COLOUR": "red"}},
        other={"command": [*PYTHON, show]},
    )
    mine, others = squad.add(to="own"), squad.add(to="other")
    shell = squad.mission.add("env", to="ada")
    squad.beat(OWN_KEY="a secret of own")
    found = json.loads(squad.last(mine).answer or "")
    folder = squad.mission.folder.attempt(mine.id, 1)
    assert found["HOME"] == str(folder / "state") and found["COLOUR"] == "red"
    assert found["MISSIONCTL_ATTEMPT"] == f"{mine.name}/1" and "MISSIONCTL_SETTINGS" not in found
    assert found["OWN_KEY"] == "a secret of own"
    assert "a secret of own" not in squad.log(mine)  # not in what everybody may read
    assert "OWN_KEY" not in json.loads(squad.last(others).answer or "")
    assert b"OWN_KEY" not in squad.mission.output(shell)


def test_a_shell_reads_no_report(mission: RealMission):
    attempt = mission.run("""echo '{"answer": "I am an agent", "verdict": "asks", "question": "?"}' > ../report.json""")
    assert (attempt.outcome, attempt.answer) == (Outcome.SUCCEEDED, None)


def test_json_lines_are_read_by_the_fields_that_the_settings_name(agents):
    events = [
        {"session": {"id": "s-1"}},
        {"said": "Looking"},
        {"result": {"text": "Found"}, "usage": {"in": 11, "out": 12, "usd": 0.5}},
    ]
    script = "import sys; print(sys.argv[1]); print(open(sys.argv[2]).read())"
    squad = agents(
        own={
            "command": [*PYTHON, script, "\n".join(map(json.dumps, events)), "{prompt_file}"],
            "prompt": "file",
            "output": "json",
            "answer": "result.text",
            "session": "session.id",
            "progress": "said",
            "tokens_in": "usage.in",
            "tokens_out": "usage.out",
            "cost_usd": "usage.usd",
        }
    )
    task = squad.add("The prompt", to="own")
    squad.beat()
    end = squad.last(task)
    assert (end.outcome, end.answer, end.session) == (Outcome.SUCCEEDED, "Found", "s-1"), end
    assert (end.tokens_in, end.tokens_out, end.cost_usd) == (11, 12, 0.5)
    assert squad.log(task).startswith("Looking\nFound\n") and "The prompt" in squad.log(task)


def test_agents_are_not_driven_where_they_could_not_be_confined(make_mission):
    squad = Agents(make_mission(isolation="landlock"), {})
    task = squad.add()
    squad.beat()
    assert "cannot be driven under isolation landlock" in (squad.last(task).error or "")
