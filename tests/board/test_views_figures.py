"""What may be seen of the squad and the past: loads, live attempts, figures that never invent a number."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.domain.attempt import Outcome
from mission_control.domain.statistics import nearest_rank
from mission_control.domain.task import Status
from mission_control.errors import NotFound
from mission_control.views import Views
from support.factories import PERSON, ending, process


@pytest.fixture
def views(store, clock, config) -> Views:
    return Views(store, clock, config)


@pytest.fixture
def carry_out(board):
    """Ends the next attempts of ada like this."""

    def do(*endings) -> None:
        for claim, end in zip(board.claim("ada", claimer=process(), most=len(endings)), endings, strict=True):
            board.start(claim.lease, process(pid=7))
            board.finish(claim.lease, end)

    return do


def test_status_shows_who_works_on_what_and_who_is_idle(views, board, squad, agent, task):
    agent("idle")
    agent("paused", host="mini")
    squad.pause("paused", actor=PERSON)
    made = task(to="ada")
    board.claim("ada", claimer=process())
    status = views.status()
    assert {view.agent.name: view.status for view in status.agents} == {
        "ada": "active",
        "idle": "idle",
        "paused": "paused",
    }
    assert [(live.attempt.name, live.task.title) for live in status.live] == [(f"{made.name}/1", made.title)]
    assert [(machine.host, machine.live) for machine in status.machines] == [("here", 1), ("mini", 0)]
    assert status.tasks == {**dict.fromkeys(Status, 0), Status.IN_PROGRESS: 1}


def test_an_agent_is_shown_with_its_live_attempts(views, board, task):
    task()
    board.claim("ada", claimer=process())
    view = views.agent("ada")
    assert (view.live, view.status) == (1, "active")
    with pytest.raises(NotFound):
        views.agent("bob")


def test_a_mission_without_a_past_knows_no_rates_and_no_times(views):
    total = views.stats().total
    assert total.executions == total.running == 0
    assert total.success_rate is total.tokens is total.cost_usd is None
    assert total.duration_seconds.p50 is total.queue_wait_seconds.p99 is None
    assert set(total.outcomes) == set(Outcome)
    assert set(total.tasks) == set(Status)


def test_released_and_cancelled_attempts_are_executions_but_no_failures(views, agent, task, carry_out):
    agent("ada", slots=10)
    for outcome in Outcome:
        task(outcome, max_attempts=1)
    carry_out(*(ending(outcome) for outcome in Outcome))
    total = views.stats().total
    assert total.executions == len(Outcome)
    assert set(total.outcomes.values()) == {1}
    assert total.success_rate == 1 / 4
    assert total.tasks[Status.BLOCKED] == 3


def test_unknown_cost_is_never_zero(views, task, carry_out):
    task()
    task()
    carry_out(ending(), ending())
    total = views.stats().total
    assert total.tokens is total.tokens_in is total.cost_usd is None
    task()
    carry_out(ending(tokens_in=10, cost_usd=0.25))
    total = views.stats().total
    assert (total.tokens, total.tokens_in, total.tokens_out, total.cost_usd) == (10, 10, None, 0.25)


def test_figures_are_kept_apart_by_agent_and_by_period(views, board, task, clock, carry_out):
    task()
    task(to="bob")
    carry_out(ending(duration_seconds=2.0))
    clock.advance(timedelta(days=8))
    (claim,) = board.claim("bob", claimer=process())
    everything, lately = views.stats(), views.stats(clock.now() - timedelta(days=7))
    assert {name: figures.executions for name, figures in everything.agents.items()} == {"ada": 1, "bob": 0}
    assert everything.agents["bob"].running == everything.total.running == 1
    assert everything.agents["ada"].tasks[Status.DONE] == everything.total.tasks[Status.DONE] == 1
    assert everything.total.duration_seconds.p99 == 2.0
    assert lately.total.executions == 0
    of_bob = views.stats(agent="bob")
    assert list(of_bob.agents) == ["bob"]
    assert of_bob.total.executions == 0
    assert of_bob.total.tasks[Status.IN_PROGRESS] == 1
    assert of_bob.total.tasks[Status.DONE] == 0
    assert claim.agent.name == "bob"


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_a_value_that_occurred_and_covers_its_share(values, percent):
    found = nearest_rank(sorted(values), percent)
    assert found in values
    assert 100 * sum(value <= found for value in values) >= percent * len(values)
    assert 100 * sum(value < found for value in values) < percent * len(values)
