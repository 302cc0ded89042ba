"""`missionctl runner`: what drives agents, whether it is there, and whether it works."""

from __future__ import annotations

import json

from mission_control.execution.runners import RUNNERS
from support.command import Command


def test_the_runners_of_the_settings_stand_beside_ours(missionctl: Command) -> None:
    own = {"mine": {"command": ["cat"]}, "gone": {"command": ["no-such-agent"]}}
    settings = json.dumps(own)
    found = {
        runner["name"]: runner for runner in missionctl("runner", "list", "--json", MISSIONCTL_RUNNERS=settings).json
    }
    assert list(found) == [*RUNNERS, "mine", "gone"]
    assert found["mine"]["found"] and not found["gone"]["found"]
    missionctl("agent", "add", "ada", "--runner", "mine", MISSIONCTL_RUNNERS=settings)
    assert missionctl("runner", "show", "mine", "--json", MISSIONCTL_RUNNERS=settings).json["agents"] == ["ada"]


def test_what_a_service_does_needs_no_program(missionctl: Command) -> None:
    settings = json.dumps({"openclaw": {"url": "http://127.0.0.1:9", "program": "no-such-program"}})
    shown = missionctl("runner", "show", "openclaw", "--json", MISSIONCTL_RUNNERS=settings).json
    assert (shown["found"], shown["program"]) == (True, None)


def test_a_trial_ends_at_the_first_thing_that_does_not_work_and_with_1(missionctl: Command) -> None:
    own = {
        "gone": {"command": ["no-such-agent"]},
        "slow": {"command": ["sleep", "600"]},
        "wrong": {"command": ["sh", "-c", "echo Invalid API key >&2; exit 1"]},
        "right": {"command": ["cat"]},
    }
    tried = {
        name: missionctl(
            *("runner", "test", name, "--timeout", "2", "--json"),
            expect=0 if name == "right" else 1,
            MISSIONCTL_RUNNERS=json.dumps(own),
        ).json
        for name in own
    }
    last = {name: trial["steps"][-1] for name, trial in tried.items()}
    assert last["gone"] == {"step": "found", "ok": False, "text": "there is no no-such-agent on PATH"}
    assert last["slow"] == {"step": "turn", "ok": False, "text": "no answer within 2 s"}
    assert "is not signed in: Invalid API key" in last["wrong"]["text"]
    assert last["right"]["ok"] and "This is a test of your connection" in last["right"]["text"]
    assert [trial["ok"] for trial in tried.values()] == [False, False, False, True]
    assert not list((missionctl.home / "runs").iterdir())
