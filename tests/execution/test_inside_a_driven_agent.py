"""An agent that thinks, from its prompt to its answer: asked and answered, reporting by the same key as its program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Status, Task
from mission_control.inbox import Need
from mission_control.squad import NewAgent
from support.factories import PERSON
from support.real_mission import RealMission


@pytest.fixture
def mission(make_mission: Callable[..., RealMission]) -> RealMission:
    mission = make_mission()
    mission.opened.squad.add(NewAgent(name="ada", role="writes", runner="mock"), actor=PERSON)
    return mission


def add(mission: RealMission, *steps: str, **fields: object) -> Task:
    description = "\n".join(f"mock: {step}" for step in steps)
    new = NewTask("Paint the shed", ("ada",), description=description, max_attempts=1, **fields)  # type: ignore[arg-type]  # fields of NewTask
    return mission.board.add(new, actor=PERSON)[0]


def prompt(mission: RealMission, task: Task, number: int) -> str:
    return (mission.folder.attempt(task.id, number) / "prompt.md").read_text()


def test_a_question_is_answered_and_the_next_prompt_holds_the_answer(mission: RealMission) -> None:
    task = add(mission, "progress Looking", "ask Which colour?", "say It is blue.")
    mission.beat()
    assert mission.task(task).status is Status.BLOCKED
    (call,) = mission.opened.inbox(PERSON, limit=9)
    assert (call.need, call.text) == (Need.QUESTION, "Which colour?")
    mission.command("task", "answer", task.name, "Blue, as the `sky`")
    mission.beat()
    assert mission.task(task).status is Status.DONE
    first, second = mission.attempts(task)
    assert (first.outcome, second.outcome, second.answer) == (Outcome.RELEASED, Outcome.SUCCEEDED, "It is blue.")
    assert "Paint the shed" in prompt(mission, task, 1)
    assert "Blue, as the `sky`" in prompt(mission, task, 2)
    assert "goes on where your session stopped" in prompt(mission, task, 2)


def test_a_question_asked_by_the_command_does_the_same_though_its_program_ends_as_if_done(
    mission: RealMission,
) -> None:
    ask = "run [ -e asked ] || { touch asked && missionctl ask 'Which colour?'; }"
    task = add(mission, "run missionctl progress 'Half of it' --percent 50", ask, "say Done.")
    mission.beat()
    blocked = mission.task(task)
    assert (blocked.status, blocked.reason) == (Status.BLOCKED, "ada asks: Which colour?")
    mission.command("task", "answer", task.name, "Blue")
    mission.beat()
    assert mission.task(task).status is Status.DONE
    first, second = mission.attempts(task)
    assert (first.outcome, first.progress, first.progress_percent) == (Outcome.RELEASED, "Half of it", 50)
    assert (second.outcome, second.answer) == (Outcome.SUCCEEDED, "Done.")
    assert "Which colour?" not in prompt(mission, task, 2), "it knows what it asked"
    assert "Blue" in prompt(mission, task, 2)


def test_what_came_out_before_and_what_is_remembered_stand_in_the_prompt(mission: RealMission, tmp_path: Path) -> None:
    first = add(mission, "run printf 'The key lies under the mat.' | missionctl remember -", "say There are 42 planks.")
    second = add(mission, "say Painted.", after=[first.id])
    mission.beat()
    assert mission.task(second).status is Status.DONE
    text = prompt(mission, second, 1)
    assert "result of T-1, done: Paint the shed\nThere are 42 planks." in text
    assert "The key lies under the mat." in text
    assert "mck_" not in text
    assert "mck_T" not in mission.output(second).decode()


def test_a_template_that_cannot_be_filled_fails_the_attempt_with_its_place(mission: RealMission) -> None:
    (mission.home / "templates").mkdir()
    (mission.home / "templates" / "prompt.md.j2").write_text("{{ nobody }}")
    task = add(mission, "say Never.")
    mission.beat()
    (attempt,) = mission.attempts(task)
    assert attempt.outcome is Outcome.FAILED
    assert "prompt.md.j2" in (attempt.error or "") and "'nobody' is undefined" in (attempt.error or "")
