"""A heartbeat that attends to several agents."""

from __future__ import annotations

import json
from collections.abc import Callable

from mission_control.domain.attempt import Outcome
from support.eventually import eventually
from support.factories import PERSON
from support.real_mission import AT_THE_GATE, RealMission


def test_an_agent_who_leaves_meanwhile_does_not_end_the_heartbeat_of_the_others(
    make_mission: Callable[..., RealMission],
) -> None:
    mission = make_mission()
    long = mission.add(AT_THE_GATE, to="ada")
    short = mission.add("true", to="bob")
    heartbeat = mission.command.start("heartbeat", "--all", "--wait", "--json")
    eventually(lambda: all(attempt.outcome for attempt in mission.attempts(short)) and mission.executing(long))
    mission.opened.squad.remove("bob", actor=PERSON)
    mission.opened.ring()
    mission.open_gate()
    out, err = heartbeat.communicate(timeout=60)
    assert (heartbeat.returncode, err) == (0, "")
    assert {report["agent"]: report["result"] for report in json.loads(out)} == {"ada": "worked", "bob": "worked"}
    assert mission.attempt(long).outcome is Outcome.SUCCEEDED


def test_agents_claim_in_one_order_however_they_are_named(make_mission: Callable[..., RealMission]) -> None:
    """On Postgres two claims of several agents in different orders would wait for each other for ever."""
    mission = make_mission()
    of_ada, of_bob = mission.add("true", to="ada"), mission.add("true", to="bob")
    reports = mission.beat("bob", "ada")
    assert [report["agent"] for report in reports] == ["bob", "ada"]
    assert mission.attempt(of_ada).token < mission.attempt(of_bob).token
