"""Up, down, drain, stop, cancel: what people say to the resident process and to what runs under it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mission_control.domain.attempt import Attempt, Outcome
from mission_control.domain.task import Task
from mission_control.execution import process
from support.command import COMMAND
from support.eventually import eventually, expect
from support.real_mission import AT_THE_GATE, RealMission
from support.resident import Up
from support.testimony import check_testimony, witness

StartUp = Callable[..., Up]
needs_proc = pytest.mark.skipif(not process.HAS_PROC, reason="it is seen in /proc")
STUBBORN = "trap '' TERM; touch $MISSIONCTL_HOME/trapped; (setsid sh -c \"trap '' TERM; sleep 1000\" &); sleep 1000"


def executing(mission: RealMission, tasks: list[Task]) -> list[Attempt]:
    return [expect(partial(mission.executing, task)) for task in tasks]


def is_done(mission: RealMission, task: Task) -> bool:
    return mission.task(task).status == "done"


def test_a_second_one_is_refused_and_told_who_is_there(mission: RealMission, start_up: StartUp) -> None:
    up = start_up(mission, "--host", "mini")
    for words in ((), ("--detach",)):
        refused = mission.command("up", *words, expect=4)
        assert refused.out == ""
        assert f"pid {up.pid} on mini, since 2" in refused.err
        assert refused.err.count("\n") == 1
    assert up.end() == 0
    start_up(mission)


def test_looking_who_is_there_keeps_nobody_from_starting(mission: RealMission, start_up: StartUp) -> None:
    """A look takes the lock for a moment; a start waits it out."""
    for _ in range(5):
        looks = [mission.command.start("status", "--json") for _ in range(3)]
        assert start_up(mission).end() == 0
        for look in looks:
            look.communicate()


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_good_order_and_what_runs_goes_on(
    mission: RealMission, start_up: StartUp, number: signal.Signals
) -> None:
    task = mission.add(f"{AT_THE_GATE} {witness()}")
    up = start_up(mission)
    (attempt,) = executing(mission, [task])
    launcher = up.launcher()
    up.send(number)
    assert up.end() == 0
    assert not os.path.exists(f"/proc/{launcher}")
    assert mission.attempt(attempt).is_live
    assert list((mission.home / "run").iterdir()) == [mission.folder.seat]
    mission.open_gate()
    assert mission.ended(attempt).outcome is Outcome.SUCCEEDED
    check_testimony(mission)


def test_a_hangup_that_its_starter_ignores_does_not_end_it(mission: RealMission) -> None:
    """As nohup does."""
    with subprocess.Popen(
        ["/bin/sh", "-c", f"trap '' HUP; exec {COMMAND} up"],
        cwd=mission.home,
        env=mission.command._environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as up:
        assert up.stdout is not None
        assert up.stdout.readline().strip() == str(up.pid)
        up.send_signal(signal.SIGHUP)
        task = mission.add("true")
        mission.opened.ring()
        eventually(partial(is_done, mission, task))
        mission.command("down")
        assert up.wait(timeout=30) == 0


def test_what_it_did_is_told_among_the_logs_of_all(mission: RealMission, start_up: StartUp) -> None:
    tasks = [mission.add("true") for _ in range(12)]
    up = start_up(mission)
    for task in tasks:
        eventually(partial(is_done, mission, task))
    assert up.end() == 0
    events = [line["event"] for line in mission.command("logs", "-n", "1000", "--json").json]
    assert events.count("attempt_claimed") == 12
    assert (events[0], events[-1]) == ("dispatcher_started", "dispatcher_stopped")
    assert 1 <= events.count("heartbeat_worked") <= 12  # one for each time that work woke ada


def test_down_ends_it_and_leaves_what_runs(mission: RealMission, start_up: StartUp) -> None:
    task = mission.add(AT_THE_GATE)
    up = start_up(mission)
    (attempt,) = executing(mission, [task])
    said = mission.command("down", "--json").json
    assert said["ended_process"]["pid"] == up.pid
    assert ([live["id"] for live in said["live"]], said["ended"]) == ([attempt.name], [])
    assert not up.is_running
    assert mission.command("down", "--json").json["ended_process"] is None
    mission.open_gate()
    mission.ended(attempt)


def test_down_drain_waits_for_what_runs_and_starts_nothing_more(mission: RealMission, start_up: StartUp) -> None:
    running = mission.add(f"{AT_THE_GATE} {witness()}")
    up = start_up(mission)
    (attempt,) = executing(mission, [running])
    late = mission.command("down", "--drain", "--timeout", "100ms", expect=124)
    assert attempt.name in late.err
    assert not up.is_running
    waiting = mission.add(witness())
    down = mission.command.start("down", "--drain")
    mission.open_gate()
    down.communicate(timeout=60)
    assert down.returncode == 0
    assert mission.attempt(attempt).outcome is Outcome.SUCCEEDED
    assert mission.attempts(waiting) == []


def test_down_drain_finds_out_about_executors_that_die(mission: RealMission, start_up: StartUp) -> None:
    task = mission.add(AT_THE_GATE)
    start_up(mission)
    (attempt,) = executing(mission, [task])
    mission.command("down")
    down = mission.command.start("down", "--drain")
    assert attempt.executor is not None
    os.kill(attempt.executor.pid, signal.SIGKILL)
    down.communicate(timeout=60)
    assert down.returncode == 0
    assert mission.attempt(attempt).outcome is Outcome.LOST


def test_down_stop_gives_tasks_back_unharmed(mission: RealMission, start_up: StartUp) -> None:
    tasks = [mission.add(f"{AT_THE_GATE} {witness()}") for _ in range(3)]
    stubborn = mission.add(STUBBORN, to="bob")
    start_up(mission)
    executing(mission, [*tasks, stubborn])
    eventually((mission.home / "trapped").exists)
    said = mission.command("down", "--stop", "--json").json
    assert said["live"] == []
    assert {ended["outcome"] for ended in said["ended"]} == {"released"}
    for task in (*tasks, stubborn):
        now = mission.task(task)
        assert (now.status, now.failures, now.retry_at) == ("inbox", 0, None)
    assert mission.processes() == []
    mission.command("cancel", stubborn.name)
    mission.open_gate()
    start_up(mission)
    for task in tasks:
        eventually(partial(is_done, mission, task))
        assert [attempt.outcome for attempt in mission.attempts(task)] == [Outcome.RELEASED, Outcome.SUCCEEDED]
    check_testimony(mission)


def test_down_reaches_one_that_was_stopped(mission: RealMission, start_up: StartUp) -> None:
    up = start_up(mission)
    up.send(signal.SIGSTOP)
    mission.command("down")
    assert up.ended() == 0


@pytest.mark.parametrize("is_adopted", [False, True], ids=["attended", "adopted"])
def test_cancelling_ends_the_tree_of_a_running_task_that_resists(
    mission: RealMission, start_up: StartUp, is_adopted: bool
) -> None:
    """`task cancel` itself waits for the grace and two seconds, and says so when that was not enough."""
    task = mission.add(STUBBORN)
    after = mission.add("true", to="bob", after=[task.id])
    up = start_up(mission)
    (attempt,) = executing(mission, [task])
    eventually((mission.home / "trapped").exists)
    if is_adopted:
        up.kill()
        start_up(mission)
    said = mission.command("task", "cancel", task.name, "--json")
    assert said.err == ""
    assert said.json["status"] == "cancelled"
    assert mission.attempt(attempt).outcome is Outcome.CANCELLED
    # The executor itself may wait for its next attempt; nothing that it started lives.
    assert process.leftovers({attempt.name: None}, f"MISSIONCTL_MARK={mission.home}:", {}) == {}
    assert mission.attempts(after) == []


def test_pausing_an_agent_can_wait_for_what_it_has_in_work(mission: RealMission, start_up: StartUp) -> None:
    task = mission.add(AT_THE_GATE)
    start_up(mission)
    (attempt,) = executing(mission, [task])
    late = mission.command("agent", "pause", "ada", "--drain", "--timeout", "100ms", expect=124)
    assert attempt.name in late.err
    pausing = mission.command.start("agent", "pause", "ada", "--drain")
    waiting = mission.add("true")
    mission.open_gate()
    pausing.communicate(timeout=60)
    assert pausing.returncode == 0
    assert mission.attempt(attempt).outcome is Outcome.SUCCEEDED
    assert mission.attempts(waiting) == []


def test_detached_it_has_a_session_of_its_own_and_holds_nothing_of_its_starter(mission: RealMission) -> None:
    said = mission.command("up", "--detach", "--host", "mini", "--json").json  # the pipes end, or this would not
    try:
        entry = process.table()[said["pid"]]
        assert (said["host"], said["detached"], entry.session) == ("mini", True, entry.pid)
        assert not entry.is_zombie
        assert mission.command("status", "--json").json["machines"][0]["name"] == "mini"
    finally:
        mission.command("down")
    eventually(lambda: said["pid"] not in process.table())


def test_what_keeps_it_from_starting_in_the_background_is_told(mission: RealMission) -> None:
    mission.folder.doorbells.rmdir()
    mission.folder.doorbells.touch()
    for words in ((), ("--detach",)):
        refused = mission.command("up", *words, expect=5)
        assert str(mission.folder.doorbells) in refused.err
    mission.folder.doorbells.unlink()


@needs_proc
def test_one_that_has_nothing_to_do_writes_nothing(mission: RealMission, start_up: StartUp) -> None:
    """Turns without news leave no line in any log and no change in the database."""
    first = mission.add("true", review=True)
    mission.add("true", after=[first.id])
    up = start_up(mission)
    eventually(lambda: mission.task(first).status == "review" and "attempt_succeeded" in mission.executor_log())
    before = contents(mission)
    naps = naps_of(up.pid)
    eventually(lambda: naps_of(up.pid) > naps + 10)
    assert contents(mission) == before


def contents(mission: RealMission) -> dict[Path, bytes]:
    written = [*mission.home.glob("logs/*"), mission.folder.database, mission.home / "mission.db-wal"]
    return {path: path.read_bytes() for path in written}


def naps_of(pid: int) -> int:
    """How often it has gone to sleep, which is once a turn at least."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("voluntary")]
    return int(line.split()[1])


def test_stopped_and_started_again_and_again_every_task_succeeds_once(mission: RealMission, start_up: StartUp) -> None:
    tasks = [mission.add(witness(seconds=0.05), to=name) for name in ("ada", "bob") for _ in range(6)]
    for _ in range(3):
        start_up(mission)
        mission.command("down", "--stop")
    start_up(mission)
    for task in tasks:
        eventually(partial(is_done, mission, task))
    check_testimony(mission)
