"""Routines are kept by whoever is awake: the resident process to the second, heartbeats, and both at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from mission_control.domain.routine import Routine
from mission_control.routines import NewRoutine
from mission_control.squad import NewAgent
from mission_control.store import routines as stored
from mission_control.store.routines import Made
from support.database import ask
from support.eventually import eventually
from support.factories import PERSON
from support.real_mission import RealMission
from support.resident import Up


def add_routine(mission: RealMission) -> Routine:
    mission.opened.squad.add(NewAgent(name="ada", slots=8), actor=PERSON)
    new = NewRoutine("Every minute", "* * * * *", ("ada",), command="true")
    return mission.opened.routines.add(new, actor=PERSON)


def plan(mission: RealMission, at: datetime) -> None:
    """Let the slot of R-1 come at this time, as if its schedule had seconds."""
    ask(mission.opened.store, f"UPDATE routine SET next_at = '{at.isoformat(timespec='microseconds')[:26]}Z'")


def made(mission: RealMission) -> list[Made]:
    return stored.made(mission.opened.store, 1, limit=100)


def test_the_resident_process_wakes_for_a_slot_and_executes_its_task(
    patient: RealMission, start_up: Callable[..., Up]
) -> None:
    """It looks by itself only once an hour, so it was the slot that woke it."""
    add_routine(patient)
    plan(patient, datetime.now(UTC) + timedelta(seconds=3))
    start_up(patient)
    assert made(patient) == []
    eventually(lambda: [task.status for task in made(patient)][:1] == ["done"])


def test_a_routine_that_is_added_is_known_to_the_resident_process_at_once(
    patient: RealMission, start_up: Callable[..., Up]
) -> None:
    start_up(patient)
    patient.opened.squad.add(NewAgent(name="ada"), actor=PERSON)
    patient.command("routine", "add", "By hand", "--every", "0 3 1 1 *", "--to", "ada", "--command", "true")
    task = patient.command("routine", "run", "R-1").out.strip()
    eventually(lambda: patient.command("show", task, "--json").json["status"] == "done")


def test_heartbeats_and_the_resident_process_at_once_make_one_task(
    mission: RealMission, start_up: Callable[..., Up]
) -> None:
    add_routine(mission)
    start_up(mission)
    slot_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    beats = [threading.Thread(target=mission.beat, kwargs={"wait": False}) for _ in range(4)]
    plan(mission, slot_at)
    for beat in beats:
        beat.start()
    for beat in beats:
        beat.join()
    eventually(lambda: slot_at in [task.slot_at for task in made(mission)])
    assert [task.slot_at for task in made(mission)].count(slot_at) == 1


def test_a_heartbeat_alone_makes_the_task_and_executes_it(mission: RealMission) -> None:
    add_routine(mission)
    plan(mission, datetime.now(UTC) - timedelta(minutes=1))
    (report,) = mission.beat()
    assert [attempt["outcome"] for attempt in report["started"]] == ["succeeded"]
    assert len(made(mission)) == 1
