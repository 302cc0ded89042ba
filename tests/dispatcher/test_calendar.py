"""Heartbeats by schedule: kept, caught up once, and never confused by a clock that jumps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from mission_control.config import Config
from mission_control.dispatcher.calendar import Calendar, Page
from mission_control.squad import Squad
from mission_control.store import agents, dispatch, history
from mission_control.store.store import Store
from support.clock import START, FakeClock
from support.database import ask
from support.factories import PERSON, AgentFactory

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
QUARTERS = "*/15 * * * *"


@pytest.fixture
def calendar(store: Store, clock: FakeClock, config: Config) -> Calendar:
    return Calendar(store, clock, config)


@pytest.fixture
def turn_page(store: Store, calendar: Calendar) -> Callable[[], Page]:
    def turn() -> Page:
        with store.transaction():
            return calendar.turn_page()

    return turn


def planned(store: Store, name: str = "ada") -> datetime:
    found = agents.get(store, name)
    assert found is not None
    assert found.next_heartbeat_at is not None
    return found.next_heartbeat_at


def live_through(turn_page: Callable[[], Page], store: Store, clock: FakeClock, length: timedelta) -> list[datetime]:
    """The heartbeats of all agents while that much time passes, turning the page at every instant that is worth it."""
    given, end = [], clock.now() + length
    while True:
        given += [clock.now()] * len(turn_page().given)
        instant = dispatch.next_instant(store, clock.now())
        if instant is None or instant > end:
            clock.advance(end - clock.now())
            return given
        clock.advance(instant - clock.now())


def test_every_slot_is_kept_once(store: Store, turn_page, agent: AgentFactory, clock: FakeClock) -> None:
    agent(schedule=QUARTERS)
    given = live_through(turn_page, store, clock, HOUR)
    assert given == [START + 15 * MINUTE * count for count in (1, 2, 3, 4)]
    assert turn_page() == Page()


def test_slots_that_were_missed_get_one_catch_up_that_is_recorded(
    store: Store, turn_page, agent: AgentFactory, clock: FakeClock
) -> None:
    agent(schedule=QUARTERS)
    turn_page()
    clock.advance(3 * HOUR + 5 * MINUTE)
    page = turn_page()
    (missed,) = page.missed
    assert (missed.agent, missed.planned_at, page.given) == ("ada", START + 15 * MINUTE, {})
    assert [line.kind for line in history.latest(store, agent="ada", limit=9)] == ["agent_added", "heartbeat_missed"]
    assert len(live_through(turn_page, store, clock, 9 * MINUTE)) == 1
    assert planned(store) == START + 3 * HOUR + 15 * MINUTE


def test_a_hundred_agents_that_slept_do_not_wake_at_one_instant_and_all_do_within_a_minute(
    store: Store, turn_page, agent: AgentFactory, clock: FakeClock
) -> None:
    for number in range(100):
        agent(f"agent{number}", schedule=QUARTERS)
    clock.advance(timedelta(hours=8, minutes=1, seconds=30))
    assert turn_page().given == {}
    given = live_through(turn_page, store, clock, MINUTE)
    assert len(given) == 100
    assert max(given.count(instant) for instant in given) == 1


def test_a_regular_slot_that_is_near_does_for_the_missed_ones(
    store: Store, turn_page, agent: AgentFactory, clock: FakeClock
) -> None:
    for number in range(100):
        agent(f"agent{number}", schedule=QUARTERS)
    clock.advance(timedelta(hours=1, minutes=14, seconds=50))
    given = live_through(turn_page, store, clock, 5 * MINUTE)
    assert given == [START + timedelta(hours=1, minutes=15)] * 100


def test_a_heartbeat_that_is_a_little_late_was_not_missed(store, turn_page, agent, clock) -> None:
    agent(schedule=QUARTERS)
    clock.advance(15 * MINUTE + timedelta(seconds=59))
    page = turn_page()
    assert (list(page.given), page.missed) == (["ada"], ())


def test_a_clock_set_forward_storms_nobody_and_set_back_stalls_nobody(
    store: Store, turn_page, agent: AgentFactory, clock: FakeClock
) -> None:
    agent(schedule=QUARTERS)
    turn_page()
    clock.set_wall(START + 2 * HOUR)
    page = turn_page()
    assert (page.jump, len(page.missed)) == (2 * HOUR, 1)
    assert len(live_through(turn_page, store, clock, 14 * MINUTE)) == 1
    back = clock.now() - 2 * HOUR
    clock.set_wall(back)
    assert turn_page().jump == -2 * HOUR
    assert planned(store) <= back + 15 * MINUTE
    assert len(live_through(turn_page, store, clock, HOUR)) == 4


def test_a_clock_set_back_by_less_than_a_period_repeats_no_slot(
    store: Store, turn_page, agent: AgentFactory, clock: FakeClock
) -> None:
    agent(schedule=QUARTERS)
    assert len(live_through(turn_page, store, clock, 16 * MINUTE)) == 1
    clock.set_wall(START + 12 * MINUTE)
    assert turn_page().jump == -4 * MINUTE
    assert planned(store) == START + 30 * MINUTE
    assert live_through(turn_page, store, clock, 20 * MINUTE) == [START + 30 * MINUTE]


def test_time_that_passes_is_no_jump(turn_page, clock: FakeClock) -> None:
    turn_page()
    clock.advance(timedelta(days=3))
    assert turn_page().jump is None


def test_a_plan_from_before_the_clock_was_set_back_is_drawn_near_by_whoever_starts_anew(
    store: Store, turn_page, agent: AgentFactory, clock: FakeClock
) -> None:
    agent(schedule=QUARTERS)
    agents.schedule_next(store, "ada", START + timedelta(days=400))
    agent("bob", schedule="0 9 * * *")
    turn_page()
    assert planned(store) == START + 15 * MINUTE
    assert planned(store, "bob") == START + timedelta(hours=23)


def test_an_imported_agent_without_a_plan_gets_one(store, turn_page, agent, clock) -> None:
    agent(schedule=QUARTERS)
    ask(store, "UPDATE agent SET next_heartbeat_at = NULL")
    turn_page()
    assert planned(store) == START + 15 * MINUTE


def test_a_schedule_that_never_fires_is_told_and_keeps_nobody_else_from_theirs(
    store: Store, turn_page, agent: AgentFactory, clock: FakeClock
) -> None:
    agent("ada", schedule=QUARTERS)
    agent("bob", schedule=QUARTERS)
    ask(store, "UPDATE agent SET schedule = 'now and then' WHERE name = 'ada'")
    clock.advance(15 * MINUTE)
    page = turn_page()
    assert list(page.given) == ["bob"]
    assert "'now and then' is not a cron schedule" in page.faults["ada"]
    assert turn_page().faults == {}


def test_paused_agents_are_marked_and_those_of_other_machines_are_not(
    store: Store, squad: Squad, turn_page, agent: AgentFactory, clock: FakeClock
) -> None:
    agent("ada", schedule=QUARTERS)
    agent("bob", schedule=QUARTERS, host="there")
    squad.pause("ada", actor=PERSON)
    clock.advance(15 * MINUTE)
    assert {name: beat.paused for name, beat in turn_page().given.items()} == {"ada": True}
    assert planned(store, "bob") == START + 15 * MINUTE
