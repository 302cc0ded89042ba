"""A paused mission starts nothing, says so everywhere, and goes on as it was."""

from __future__ import annotations

import pytest

from mission_control.board import Board
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.errors import Conflict
from mission_control.squad import Squad
from mission_control.store import dispatch, history
from mission_control.store.store import Store
from mission_control.views import Views
from support.factories import PERSON, AgentFactory, TaskFactory, ending, process


@pytest.fixture
def views(store: Store, clock: Clock, config: Config) -> Views:
    return Views(store, clock, config)


def test_nothing_is_claimed_while_the_mission_is_paused_and_all_of_it_afterwards(
    board: Board, squad: Squad, task: TaskFactory, store: Store
) -> None:
    task()
    squad.pause_all(actor=PERSON)
    assert board.claim("ada", claimer=process()) == []
    assert dispatch.able(store, "here") == []
    with pytest.raises(Conflict, match="the mission is paused"):
        board.claim_task(1, "ada", claimer=process())
    assert squad.resume_all(actor=PERSON)
    assert [able.agent for able in dispatch.able(store, "here")] == ["ada"]
    assert len(board.claim("ada", claimer=process())) == 1


def test_what_runs_goes_on_while_the_mission_is_paused(board: Board, squad: Squad, task: TaskFactory) -> None:
    task()
    (claim,) = board.claim("ada", claimer=process())
    squad.pause_all(actor=PERSON)
    assert board.start(claim.lease, process()).cancel_requested is False
    assert board.finish(claim.lease, ending()).status == "done"


def test_every_view_tells_that_the_mission_is_paused(squad: Squad, task: TaskFactory, views: Views) -> None:
    added = task(to=("ada", "bob"))
    assert [view.task.id for view in views.ready()] == [added.id]
    squad.pause_all(actor=PERSON)
    assert [hold.text for hold in views.task(added.id).holds] == ["the mission is paused"]
    assert [hold.text for hold in views.tasks()[0].holds] == ["the mission is paused"]
    assert views.ready() == []
    pause = views.status().paused
    assert pause is not None
    assert pause.by == PERSON
    assert {hold.text for view in views.status().agents for hold in view.holds} == {"the mission is paused"}


def test_pausing_twice_keeps_the_first_pause_and_is_told_once(squad: Squad, store: Store, agent: AgentFactory) -> None:
    first = squad.pause_all(actor=PERSON)
    assert squad.pause_all(actor="somebody else") == first
    assert squad.resume_all(actor=PERSON)
    assert not squad.resume_all(actor=PERSON)
    kinds = [activity.kind for activity in history.latest(store, agent=None, limit=10)]
    assert kinds == ["mission_paused", "mission_resumed"]


def test_an_agent_that_was_paused_alone_stays_so_when_the_mission_goes_on(
    board: Board, squad: Squad, task: TaskFactory
) -> None:
    task()
    squad.pause("ada", actor=PERSON)
    squad.pause_all(actor=PERSON)
    squad.resume_all(actor=PERSON)
    assert board.claim("ada", claimer=process()) == []
