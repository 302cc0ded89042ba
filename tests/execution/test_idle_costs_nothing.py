"""Looking for work costs no tokens: a model is asked only when there is something to do, no oftener than it takes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

from mission_control.execution.runners import RUNNERS
from mission_control.squad import NewAgent
from support.factories import PERSON
from support.real_mission import RealMission
from support.scripted_model import scripted_model

SQUAD = 50


def test_fifty_idle_agents_ask_no_model_and_one_task_asks_it_exactly_as_often_as_it_needs(
    make_mission: Callable[..., RealMission],
) -> None:
    with scripted_model() as model:
        mission = make_mission()
        thinking = [runner.name for runner in RUNNERS.values() if runner.thinks]
        for number, runner in zip(range(SQUAD - 1), cycle(thinking), strict=False):
            mission.opened.squad.add(NewAgent(name=f"agent_{number}", runner=runner), actor=PERSON)
        mission.opened.squad.add(NewAgent(name="ada", runner="openai", model="scripted-1"), actor=PERSON)
        addresses = {"ANTHROPIC_BASE_URL": model.url, "GOOGLE_GEMINI_BASE_URL": model.url}
        keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), "a-key-of-tests")
        endpoint: Any = {"OPENAI_BASE_URL": f"{model.url}/v1", **addresses, **keys}

        beats = mission.beat(**endpoint)
        assert [beat["result"] for beat in beats] == ["ok"] * SQUAD
        assert model.calls == []

        script = "[[shell echo 1 > one]] [[shell cat one]] [[say Done.]]"
        mission.add("its command is for the agent to see", to="ada", description=script)
        beats = mission.beat(**endpoint)
        assert sorted(beat["result"] for beat in beats) == ["ok"] * (SQUAD - 1) + ["worked"]
        assert model.calls == ["/v1/chat/completions"] * 3  # two tools and the answer

        mission.beat(**endpoint)
        assert len(model.calls) == 3
