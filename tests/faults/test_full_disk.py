"""The disk is full, for real: refusals are clear, nothing is lost, results are recorded when there is room again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mission_control.domain.attempt import Attempt, Outcome, ProcessIdentity
from mission_control.execution import process
from support.command import Command
from support.eventually import eventually
from support.real_mission import AT_THE_GATE, RealMission
from support.small_disk import SmallDisk

ADD = ("add", "a task", "--to", "ada", "--command", "true", "--json")


@pytest.fixture
def mission(small_disk: SmallDisk) -> Iterator[RealMission]:
    """On the small disk, with room for attempts that must be tried again."""
    mission = RealMission(small_disk.place / "mission", max_attempts=3)
    yield mission
    mission.close()


@pytest.fixture
def missionctl(small_disk: SmallDisk) -> Command:
    """A mission on the small disk that nobody else has open."""
    command = Command(small_disk.place / "mission")
    command("init", command.home)
    command("agent", "add", "ada")
    return command


def fill_to_the_brim(disk: SmallDisk, home: Path) -> None:
    """Also what SQLite would give back to itself by making its index anew."""
    (home / "mission.db-shm").unlink()
    disk.fill()


REFUSED = {
    "add": ADD,
    "add with a description": (*ADD, "--description", "x" * 50_000),
    "claim": ("heartbeat", "ada"),
    "cancel": ("cancel", "T-1"),
    "join": ("agent", "add", "bob"),
}


@pytest.mark.parametrize("fill", [lambda disk, _: disk.fill(), fill_to_the_brim], ids=["full", "to the brim"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_a_full_disk_refuses_ends_with_5_and_one_line_and_works_once_there_is_room(
    missionctl: Command, small_disk: SmallDisk, name: str, fill: Callable[[SmallDisk, Path], None]
) -> None:
    missionctl(*ADD)
    before = missionctl("ls", "--json").json
    fill(small_disk, missionctl.home)
    answer = missionctl(*REFUSED[name], expect=5)
    assert answer.out == ""
    assert answer.err.count("\n") == 1 and "is full. Make room and try again." in answer.err
    small_disk.make_room()
    assert missionctl("ls", "--json").json == before
    missionctl(*REFUSED[name])


def test_a_full_disk_is_still_looked_at(missionctl: Command, small_disk: SmallDisk) -> None:
    missionctl(*ADD)
    small_disk.fill()
    assert [task["id"] for task in missionctl("ls", "--json").json] == ["T-1"]
    findings = missionctl("doctor", "--json", expect=7).json
    assert "Make room" in json.dumps(findings)


def test_a_mission_that_found_no_room_can_be_made_once_there_is_some(small_disk: SmallDisk) -> None:
    command = Command(small_disk.place / "mission")
    small_disk.fill()
    assert command("init", command.home, expect=5).err.count("\n") == 1
    small_disk.make_room()
    command("init", command.home)
    assert command("ls", "--json").json == []


def executor_of(attempt: Attempt) -> ProcessIdentity:
    assert attempt.executor is not None
    return attempt.executor


def has_children(executor: ProcessIdentity) -> bool:
    """Until its runner and all of its tree have ended."""
    return bool(Path(f"/proc/{executor.pid}/task/{executor.pid}/children").read_text().split())


def test_an_outcome_is_recorded_once_a_full_disk_has_room_again(mission: RealMission, small_disk: SmallDisk) -> None:
    attempt = mission.start(f"{AT_THE_GATE} exit 3")
    executor = executor_of(attempt)
    small_disk.fill()
    mission.open_gate()
    eventually(lambda: not has_children(executor))
    assert mission.attempt(attempt).is_live
    assert process.is_alive(executor), "it gave up"
    small_disk.make_room()
    ended = mission.ended(attempt)
    assert (ended.outcome, ended.exit_code) == (Outcome.FAILED, 3)


def test_a_waiting_heartbeat_says_that_the_disk_is_full_and_all_its_outcomes_are_recorded_later(
    mission: RealMission, small_disk: SmallDisk, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    tasks = [mission.add(f"{AT_THE_GATE} echo $MISSIONCTL_TASK >> {done}", max_attempts=3) for _ in range(4)]
    heartbeat = mission.command.start("heartbeat", "ada", "--wait", "--json")
    eventually(lambda: all(mission.executing(task) for task in tasks))
    small_disk.fill()
    mission.open_gate()
    out, err = heartbeat.communicate(timeout=60)
    assert heartbeat.returncode == 5, out + err
    (report,) = json.loads(out)
    assert report["result"] == "error"
    small_disk.make_room()
    assert {mission.ended(mission.attempt(task)).outcome for task in tasks} == {Outcome.SUCCEEDED}
    mission.settle()
    assert sorted(done.read_text().split()) == [task.name for task in tasks], "something was lost or done again"


def test_an_executor_killed_on_a_full_disk_costs_its_attempt_and_the_task_is_tried_again(
    mission: RealMission, small_disk: SmallDisk
) -> None:
    """Without room there is no exit file, so what it knew dies with it; the task does not."""
    attempt = mission.start(f"[ $MISSIONCTL_ATTEMPT = T-1/2 ] || {{ {AT_THE_GATE} }}; exit 0", max_attempts=3)
    executor = executor_of(attempt)
    small_disk.fill()
    mission.open_gate()
    eventually(lambda: not has_children(executor))
    os.kill(executor.pid, 9)
    eventually(lambda: not process.is_alive(executor))
    small_disk.make_room()
    mission.settle()
    assert mission.attempt(attempt).outcome is Outcome.LOST
    assert mission.task(attempt).status == "done"


def test_a_task_whose_output_finds_no_room_goes_on_to_its_own_end(mission: RealMission, small_disk: SmallDisk) -> None:
    attempt = mission.start(f"{AT_THE_GATE} head -c 1000000 /dev/zero; exit 3")
    small_disk.fill()
    mission.open_gate()
    eventually(lambda: not has_children(executor_of(attempt)))
    small_disk.make_room()
    ended = mission.ended(attempt)
    assert (ended.outcome, ended.exit_code) == (Outcome.FAILED, 3)
    assert len(mission.output(attempt)) < 1_000_000
