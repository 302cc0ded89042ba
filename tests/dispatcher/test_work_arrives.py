"""Work starts when it arrives, not when somebody looks: the backstop of these missions is an hour away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from mission_control.domain.attempt import Attempt, Outcome
from mission_control.domain.task import Task
from mission_control.store import agents, attempts
from support.eventually import eventually, expect
from support.factories import PERSON
from support.real_mission import AT_THE_GATE, RealMission
from support.resident import Up

StartUp = Callable[..., Up]


def tried(mission: RealMission, task: Task) -> Attempt | None:
    """The last attempt, once it has ended."""
    found = mission.attempts(task)
    return found[-1] if found and not found[-1].is_live else None


def events_of(mission: RealMission, agent: str) -> list[str]:
    path = mission.folder.heartbeat_log(agent)
    return [line.split()[2] for line in path.read_text().splitlines()] if path.exists() else []


def test_a_task_that_is_added_by_the_command_starts(patient: RealMission, start_up: StartUp) -> None:
    patient.add("true")
    start_up(patient)
    added = patient.command("add", "By hand", "--to", "ada", "--command", "echo hello").out.strip()
    patient.command("task", "wait", added, "--timeout", "20s")
    assert patient.command("task", "logs", added).out == "hello\n"


def test_what_waited_before_the_start_starts(patient: RealMission, start_up: StartUp) -> None:
    tasks = [patient.add("true", to=name) for name in ("ada", "bob", "cyd")]
    start_up(patient)
    for task in tasks:
        assert expect(partial(tried, patient, task)).outcome is Outcome.SUCCEEDED


def test_a_successor_starts_when_its_predecessor_is_done(patient: RealMission, start_up: StartUp) -> None:
    first = patient.add("true", to="ada")
    then = patient.add("true", to="bob", after=[first.id])
    last = patient.add("true", to="ada", after=[then.id])
    start_up(patient)
    assert expect(partial(tried, patient, last)).outcome is Outcome.SUCCEEDED


def test_a_successor_starts_when_its_predecessor_is_approved_by_a_person(
    patient: RealMission, start_up: StartUp
) -> None:
    first = patient.add("true", review=True)
    then = patient.add("true", after=[first.id])
    start_up(patient)
    eventually(lambda: patient.task(first).status == "review")
    assert patient.attempts(then) == []
    patient.command("task", "approve", first.name)
    assert expect(partial(tried, patient, then)).outcome is Outcome.SUCCEEDED


def test_a_wait_that_is_over_starts_a_task(patient: RealMission, start_up: StartUp) -> None:
    soon = patient.opened.clock.now() + timedelta(seconds=1)
    later = patient.add("true", not_before=soon)
    start_up(patient)
    attempt = expect(partial(tried, patient, later))
    assert attempt.claimed_at >= soon


def test_a_backoff_that_is_over_starts_another_try(make_mission: Callable[..., RealMission], start_up: StartUp) -> None:
    mission = make_mission(poll_seconds=3600, backoff_base_seconds=0.5)
    task = mission.add('[ "$MISSIONCTL_ATTEMPT" = "T-1/2" ]', max_attempts=2)
    start_up(mission)
    eventually(lambda: mission.task(task).status == "done")
    first, second = mission.attempts(task)
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.SUCCEEDED)


def test_a_slot_that_becomes_free_is_filled(patient: RealMission, start_up: StartUp) -> None:
    """Many tasks through few slots: each end starts the next."""
    tasks = [patient.add("true") for _ in range(40)]
    start_up(patient)
    for task in tasks:
        eventually(partial(tried, patient, task))
    assert {patient.attempt(task).outcome for task in tasks} == {Outcome.SUCCEEDED}


def test_a_slot_is_filled_when_an_executor_ends_whom_nobody_attends(patient: RealMission, start_up: StartUp) -> None:
    patient.start(AT_THE_GATE, to="ada")  # by a heartbeat that has ended
    for _ in range(7):
        patient.start(AT_THE_GATE, to="ada")
    start_up(patient)
    ninth = patient.add("true", to="ada")
    patient.opened.ring()
    patient.open_gate()
    assert expect(partial(tried, patient, ninth)).outcome is Outcome.SUCCEEDED


def test_a_resumed_agent_starts_its_tasks(patient: RealMission, start_up: StartUp) -> None:
    task = patient.add("true")
    patient.opened.squad.pause("ada", actor=PERSON)
    start_up(patient)
    marker = patient.add("true", to="bob")
    patient.opened.ring()
    eventually(partial(tried, patient, marker))
    assert patient.attempts(task) == []
    patient.command("agent", "resume", "ada")
    assert expect(partial(tried, patient, task)).outcome is Outcome.SUCCEEDED


def test_nothing_starts_in_a_paused_mission_and_everything_when_it_goes_on(
    patient: RealMission, start_up: StartUp
) -> None:
    start_up(patient)
    patient.command("pause")
    task = patient.add("true")
    patient.opened.ring()
    assert patient.command("show", task.name, "--json").json["waiting_for"] == ["the mission is paused"]
    assert patient.command("status", "--json").json["agents"][0]["why"] == "the mission is paused"
    assert patient.command("ready", "--json").json == []
    (report,) = patient.beat()
    assert (report["result"], report["started"]) == ("paused", [])
    assert patient.attempts(task) == []
    patient.command("resume")
    assert expect(partial(tried, patient, task)).outcome is Outcome.SUCCEEDED


def test_a_machine_with_one_slot_is_shared_by_turns(
    make_mission: Callable[..., RealMission], start_up: StartUp
) -> None:
    mission = make_mission(poll_seconds=3600, machine_slots=1)
    for name in ("ada", "bob", "cyd"):
        for _ in range(4 if name == "ada" else 2):
            mission.add("true", to=name)
    start_up(mission)
    eventually(lambda: mission.command("status", "--json").json["tasks"]["done"] == 8)
    every = [attempt for task in range(1, 9) for attempt in attempts.of_task(mission.opened.store, task)]
    in_order = [attempt.agent for attempt in sorted(every, key=lambda attempt: attempt.token)]
    assert in_order == ["ada", "bob", "cyd", "ada", "bob", "cyd", "ada", "ada"]


def test_an_agent_that_lives_elsewhere_is_left_to_its_machine(patient: RealMission, start_up: StartUp) -> None:
    task = patient.add("true", to="ada")
    patient.opened.squad.edit("ada", {"host": "elsewhere"}, actor=PERSON)
    up = start_up(patient)
    marker = patient.add("true", to="bob")
    patient.opened.ring()
    eventually(partial(tried, patient, marker))
    assert patient.attempts(task) == []
    assert up.end() == 0
    start_up(patient, "--host", "elsewhere")
    attempt = expect(partial(tried, patient, task))
    assert (attempt.outcome, attempt.host) == (Outcome.SUCCEEDED, "elsewhere")


def test_a_heartbeat_that_is_due_is_given_logged_and_planned_anew(patient: RealMission, start_up: StartUp) -> None:
    patient.add("true", to="ada", not_before=patient.opened.clock.now() + timedelta(days=1))
    due_at = patient.opened.clock.now() + timedelta(seconds=1)
    agents.schedule_next(patient.opened.store, "ada", due_at)
    start_up(patient)

    def beaten():
        ada = agents.get(patient.opened.store, "ada")
        assert ada is not None
        return ada if ada.last_heartbeat_at else None

    ada = expect(beaten)
    assert ada.last_heartbeat_at is not None
    assert ada.next_heartbeat_at is not None
    assert due_at <= ada.last_heartbeat_at < ada.next_heartbeat_at
    eventually(lambda: events_of(patient, "ada") == ["heartbeat_ok"])
    assert patient.folder.heartbeat_log("ada").read_text().endswith("heartbeat_ok agent=ada waiting=1\n")


def test_heartbeats_that_were_missed_are_told_and_caught_up_once(patient: RealMission, start_up: StartUp) -> None:
    for name in ("ada", "bob"):
        patient.add("true", to=name, not_before=patient.opened.clock.now() + timedelta(days=1))
        patient.opened.squad.edit(name, {"schedule": "0 0 1 1 *"}, actor=PERSON)
        agents.schedule_next(patient.opened.store, name, patient.opened.clock.now() - timedelta(hours=9))
    start_up(patient)
    eventually(lambda: len(events_of(patient, "ada") + events_of(patient, "bob")) == 4)
    for name in ("ada", "bob"):
        assert events_of(patient, name) == ["heartbeat_missed", "heartbeat_ok"]
    missed = [event for event in patient.command("events", "--json").json if event["kind"] == "heartbeat_missed"]
    assert [event["agent"] for event in missed] == ["ada", "bob"]


@pytest.mark.parametrize("address", ["postgres"], indirect=True)
def test_the_same_on_postgres(address: str, make_mission: Callable[..., RealMission], start_up: StartUp) -> None:
    mission = make_mission(poll_seconds=3600, database=address)
    first = mission.add("true", to="ada")
    then = mission.add("true", to="bob", after=[first.id])
    start_up(mission)
    assert expect(partial(tried, mission, then)).outcome is Outcome.SUCCEEDED
    added = mission.add("exit 3")
    mission.opened.ring()
    assert expect(partial(tried, mission, added)).outcome is Outcome.FAILED
