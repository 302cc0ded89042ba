"""What a resident process asks at every turn, for the whole squad at once."""

from __future__ import annotations

from datetime import timedelta

from mission_control.board import Board
from mission_control.domain.attempt import Outcome
from mission_control.squad import Squad
from mission_control.store import agents, dispatch
from mission_control.store.store import Store
from support.clock import FakeClock
from support.factories import PERSON, AgentFactory, TaskFactory, ending, process

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def able(store: Store) -> list[tuple[str, int, int]]:
    return [(found.agent, found.slots, found.live) for found in dispatch.able(store, "here")]


def test_able_is_who_has_something_ready_and_a_slot_free(
    store: Store, squad: Squad, board: Board, agent: AgentFactory, task: TaskFactory, clock: FakeClock
) -> None:
    for name in ("ada", "bob", "cyd", "dan", "eve", "fay"):
        agent(name, slots=2, host={"eve": "there", "fay": "here"}.get(name))
    task(to=("ada", "fay"))
    for _ in range(3):
        task(to="bob")  # two in work, one waits for a slot
    first = task(to="cyd")
    task(to="cyd", after=[first])
    task(to="dan", not_before=clock.now() + HOUR)
    task(to="eve")
    board.claim("bob", claimer=process())
    squad.pause("cyd", actor=PERSON)
    assert able(store) == [("ada", 2, 0), ("fay", 2, 0)]
    squad.resume("cyd", actor=PERSON)
    squad.edit("bob", {"slots": 3}, actor=PERSON)
    assert able(store) == [("ada", 2, 0), ("bob", 3, 2), ("cyd", 2, 0), ("fay", 2, 0)]


def test_a_wait_that_is_over_makes_its_agent_able_and_one_before_a_clock_set_back_is_void(
    store: Store, board: Board, task: TaskFactory, clock: FakeClock
) -> None:
    task(to="ada", not_before=clock.now() + HOUR)
    task(to="bob")
    (claim,) = board.claim("bob", claimer=process())
    board.finish(claim.lease, ending(Outcome.FAILED))

    def wake() -> list[tuple[str, int, int]]:
        dispatch.wake_due(store, now=clock.now(), latest_backoff=clock.now() + 15 * MINUTE)
        return able(store)

    assert wake() == []
    clock.advance(MINUTE)
    assert wake() == [("bob", 3, 0)]
    clock.advance(HOUR)
    assert wake() == [("ada", 3, 0), ("bob", 3, 0)]


def test_a_backoff_from_before_the_clock_was_set_back_is_void(
    store: Store, board: Board, task: TaskFactory, clock: FakeClock
) -> None:
    task()
    (claim,) = board.claim("ada", claimer=process())
    board.finish(claim.lease, ending(Outcome.FAILED))
    clock.set_wall(clock.now() - timedelta(days=1))
    dispatch.wake_due(store, now=clock.now(), latest_backoff=clock.now() + 15 * MINUTE)
    assert able(store) == [("ada", 3, 0)]


def test_the_next_instant_is_the_first_heartbeat_or_end_of_a_wait_that_lies_ahead(
    store: Store, agent: AgentFactory, task: TaskFactory, clock: FakeClock
) -> None:
    assert dispatch.next_instant(store, clock.now()) is None
    agent("ada", schedule="30 * * * *")
    assert dispatch.next_instant(store, clock.now()) == clock.now() + 30 * MINUTE
    task(to="ada", not_before=clock.now() + 10 * MINUTE)
    assert dispatch.next_instant(store, clock.now()) == clock.now() + 10 * MINUTE
    # What is due or ready now is not waited for: it is done in this turn.
    clock.advance(10 * MINUTE)
    assert dispatch.next_instant(store, clock.now()) == clock.now() + 20 * MINUTE
    clock.advance(HOUR)
    assert dispatch.next_instant(store, clock.now()) is None


def test_due_are_the_heartbeats_of_this_machine_the_longest_waiting_first(
    store: Store, squad: Squad, agent: AgentFactory, clock: FakeClock
) -> None:
    agent("ada", schedule="20 * * * *")
    agent("bob", schedule="10 * * * *", host="here")
    agent("cyd", schedule="10 * * * *", host="there")
    agent("dan", schedule="10 * * * *")
    squad.remove("dan", actor=PERSON)
    clock.advance(20 * MINUTE)
    assert [due.agent for due in dispatch.due(store, "here", clock.now())] == ["bob", "ada"]
    agents.schedule_next(store, "bob", clock.now() + HOUR)
    assert [due.agent for due in dispatch.due(store, "here", clock.now())] == ["ada"]


def test_live_attempts_are_counted_where_they_run(store: Store, board: Board, task: TaskFactory) -> None:
    task()
    task()
    board.claim("ada", claimer=process())
    assert dispatch.live_here(store, "here") == 2
    assert dispatch.live_here(store, "there") == 0
