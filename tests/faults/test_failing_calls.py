"""System calls of the real command fail, or are its last: one clear line, the right exit code, nothing lost.

test_crash_points.py enumerates the calls of SQLite in one process; here whole processes meet a few of them.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Status
from support import strace
from support.command import Answer
from support.database import ask
from support.invariants import check_board
from support.real_mission import RealMission
from support.strace import Injection
from support.testimony import check_testimony, witness

MOST_CALLS = 200  # far more than there are
ADD = ("add", "a task", "--to", "ada", "--command", "true", "--key", "k")


@pytest.fixture
def squad(mission: RealMission) -> RealMission:
    """A mission with an agent and one finished task."""
    mission.add("true")
    mission.settle()
    return mission


def added(mission: RealMission) -> int:
    """How many tasks stand beside the finished one. Asserts that the board is sound."""
    check_board(mission.opened.store)
    (row,) = ask(mission.opened.store, "SELECT count(*) - 1 AS added FROM task")
    return int(row["added"])


def forget(mission: RealMission) -> None:
    for row in ask(mission.opened.store, "SELECT id FROM task WHERE id > 1"):
        mission.board.delete(row["id"], actor="tester")


def assert_one_line(answer: Answer) -> None:
    assert answer.code == 5
    assert answer.err.count("\n") == 1 and answer.err.startswith("missionctl: "), answer.err
    assert answer.out == ""


def injected(
    mission: RealMission, call: str, what: str, *words: object, step: int = 1, lasting: bool = False
) -> Iterator[Answer]:
    """What the command answers when this happens at its first, (1 + step)th … such call, until it makes no more."""
    for nth in range(1, MOST_CALLS, step):
        answer, hits = strace.run(mission.command, Injection(call, what, f"{nth}+" if lasting else nth), *words)
        if not hits:
            assert nth > 1, f"no {call} was ever made"
            return
        yield answer
    pytest.fail(f"more than {MOST_CALLS} calls")


def test_a_failed_sync_is_never_acknowledged_and_the_answer_says_that_it_is_not_known(squad: RealMission) -> None:
    answer, hits = strace.run(squad.command, Injection("fdatasync", "error=EIO"), *ADD)
    assert hits == 1
    assert_one_line(answer)
    assert "All of it was kept or nothing" in answer.err
    assert added(squad) in (0, 1)
    squad.command(*ADD)  # its key makes repeating it harmless
    assert added(squad) == 1


def test_a_disk_that_is_full_from_any_write_on_refuses_the_task_and_keeps_nothing_of_it(squad: RealMission) -> None:
    for answer in injected(squad, "pwrite64", "error=ENOSPC", *ADD, step=5, lasting=True):
        assert_one_line(answer)
        assert "is full" in answer.err
        assert added(squad) == 0
    squad.command(*ADD)
    assert added(squad) == 1


@pytest.mark.parametrize(("call", "step"), [("pwrite64", 5), ("fdatasync", 1)])
def test_a_command_killed_at_any_write_leaves_its_task_or_none(squad: RealMission, call: str, step: int) -> None:
    for answer in injected(squad, call, "signal=KILL", *ADD, step=step):
        assert answer.code == -signal.SIGKILL
        assert added(squad) in (0, 1)
        squad.command(*ADD)
        assert added(squad) == 1
        forget(squad)


HEARTBEAT = ("heartbeat", "ada", "--wait")


@pytest.mark.parametrize(
    ("call", "what"),
    [("fdatasync", "error=EIO"), ("fdatasync", "signal=KILL")],
)
def test_work_comes_to_its_end_once_whichever_sync_of_its_processes_fails_or_is_the_last(
    make_mission: Callable[..., RealMission], call: str, what: str
) -> None:
    mission = make_mission()
    for nth in range(1, MOST_CALLS):
        task = mission.add(witness(), max_attempts=3)
        answer, hits = strace.run(mission.command, Injection(call, what, nth), *HEARTBEAT)
        assert answer.code in ((-signal.SIGKILL, 0, 5) if "KILL" in what else (0, 5))
        if answer.code == 5:
            assert "disk" in answer.out + answer.err
        mission.settle()
        check_testimony(mission)
        assert mission.task(task).status is Status.DONE
        assert [attempt.outcome for attempt in mission.attempts(task)][-1] is Outcome.SUCCEEDED
        if not hits:
            assert nth > 1, f"no {call} was ever made"
            return
    pytest.fail(f"more than {MOST_CALLS} calls")
