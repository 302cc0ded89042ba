"""Who gets what, in which order, and how much at once (I7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mission_control.board import Board
from mission_control.config import Config
from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Priority
from mission_control.errors import Conflict, NotFound
from mission_control.squad import NewAgent, Squad
from mission_control.store import agents
from mission_control.store.store import Store
from support.clock import FakeClock
from support.database import everything
from support.factories import PERSON, AgentFactory, TaskFactory, ending, process
from support.invariants import check_board


def claimed(board: Board, agent: str = "ada", most: int | None = None) -> list[str]:
    """The titles of what the agent takes now, in the order in which it takes them."""
    return [claim.task.title for claim in board.claim(agent, claimer=process(), most=most)]


def test_an_agent_never_has_more_live_attempts_than_slots(
    board: Board, store: Store, task: TaskFactory, agent: AgentFactory
) -> None:
    agent("ada", slots=2)
    for title in "abc":
        task(title)
    first, second = board.claim("ada", claimer=process())
    assert (first.task.title, second.task.title) == ("a", "b")
    assert claimed(board) == []
    board.finish(first.lease, ending())
    assert claimed(board) == ["c"]
    assert claimed(board) == []
    check_board(store)


def test_an_agent_whose_slots_were_reduced_takes_nothing_until_it_fits(
    board: Board, squad: Squad, task: TaskFactory, agent: AgentFactory
) -> None:
    agent("ada", slots=3)
    for title in "abcd":
        task(title)
    claims = board.claim("ada", claimer=process())
    squad.edit("ada", {"slots": 1}, actor=PERSON)
    for claim in claims[:2]:
        board.finish(claim.lease, ending())
        assert claimed(board) == []
    board.finish(claims[2].lease, ending())
    assert claimed(board) == ["d"]


@pytest.mark.parametrize("most", [0, 1, 2, 9])
def test_a_claim_takes_no_more_than_it_is_asked_to(board: Board, task: TaskFactory, most: int) -> None:
    for title in "abcd":
        task(title)
    assert len(claimed(board, most=most)) == min(most, 3)


def test_all_agents_of_a_machine_share_its_slots(
    store: Store, clock: FakeClock, config: Config, task: TaskFactory
) -> None:
    board = Board(store, clock, replace(config, machine_slots=3), refuses=lambda _runner, _command: None)
    for name in ("ada", "bob"):
        for _ in range(3):
            task(to=name)
    claims = board.claim("ada", claimer=process(), most=2) + board.claim("bob", claimer=process())
    assert len(claims) == 3
    assert board.claim("ada", claimer=process()) == []
    board.finish(claims[0].lease, ending())
    assert len(board.claim("ada", claimer=process())) == 1
    check_board(store)


def test_machines_do_not_count_against_each_other(
    store: Store, clock: FakeClock, config: Config, task: TaskFactory
) -> None:
    for _ in range(3):
        task()
    for host in ("here", "there"):
        limited = replace(config, host=host, machine_slots=1)
        board = Board(store, clock, limited, refuses=lambda _runner, _command: None)
        assert len(board.claim("ada", claimer=process())) == 1
        assert board.claim("ada", claimer=process()) == []


def test_urgent_goes_first_and_the_oldest_first_within_a_priority(
    board: Board, clock: FakeClock, task: TaskFactory, agent: AgentFactory
) -> None:
    agent("ada", slots=9)
    for title, priority in (("low", "low"), ("normal", "normal"), ("high", "high"), ("urgent", "urgent")):
        for age in ("older", "newer"):
            task(f"{age} {title}", priority=Priority(priority))
            clock.advance(timedelta(seconds=1))
    assert claimed(board) == [
        f"{age} {title}" for title in ("urgent", "high", "normal", "low") for age in ("older", "newer")
    ]


def test_tasks_of_one_instant_go_in_the_order_they_were_added(board: Board, task: TaskFactory) -> None:
    for title in "abc":
        task(title)
    assert claimed(board) == ["a", "b", "c"]


def test_a_task_that_waits_gains_a_priority_level_in_the_ageing_time(
    board: Board, clock: FakeClock, task: TaskFactory
) -> None:
    task("low and old", priority=Priority.LOW)
    clock.advance(timedelta(hours=18) - timedelta(seconds=1))
    task("just before it has aged", priority=Priority.URGENT)
    clock.advance(timedelta(seconds=2))
    task("just after", priority=Priority.URGENT)
    assert claimed(board) == ["just before it has aged", "low and old", "just after"]


def test_a_new_priority_moves_a_task_at_once(board: Board, store: Store, task: TaskFactory) -> None:
    task("first")
    second = task("second")
    board.edit(second.id, {"priority": Priority.URGENT}, actor=PERSON)
    assert claimed(board) == ["second", "first"]
    check_board(store)


def test_a_retried_task_keeps_its_place_in_the_queue(board: Board, clock: FakeClock, task: TaskFactory) -> None:
    task("older")
    (claim,) = board.claim("ada", claimer=process())
    clock.advance(timedelta(seconds=1))
    task("newer")
    board.finish(claim.lease, ending(Outcome.FAILED))
    clock.advance(timedelta(hours=1))
    assert claimed(board) == ["older", "newer"]


def test_a_task_is_taken_by_whichever_of_its_agents_has_a_free_slot(
    board: Board, store: Store, task: TaskFactory, agent: AgentFactory
) -> None:
    agent("ada", slots=1)
    agent("bob", slots=1)
    for title in "abc":
        task(title, to=("ada", "bob"))
    assert claimed(board, "ada") == ["a"]
    assert claimed(board, "bob") == ["b"]
    assert claimed(board, "ada") == claimed(board, "bob") == []
    check_board(store)


def test_a_task_that_names_nobody_is_taken_by_nobody(board: Board, task: TaskFactory, agent: AgentFactory) -> None:
    agent("ada")
    task(to=())
    assert claimed(board) == []


def test_a_paused_agent_takes_nothing_and_what_runs_goes_on(board: Board, squad: Squad, task: TaskFactory) -> None:
    task("running")
    (claim,) = board.claim("ada", claimer=process())
    task("waiting")
    squad.pause("ada", actor=PERSON)
    assert claimed(board) == []
    board.renew(claim.lease)
    board.finish(claim.lease, ending())
    squad.resume("ada", actor=PERSON)
    assert claimed(board) == ["waiting"]


def test_an_agent_of_another_machine_takes_nothing_here(board: Board, task: TaskFactory, agent: AgentFactory) -> None:
    agent("ada", host="there")
    agent("bob", host="here")
    task("theirs")
    task("ours", to="bob")
    assert claimed(board, "ada") == []
    assert claimed(board, "bob") == ["ours"]


def test_a_task_given_to_somebody_else_leaves_the_first_ones_queue(
    board: Board, store: Store, task: TaskFactory, agent: AgentFactory
) -> None:
    agent("bob")
    moved = task("moved")
    board.edit(moved.id, {"agents": ("bob",)}, actor=PERSON)
    assert claimed(board, "ada") == []
    assert claimed(board, "bob") == ["moved"]
    check_board(store)


def test_nothing_is_claimed_before_its_time(board: Board, store: Store, clock: FakeClock, task: TaskFactory) -> None:
    task("later", not_before=clock.now() + timedelta(minutes=10))
    task("now")
    assert claimed(board) == ["now"]
    clock.advance(timedelta(minutes=10))
    assert claimed(board) == ["later"]
    check_board(store, latest=clock.now())


def test_a_clock_set_back_lets_a_wait_return_without_hiding_what_is_behind_it(
    board: Board, store: Store, clock: FakeClock, task: TaskFactory, agent: AgentFactory
) -> None:
    agent("ada", slots=1)
    start = clock.now()
    task("waits again", not_before=start + timedelta(minutes=10))
    task("ready")
    clock.advance(timedelta(minutes=20))
    board.claim("ada", claimer=process(), most=0)  # the wait has passed, and that is written down
    clock.set_wall(start)
    assert claimed(board) == ["ready"]
    check_board(store, latest=start + timedelta(minutes=20))


def test_a_backoff_that_the_clock_left_far_ahead_is_forgiven(
    board: Board, store: Store, clock: FakeClock, task: TaskFactory
) -> None:
    task()
    (claim,) = board.claim("ada", claimer=process())
    board.finish(claim.lease, ending(Outcome.FAILED))
    clock.set_wall(clock.now() - timedelta(days=1))
    assert agents.beat(store, "ada", now=clock.now(), latest_backoff=clock.now() + timedelta(minutes=15))
    assert len(claimed(board)) == 1


def test_a_heartbeat_finds_work_exactly_when_a_claim_would(
    board: Board, store: Store, clock: FakeClock, task: TaskFactory, agent: AgentFactory
) -> None:
    agent("ada")

    def has_work() -> bool:
        beat = agents.beat(store, "ada", now=clock.now(), latest_backoff=clock.now() + timedelta(minutes=15))
        assert beat is not None
        return beat.has_work

    assert not has_work()
    task("next year", not_before=clock.now() + timedelta(days=365))
    assert not has_work()
    task("soon", not_before=clock.now() + timedelta(minutes=1))
    assert not has_work()
    clock.advance(timedelta(minutes=1))
    assert has_work()
    assert claimed(board) == ["soon"]
    assert not has_work()


@pytest.mark.parametrize("gone", ["unknown", "removed"])
def test_nobody_claims_for_an_agent_that_is_not_there(
    board: Board, squad: Squad, store: Store, agent: AgentFactory, gone: str
) -> None:
    agent("removed")
    squad.remove("removed", actor=PERSON)
    before = everything(store)
    with pytest.raises(NotFound):
        board.claim(gone, claimer=process())
    assert everything(store) == before


def test_a_removed_agent_starts_nothing_even_out_of_turn_until_it_is_back(
    board: Board, squad: Squad, task: TaskFactory
) -> None:
    old = task()
    board.cancel(old.id, actor=PERSON)
    squad.remove("ada", actor=PERSON)
    board.retry(old.id, actor=PERSON)
    with pytest.raises(Conflict):
        board.claim_task(old.id, "ada", claimer=process())
    squad.add(NewAgent("ada"), actor=PERSON)
    assert len(claimed(board)) == 1
