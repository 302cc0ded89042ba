"""Two writers at once: the winner is held in its transaction, and the loser must lose."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from mission_control.board import Board
from mission_control.config import Config
from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Status
from mission_control.errors import Conflict, DependencyCycle, LeaseLost, NotFound
from mission_control.squad import Squad
from mission_control.store import tasks
from mission_control.store.store import Store
from support.clock import FakeClock
from support.database import ask
from support.factories import PERSON, AgentFactory, TaskFactory, ending, process
from support.invariants import check_board
from support.rival import Rival

MakeBoard = Callable[[Store], Board]


def titles(board: Board, agent: str) -> list[str]:
    return [claim.task.title for claim in board.claim(agent, claimer=process())]


@pytest.fixture
def observer(open_again: Callable[[], Store]) -> Store:
    """A connection that only looks."""
    return open_again()


def test_two_claims_for_one_agent_never_take_more_than_its_slots(
    board: Board, make_board: MakeBoard, observer: Store, rival: Rival, task: TaskFactory, agent: AgentFactory
) -> None:
    agent("ada", slots=2)
    for title in "abc":
        task(title)
    with board.together():
        assert titles(board, "ada") == ["a", "b"]
        loser = rival.start_and_wait(lambda store: titles(make_board(store), "ada"), observer)
    assert loser.result() == []
    check_board(observer)


def test_two_agents_never_claim_the_same_task(
    board: Board, make_board: MakeBoard, observer: Store, rival: Rival, task: TaskFactory, agent: AgentFactory
) -> None:
    agent("ada", slots=1)
    agent("bob", slots=3)
    for title in "ab":
        task(title, to=("ada", "bob"))
    with board.together():
        assert titles(board, "ada") == ["a"]
        loser = rival.start(lambda store: titles(make_board(store), "bob"))
        if observer.dialect.name == "postgres":
            assert loser.result() == ["b"]  # it does not even wait
    assert loser.result() == ["b"]
    check_board(observer)


def test_two_claims_of_one_task_out_of_turn_give_one_attempt(
    board: Board, make_board: MakeBoard, observer: Store, rival: Rival, task: TaskFactory
) -> None:
    wanted = task(to=("ada", "bob"))
    with board.together():
        board.claim_task(wanted.id, "ada", claimer=process())
        loser = rival.start_and_wait(
            lambda store: make_board(store).claim_task(wanted.id, "bob", claimer=process()), observer
        )
    with pytest.raises(Conflict):
        loser.result()
    check_board(observer)


def test_two_agents_never_take_the_last_slot_of_a_machine(
    store: Store, clock: FakeClock, config: Config, observer: Store, rival: Rival, task: TaskFactory
) -> None:
    def limited(store: Store) -> Board:
        return Board(store, clock, replace(config, machine_slots=1), refuses=lambda _runner, _command: None)

    task("a", to="ada")
    task("b", to="bob")
    with limited(store).together():
        assert titles(limited(store), "ada") == ["a"]
        loser = rival.start_and_wait(lambda store: titles(limited(store), "bob"), observer)
    assert loser.result() == []
    check_board(observer)


def test_two_agents_never_take_the_last_slot_of_a_runner(
    store: Store, clock: FakeClock, config: Config, observer: Store, rival: Rival, task: TaskFactory
) -> None:
    def limited(store: Store, host: str) -> Board:
        changed = replace(config, runner_slots={"shell": 1}, host=host)
        return Board(store, clock, changed, refuses=lambda _runner, _command: None)

    task("a", to="ada")
    task("b", to="bob")
    with limited(store, "here").together():
        assert titles(limited(store, "here"), "ada") == ["a"]
        loser = rival.start_and_wait(lambda store: titles(limited(store, "there"), "bob"), observer)
    assert loser.result() == []
    check_board(observer)


def test_claims_for_several_agents_never_wait_for_one_another_in_a_ring(
    store: Store, clock: FakeClock, config: Config, observer: Store, rival: Rival, task: TaskFactory
) -> None:
    def limited(store: Store) -> Board:
        changed = replace(config, runner_slots={"shell": 2}, machine_slots=2)
        return Board(store, clock, changed, refuses=lambda _runner, _command: None)

    task("a", to="ada")
    task("b", to="bob")
    with limited(store).together():
        assert titles(limited(store), "ada") == ["a"]
        loser = rival.start_and_wait(lambda store: titles(limited(store), "bob"), observer)
        assert titles(limited(store), "bob") == ["b"]  # the other has not locked bob and waits for what we hold
    assert loser.result() == []
    check_board(observer)


def test_a_dependency_added_while_its_predecessor_finishes_holds_nothing(
    board: Board, make_board: MakeBoard, observer: Store, rival: Rival, task: TaskFactory
) -> None:
    first, second = task("first"), task("second")
    claim = board.claim_task(first.id, "ada", claimer=process())
    with board.together():
        board.finish(claim.lease, ending())
        loser = rival.start_and_wait(
            lambda store: make_board(store).depend(second.id, first.id, actor=PERSON), observer
        )
    assert loser.result().unmet == 0
    check_board(observer)
    assert titles(board, "ada") == ["second"]


def test_a_predecessor_that_finishes_while_a_dependency_is_added_lets_go(
    board: Board, make_board: MakeBoard, observer: Store, rival: Rival, task: TaskFactory
) -> None:
    first, second = task("first"), task("second")
    claim = board.claim_task(first.id, "ada", claimer=process())
    with board.together():
        assert board.depend(second.id, first.id, actor=PERSON).unmet == 1
        loser = rival.start_and_wait(lambda store: make_board(store).finish(claim.lease, ending()), observer)
    assert loser.result().status is Status.DONE
    check_board(observer)
    assert titles(board, "ada") == ["second"]


def test_a_successor_added_while_its_predecessor_finishes_holds_nothing(
    board: Board, make_board: MakeBoard, observer: Store, rival: Rival, task: TaskFactory
) -> None:
    first = task("first")
    claim = board.claim_task(first.id, "ada", claimer=process())
    with board.together():
        board.finish(claim.lease, ending())
        loser = rival.start_and_wait(
            lambda store: make_board(store).add(NewTask("second", agents=("ada",), after=[first.id]), actor=PERSON),
            observer,
        )
    loser.result()
    check_board(observer)
    assert titles(board, "ada") == ["second"]


def test_a_successor_is_not_claimed_while_its_predecessor_is_being_retried(
    board: Board, make_board: MakeBoard, observer: Store, rival: Rival, task: TaskFactory
) -> None:
    first = task("first", to="bob")
    task("second", after=[first])
    board.finish(board.claim_task(first.id, "bob", claimer=process()).lease, ending())
    with board.together():
        board.retry(first.id, actor=PERSON)
        loser = rival.start(lambda store: titles(make_board(store), "ada"))
        if observer.dialect.name == "postgres":
            assert loser.result() == []
    assert loser.result() == []
    check_board(observer)


def test_two_halves_of_a_cycle_added_at_once_are_not_both_taken(
    board: Board, make_board: MakeBoard, observer: Store, rival: Rival, task: TaskFactory
) -> None:
    first, second = task("first"), task("second")
    with board.together():
        board.depend(first.id, second.id, actor=PERSON)
        loser = rival.start_and_wait(
            lambda store: make_board(store).depend(second.id, first.id, actor=PERSON), observer
        )
    with pytest.raises(DependencyCycle):
        loser.result()
    check_board(observer)


def test_two_finishers_that_share_successors_both_finish(
    board: Board, make_board: MakeBoard, observer: Store, rival: Rival, task: TaskFactory, agent: AgentFactory
) -> None:
    agent("ada", slots=9)
    first, second = task("first"), task("second")
    for title in "abcde":
        task(title, to="bob", after=[first, second])
    one = board.claim_task(first.id, "ada", claimer=process())
    two = board.claim_task(second.id, "ada", claimer=process())
    with board.together():
        board.finish(one.lease, ending())
        loser = rival.start_and_wait(lambda store: make_board(store).finish(two.lease, ending()), observer)
    assert loser.result().status is Status.DONE
    check_board(observer)
    assert titles(board, "bob") == ["a", "b", "c"]


def test_two_different_ends_of_one_attempt_are_not_both_recorded(
    board: Board, make_board: MakeBoard, observer: Store, rival: Rival, task: TaskFactory
) -> None:
    task()
    (claim,) = board.claim("ada", claimer=process())
    with board.together():
        board.finish(claim.lease, ending())
        loser = rival.start_and_wait(
            lambda store: make_board(store).finish(claim.lease, ending(Outcome.LOST)), observer
        )
    with pytest.raises(LeaseLost):
        loser.result()
    check_board(observer)


def test_adding_with_one_key_at_once_makes_one_task(
    board: Board, make_board: MakeBoard, observer: Store, rival: Rival
) -> None:
    new = NewTask("nightly", key="2026-02-06")
    with board.together():
        winner, _ = board.add(new, actor=PERSON)
        loser = rival.start_and_wait(lambda store: make_board(store).add(new, actor=PERSON), observer)
    again, is_new = loser.result()
    assert (again.id, is_new) == (winner.id, False)
    check_board(observer)


def test_an_agent_that_is_being_removed_gets_no_task(
    store: Store, squad: Squad, make_board: MakeBoard, observer: Store, rival: Rival, agent: AgentFactory
) -> None:
    agent("ada")
    with store.transaction():
        squad.remove("ada", actor=PERSON)
        loser = rival.start_and_wait(
            lambda store: make_board(store).add(NewTask("late", agents=("ada",)), actor=PERSON), observer
        )
    with pytest.raises(NotFound):
        loser.result()
    assert ask(observer, "SELECT id FROM task") == []


def test_what_waits_for_a_transaction_that_is_undone_wins(
    board: Board, make_board: MakeBoard, observer: Store, rival: Rival, task: TaskFactory
) -> None:
    wanted = task()
    with suppress(KeyboardInterrupt), board.together():
        board.claim_task(wanted.id, "ada", claimer=process())
        loser = rival.start_and_wait(
            lambda store: make_board(store).claim_task(wanted.id, "ada", claimer=process()), observer
        )
        raise KeyboardInterrupt
    assert loser.result().lease.number == 1
    check_board(observer)


def test_a_reader_never_waits_for_a_writer(board: Board, store: Store, observer: Store, task: TaskFactory) -> None:
    read = task()
    with board.together():
        board.cancel(read.id, actor=PERSON)
        found = tasks.get(observer, read.id)
        assert found is not None
        assert found.status is Status.INBOX
