"""The ground the suites stand on: what the fixtures promise."""

from __future__ import annotations

from datetime import timedelta

from mission_control.domain.task import Status
from support.clock import START
from support.factories import ending, process


def test_a_task_made_by_the_factory_can_live_its_whole_life(board, task):
    made = task("Write", to=("ada", "bob"))
    (claim,) = board.claim("bob", claimer=process())
    board.start(claim.lease, process(pid=5))
    assert claim.task.id == made.id
    assert board.finish(claim.lease, ending()).status is Status.DONE


def test_a_second_connection_sees_what_the_first_committed(board, make_board, open_again, task):
    made = task()
    assert make_board(open_again()).cancel(made.id, actor="bob").status is Status.CANCELLED


def test_setting_the_wall_clock_leaves_the_monotonic_one_alone(clock):
    clock.advance(timedelta(seconds=5))
    before = clock.monotonic()
    clock.set_wall(START - timedelta(days=1))
    assert clock.now() < START
    assert clock.monotonic() == before
