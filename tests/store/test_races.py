"""Real processes race for one queue: thousands of rounds, and every task is won once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mission_control.board import Board
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Status
from mission_control.store import tasks
from mission_control.store.store import Store
from support import racer
from support.factories import PERSON, AgentFactory
from support.invariants import check_board

TASKS = 2_000
RACERS = ["ada", "bob"] * 4  # several processes for the same agent, and several agents for the same tasks


@pytest.mark.slow
def test_every_task_of_a_queue_is_won_by_one_of_many_processes(
    board: Board, store: Store, address: str, agent: AgentFactory
) -> None:
    for name in ("ada", "bob"):
        agent(name, slots=8)
    with board.together():
        added = [board.add(NewTask(str(n), agents=("ada", "bob")), actor=PERSON)[0].id for n in range(TASKS)]
    won = run_racers(address)
    assert sorted(task_id for task_id, _, _ in won) == added
    assert {number for _, number, _ in won} == {1}
    assert len({token for _, _, token in won}) == TASKS
    assert tasks.counts(store)[Status.DONE] == TASKS
    check_board(store)


def run_racers(address: str) -> list[tuple[int, int, int]]:
    """Everything that the racers say they have won; they start together."""
    racers = [
        subprocess.Popen(
            [sys.executable, Path(racer.__file__), address, name, "3"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        for name in RACERS
    ]
    for process in racers:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate()[0] for process in racers]
    assert [process.returncode for process in racers] == [0] * len(racers)
    return [tuple(attempt) for answer in answers for attempt in json.loads(answer)]
