"""What an attending process makes of executors that end at an awkward moment."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from typing import cast

import pytest

from mission_control.domain.attempt import Attempt, Outcome
from mission_control.execution import process
from mission_control.execution.attendance import Attendance, claim_nothing
from mission_control.execution.execution import Execution
from mission_control.execution.launchers.local import LocalLauncher
from mission_control.execution.recorder import GO_ON
from mission_control.store import attempts
from support.eventually import expect
from support.real_mission import RealMission


class OtherEnds:
    """A launcher that starts nothing: the executors' ends of the channels are in our hands."""

    def __init__(self) -> None:
        self.channels: list[socket.socket] = []

    def launch(self, execution: Execution) -> socket.socket:
        ours, theirs = socket.socketpair()
        self.channels.append(theirs)
        return ours

    def close(self) -> None:
        for channel in self.channels:
            channel.close()


@pytest.fixture
def launcher() -> OtherEnds:
    return OtherEnds()


@pytest.fixture
def attendance(mission: RealMission, launcher: OtherEnds) -> Iterator[Attendance]:
    """Attends one executor of `T-1`, which has said nothing yet."""
    attendance = Attendance(mission.board, cast("LocalLauncher", launcher), lease_seconds=60)
    mission.add("true", max_attempts=5)
    attendance.turn(0, lambda free: mission.board.claim("ada", claimer=process.own_identity(), executors=free))
    yield attendance
    attendance.close()


@pytest.fixture
def session_leader() -> Iterator[int]:
    """The pid of somebody who leads a session, as executors do."""
    running = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    expect(lambda: process.session_leader(running.pid))
    yield running.pid
    running.kill()
    running.wait()


@pytest.fixture
def gone() -> int:
    """The pid of somebody who has ended."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid


def ask_to_start(channel: socket.socket, pid: int) -> None:
    channel.sendall(json.dumps({"say": "start", "token": 1, "pid": pid}).encode() + b"\n")


def only_attempt(mission: RealMission) -> Attempt:
    found = attempts.get(mission.opened.store, 1, 1)
    assert found is not None
    return found


def test_whoever_got_the_pid_of_an_executor_that_ended_is_not_taken_for_it(
    mission: RealMission, attendance: Attendance, launcher: OtherEnds, session_leader: int
) -> None:
    ask_to_start(launcher.channels[0], session_leader)
    launcher.channels[0].close()
    attendance.turn(0, claim_nothing)
    assert only_attempt(mission).executor is None
    assert only_attempt(mission).outcome is Outcome.LOST


def test_an_executor_that_lives_is_registered_and_answered(
    mission: RealMission, attendance: Attendance, launcher: OtherEnds, session_leader: int
) -> None:
    ask_to_start(launcher.channels[0], session_leader)
    attendance.turn(0, claim_nothing)
    assert only_attempt(mission).executor == process.identity(session_leader)
    assert launcher.channels[0].recv(100) == GO_ON + b"\n"


def test_the_end_of_an_executor_that_ended_while_it_asked_survives_a_power_cut(
    mission: RealMission, attendance: Attendance, launcher: OtherEnds, gone: int
) -> None:
    relaxed: list[str] = []

    def note(sql: str) -> bool:
        if "synchronous = NORMAL" in sql:
            relaxed.append(sql)
        return True

    mission.opened.store._connection._apsw.set_exec_trace(  # type: ignore[attr-defined]  # this mission is on SQLite
        lambda _cursor, sql, _bindings: note(sql)
    )
    ask_to_start(launcher.channels[0], gone)
    attendance.turn(0, claim_nothing)
    assert only_attempt(mission).outcome is Outcome.LOST
    assert relaxed == []
