"""Whatever dies, stops or is held while the resident process runs: nothing is lost, nothing runs twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from itertools import count

import apsw
import pytest

from mission_control.domain.attempt import Attempt, Outcome
from mission_control.domain.task import Task
from mission_control.execution import process
from support.database import ask
from support.eventually import eventually, expect
from support.real_mission import AT_THE_GATE, RealMission
from support.resident import Up
from support.testimony import check_testimony, witness

StartUp = Callable[..., Up]


def executing(mission: RealMission, tasks: list[Task]) -> list[Attempt]:
    return [expect(partial(mission.executing, task)) for task in tasks]


def done(mission: RealMission, task: Task) -> bool:
    return mission.task(task).status == "done"


def dispatcher_log(mission: RealMission) -> str:
    path = mission.folder.dispatcher_log
    return path.read_text() if path.exists() else ""


def kill(attempt: Attempt) -> None:
    assert attempt.executor is not None
    os.kill(attempt.executor.pid, signal.SIGKILL)


def test_kill_9_and_a_restart_lose_nothing_run_nothing_again_and_all_live_attempts_are_shown(
    mission: RealMission, start_up: StartUp
) -> None:
    tasks = [mission.add(f"{AT_THE_GATE} {witness()}", to=f"agent{number % 4}") for number in range(24)]
    first = start_up(mission)
    executing(mission, tasks)
    first.kill()
    assert mission.command("status", "--json").json["machines"][0]["dispatcher"] is None
    second = start_up(mission)
    status = mission.command("status", "--json").json
    assert status["machines"][0]["dispatcher"]["pid"] == second.pid
    assert {live["why"] for live in status["live"]} == {"executing"}
    assert len(status["live"]) == 24
    mission.open_gate()
    for task in tasks:
        eventually(partial(done, mission, task))
        assert mission.attempt(task).outcome is Outcome.SUCCEEDED
    check_testimony(mission)


def test_executors_that_end_while_nobody_is_up_are_counted_by_the_next(mission: RealMission, start_up: StartUp) -> None:
    first = mission.add(f"{AT_THE_GATE} {witness()}")
    then = mission.add(witness(), after=[first.id])
    up = start_up(mission)
    executing(mission, [first])
    up.kill()
    mission.open_gate()
    eventually(partial(done, mission, first))
    start_up(mission)
    eventually(partial(done, mission, then))
    check_testimony(mission)


@pytest.mark.parametrize("is_adopted", [False, True], ids=["attended", "adopted"])
def test_an_executor_that_is_killed_is_noticed_its_tree_ended_and_its_task_tried_again(
    mission: RealMission, start_up: StartUp, is_adopted: bool
) -> None:
    task = mission.add(f"(setsid sleep 1000 &); {AT_THE_GATE} {witness()}", max_attempts=2)
    other = mission.add(f"{AT_THE_GATE} {witness()}", to="bob")
    up = start_up(mission)
    attempt, _ = executing(mission, [task, other])
    if is_adopted:
        up.kill()
        start_up(mission)
    kill(attempt)
    eventually(lambda: len(mission.attempts(task)) == 2)
    mission.open_gate()
    for each in (task, other):
        eventually(partial(done, mission, each))
    assert [tried.outcome for tried in mission.attempts(task)] == [Outcome.LOST, Outcome.SUCCEEDED]
    assert mission.attempt(other).outcome is Outcome.SUCCEEDED
    check_testimony(mission)


def test_a_dead_executor_whose_children_resist_keeps_nobody_else_waiting(
    make_mission: Callable[..., RealMission], start_up: StartUp
) -> None:
    mission = make_mission(grace_seconds=4, poll_seconds=0.2)
    stubborn = "trap '' TERM; touch $MISSIONCTL_HOME/trapped; while :; do sleep 0.01; done"
    task = mission.add(stubborn)
    start_up(mission)
    (attempt,) = executing(mission, [task])
    eventually((mission.home / "trapped").exists)
    kill(attempt)
    added = mission.add("true", to="bob")
    mission.opened.ring()
    eventually(partial(done, mission, added))
    assert mission.attempt(attempt).is_live, "its children were ended before bob's task had its turn"
    assert mission.ended(attempt).outcome is Outcome.LOST


def test_a_launcher_that_is_killed_is_replaced_and_what_runs_goes_on(mission: RealMission, start_up: StartUp) -> None:
    before = mission.add(f"{AT_THE_GATE} {witness()}")
    up = start_up(mission)
    executing(mission, [before])
    for _ in range(3):
        launcher = expect(up.launcher)
        os.kill(launcher, signal.SIGKILL)
        after = mission.add(witness(), to="bob", max_attempts=2)
        mission.opened.ring()
        eventually(partial(done, mission, after))
        assert up.launcher() != launcher
    mission.open_gate()
    eventually(partial(done, mission, before))
    assert mission.attempt(before).outcome is Outcome.SUCCEEDED
    assert "launcher_lost" in dispatcher_log(mission)
    check_testimony(mission)


def test_a_dispatcher_that_was_stopped_does_no_harm_when_it_goes_on(mission: RealMission, start_up: StartUp) -> None:
    tasks = [mission.add(f"{AT_THE_GATE} {witness()}") for _ in range(4)]
    up = start_up(mission)
    executing(mission, tasks)
    up.send(signal.SIGSTOP)
    waiting = mission.add(witness(), to="bob")
    assert mission.beat("bob")[0]["started"][0]["outcome"] == "succeeded"  # cron goes on without it
    mission.open_gate()
    up.send(signal.SIGCONT)
    for task in (*tasks, waiting):
        eventually(partial(done, mission, task))
        assert mission.attempt(task).outcome is Outcome.SUCCEEDED
    check_testimony(mission)


def test_heartbeats_beside_it_never_double_anything(mission: RealMission, start_up: StartUp) -> None:
    start_up(mission)
    tasks = []
    for number in range(5):
        tasks += [mission.add(witness(), to=name) for name in ("ada", "bob", "cyd")]
        if number % 2:
            mission.opened.ring()
        mission.beat(wait=bool(number % 3))
    for task in tasks:
        eventually(partial(done, mission, task))
        assert mission.attempt(task).outcome is Outcome.SUCCEEDED
    check_testimony(mission)


def test_a_database_that_another_holds_is_waited_for(mission: RealMission, start_up: StartUp) -> None:
    before = mission.add(f"{AT_THE_GATE} {witness()}")
    up = start_up(mission)
    executing(mission, [before])
    added = mission.add(witness(), to="bob")
    holder = apsw.Connection(str(mission.folder.database))
    holder.execute("BEGIN IMMEDIATE")
    mission.opened.ring()
    mission.open_gate()
    eventually(lambda: mission.exit_file(mission.attempt(before)))
    assert mission.attempts(added) == []
    holder.execute("ROLLBACK")
    holder.close()
    for task in (before, added):
        eventually(partial(done, mission, task))
        assert mission.attempt(task).outcome is Outcome.SUCCEEDED
    assert up.is_running
    check_testimony(mission)


@pytest.mark.slow
def test_a_database_that_is_held_longer_than_anybody_waits_is_told_once_and_outlived(
    mission: RealMission, start_up: StartUp
) -> None:
    up = start_up(mission)
    added = mission.add(witness())
    holder = apsw.Connection(str(mission.folder.database))
    holder.execute("BEGIN IMMEDIATE")
    mission.opened.ring()
    eventually(lambda: "dispatcher_failed" in dispatcher_log(mission), within=60)
    holder.execute("ROLLBACK")
    holder.close()
    eventually(partial(done, mission, added), within=60)
    eventually(lambda: "dispatcher_goes_on" in dispatcher_log(mission), within=60)
    assert dispatcher_log(mission).count("dispatcher_failed doing=dispatch") == 1
    assert up.is_running
    check_testimony(mission)


def test_a_database_that_is_away_for_a_while_is_waited_for(mission: RealMission, start_up: StartUp) -> None:
    up = start_up(mission)
    first = mission.add("true")
    mission.opened.ring()
    eventually(partial(done, mission, first))
    aside = mission.home / "aside"
    aside.mkdir()
    parts = [path for path in mission.home.iterdir() if path.name.startswith("mission.db")]
    for part in parts:
        part.rename(aside / part.name)
    eventually(lambda: "dispatcher_failed" in dispatcher_log(mission))
    assert not mission.folder.database.exists(), "a new database was made"
    for part in parts:
        (aside / part.name).rename(part)
    eventually(lambda: "dispatcher_goes_on doing=dispatch" in dispatcher_log(mission))
    assert up.is_running
    added = mission.command("add", "After", "--to", "ada", "--command", "true").out.strip()
    mission.command("task", "wait", added, "--timeout", "20s")


@pytest.mark.parametrize("address", ["postgres"], indirect=True)
def test_a_server_that_drops_the_connection_is_asked_again(
    address: str, make_mission: Callable[..., RealMission], start_up: StartUp
) -> None:
    mission = make_mission(database=address)
    before = mission.add(f"{AT_THE_GATE} {witness()}")
    up = start_up(mission)
    executing(mission, [before])
    everybody_else = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert ask(mission.opened.store, everybody_else)
    added = mission.add(witness(), to="bob")
    mission.opened.ring()
    mission.open_gate()
    for task in (before, added):
        eventually(partial(done, mission, task))
    assert up.is_running
    check_testimony(mission)


def test_claims_that_no_executor_ever_started_are_given_back(mission: RealMission, start_up: StartUp) -> None:
    """As when the launcher process is stopped: its claimer lives, so recovery alone would wait for ever."""
    up = start_up(mission)
    os.kill(expect(up.launcher), signal.SIGSTOP)
    task = mission.add(witness())
    mission.opened.ring()
    attempt = expect(lambda: mission.attempts(task) or None)[0]
    assert mission.ended(attempt, within=40).outcome is Outcome.RELEASED
    eventually(partial(done, mission, task), within=40)
    check_testimony(mission)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_tasks_come_to_their_end_whatever_is_killed_again_and_again(mission: RealMission, start_up: StartUp) -> None:
    tasks = [
        mission.add(witness(seconds=0.02), to=name, max_attempts=8) for name in ("ada", "bob", "cyd") for _ in range(40)
    ]
    victims = count()
    up = start_up(mission)

    def is_over() -> bool:
        nonlocal up
        match next(victims) % 3:
            case 0:
                up.kill()
                up = start_up(mission)
            case 1 if launcher := up.launcher():
                os.kill(launcher, signal.SIGKILL)
            case 2:
                for attempt in mission.board.live()[:1]:
                    if attempt.executor is not None and process.is_alive(attempt.executor):
                        kill(attempt)
        return all(mission.task(task).status in ("done", "blocked") for task in tasks)

    eventually(is_over, within=240)
    assert next(victims) > 5
    check_testimony(mission)
