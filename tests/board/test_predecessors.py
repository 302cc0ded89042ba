"""No task starts before its predecessors are done, and none waits for itself (I8)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mission_control.board import Board
from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Status, Task
from mission_control.errors import Conflict, DependencyCycle, NotFound
from mission_control.store import tasks
from mission_control.store.store import Store
from support.database import ask, empty, everything
from support.factories import PERSON, TaskFactory, ending, process
from support.invariants import check_board


def startable(board: Board, task: Task) -> bool:
    """Whether ada could take the task now; it is put back at once."""
    try:
        claim = board.claim_task(task.id, "ada", claimer=process())
    except Conflict:
        return False
    board.finish(claim.lease, ending(Outcome.RELEASED))
    return True


def do(board: Board, task: Task) -> Task:
    """Let ada do the task."""
    return board.finish(board.claim_task(task.id, "ada", claimer=process()).lease, ending())


def test_a_task_waits_for_every_predecessor(board: Board, store: Store, task: TaskFactory) -> None:
    first, second = task("first"), task("second")
    last = task("last", after=[first, second])
    assert last.after == (first.id, second.id)
    assert not startable(board, last)
    do(board, first)
    assert not startable(board, last)
    do(board, second)
    assert startable(board, last)
    check_board(store)


def test_a_predecessor_that_is_done_already_holds_nothing(board: Board, store: Store, task: TaskFactory) -> None:
    first = task("first")
    do(board, first)
    assert startable(board, task("second", after=[first]))
    check_board(store)


def test_a_done_predecessor_that_is_retried_holds_again(board: Board, store: Store, task: TaskFactory) -> None:
    first = task("first")
    second = task("second", after=[first])
    do(board, first)
    board.retry(first.id, actor=PERSON)
    assert not startable(board, second)
    check_board(store)
    do(board, first)
    assert startable(board, second)


@pytest.mark.parametrize("end", ["cancelled", "blocked", "review"])
def test_a_predecessor_that_ended_otherwise_still_holds(
    board: Board, store: Store, task: TaskFactory, end: str
) -> None:
    first = task("first", max_attempts=1, review=end == "review")
    second = task("second", after=[first])
    if end == "cancelled":
        board.cancel(first.id, actor=PERSON)
    else:
        outcome = Outcome.FAILED if end == "blocked" else Outcome.SUCCEEDED
        board.finish(board.claim_task(first.id, "ada", claimer=process()).lease, ending(outcome))
    assert not startable(board, second)
    with pytest.raises(Conflict, match=f"T-1 is {end}"):
        board.claim_task(second.id, "ada", claimer=process())
    check_board(store)


def test_a_removed_dependency_holds_nothing_more(board: Board, store: Store, task: TaskFactory) -> None:
    first, other = task("first"), task("other")
    second = task("second", after=[first, other])
    board.undepend(second.id, first.id, actor=PERSON)
    assert not startable(board, second)
    board.undepend(second.id, other.id, actor=PERSON)
    assert startable(board, second)
    check_board(store)


def test_removing_a_done_dependency_leaves_the_others_holding(board: Board, store: Store, task: TaskFactory) -> None:
    first, other = task("first"), task("other")
    second = task("second", after=[first, other])
    do(board, first)
    board.undepend(second.id, first.id, actor=PERSON)
    assert not startable(board, second)
    check_board(store)


def test_a_dependency_added_later_holds(board: Board, store: Store, task: TaskFactory) -> None:
    first, second = task("first"), task("second")
    assert board.depend(second.id, first.id, actor=PERSON).after == (first.id,)
    board.depend(second.id, first.id, actor=PERSON)
    assert not startable(board, second)
    do(board, first)
    assert startable(board, second)
    check_board(store)


def test_the_same_predecessor_named_twice_counts_once(board: Board, store: Store, task: TaskFactory) -> None:
    first = task("first")
    second = task("second", after=[first, first])
    do(board, first)
    assert startable(board, second)
    check_board(store)


def test_a_task_that_has_started_cannot_be_made_to_wait(board: Board, store: Store, task: TaskFactory) -> None:
    first, second = task("first"), task("second")
    board.claim_task(second.id, "ada", claimer=process())
    before = everything(store)
    with pytest.raises(Conflict):
        board.depend(second.id, first.id, actor=PERSON)
    assert everything(store) == before


@pytest.mark.parametrize("length", [1, 2, 3, 20])
def test_a_cycle_of_any_length_is_refused(board: Board, store: Store, task: TaskFactory, length: int) -> None:
    chain = [task("1")]
    for number in range(1, length):
        chain.append(task(str(number + 1), after=[chain[-1]]))
    before = everything(store)
    with pytest.raises(DependencyCycle):
        board.depend(chain[0].id, chain[-1].id, actor=PERSON)
    assert everything(store) == before


def test_the_database_refuses_a_task_that_waits_for_itself(store: Store, task: TaskFactory) -> None:
    alone = task()
    with pytest.raises(Conflict):
        ask(store, f"INSERT INTO dependency (task_id, after_id) VALUES ({alone.id}, {alone.id})")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=25))
def test_a_dependency_is_refused_exactly_when_it_would_close_a_cycle(
    board: Board, store: Store, edges: list[tuple[int, int]]
) -> None:
    empty(store)
    ids = [board.add(NewTask(title=str(number)), actor=PERSON)[0].id for number in range(6)]
    waits_for: dict[int, set[int]] = {task_id: set() for task_id in ids}

    def reaches(start: int, goal: int) -> bool:
        return start == goal or any(reaches(step, goal) for step in waits_for[start])

    for task_id, on in ((ids[a], ids[b]) for a, b in edges):
        if reaches(on, task_id):
            with pytest.raises(DependencyCycle):
                board.depend(task_id, on, actor=PERSON)
        else:
            board.depend(task_id, on, actor=PERSON)
            waits_for[task_id].add(on)
    for task_id in ids:
        found = tasks.get(store, task_id)
        assert found is not None
        assert set(found.after) == waits_for[task_id]
    check_board(store)


def test_a_task_that_others_wait_for_cannot_be_deleted(board: Board, store: Store, task: TaskFactory) -> None:
    first = task("first")
    second = task("second", after=[first])
    before = everything(store)
    with pytest.raises(Conflict, match="T-2 waits for T-1"):
        board.delete(first.id, actor=PERSON)
    assert everything(store) == before
    board.delete(second.id, actor=PERSON)
    board.delete(first.id, actor=PERSON)
    assert ask(store, "SELECT id FROM task") == []
    check_board(store)


def test_a_deleted_successor_leaves_its_predecessors_as_they_were(
    board: Board, store: Store, task: TaskFactory
) -> None:
    first = task("first")
    second = task("second", after=[first])
    third = task("third", after=[second])
    board.delete(third.id, actor=PERSON)
    do(board, first)
    assert startable(board, second)
    check_board(store)


def test_an_unknown_predecessor_is_refused_and_nothing_is_added(board: Board, store: Store, task: TaskFactory) -> None:
    known = task()
    before = everything(store)
    with pytest.raises(NotFound, match="T-99"):
        task("never", after=[known, 99])
    with pytest.raises(NotFound):
        board.depend(known.id, 99, actor=PERSON)
    with pytest.raises(NotFound):
        board.undepend(known.id, 99, actor=PERSON)
    assert everything(store) == before


def test_work_that_runs_goes_on_when_its_predecessor_is_retried(board: Board, store: Store, task: TaskFactory) -> None:
    first = task("first")
    second = task("second", after=[first])
    do(board, first)
    claim = board.claim_task(second.id, "ada", claimer=process())
    board.retry(first.id, actor=PERSON)
    assert board.finish(claim.lease, ending()).status is Status.DONE
    check_board(store)
