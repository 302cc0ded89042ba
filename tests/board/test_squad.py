"""Who may join, change and leave."""

from __future__ import annotations

from typing import Any

import pytest

from mission_control.board import Board
from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Status
from mission_control.errors import Conflict, InvalidInput, NotFound
from mission_control.squad import NewAgent, Squad
from mission_control.store import agents
from mission_control.store.store import Store
from support.clock import FakeClock
from support.database import ask, everything
from support.factories import PERSON, AgentFactory, TaskFactory, ending, process

BAD_FIELDS: dict[str, dict[str, Any]] = {
    "no slot": {"slots": 0},
    "too many slots": {"slots": 1001},
    "an unknown runner": {"runner": "abacus"},
    "a schedule that is none": {"schedule": "now and then"},
    "a schedule that never fires": {"schedule": "0 0 30 2 *"},
    "a role that is too long": {"role": "x" * 501},
    "a NUL in the role": {"role": "\0"},
    "half a character in the role": {"role": "\ud800"},
    "a machine with a line break": {"host": "a\nb"},
    "a model with an escape": {"model": "\x1b[2J"},
}


@pytest.mark.parametrize("bad", BAD_FIELDS)
def test_an_agent_that_breaks_a_limit_neither_joins_nor_is_changed(
    squad: Squad, store: Store, agent: AgentFactory, bad: str
) -> None:
    agent("ada")
    before = everything(store)
    with pytest.raises(InvalidInput):
        squad.add(NewAgent("bob", **BAD_FIELDS[bad]), actor=PERSON)
    with pytest.raises(InvalidInput):
        squad.edit("ada", BAD_FIELDS[bad], actor=PERSON)
    assert everything(store) == before


@pytest.mark.parametrize("name", ["", "Ada", "a b", "-x", "a" * 65, "ä", "a\n", "../a", "a\0"])
def test_a_name_that_is_none_is_refused(squad: Squad, store: Store, name: str) -> None:
    before = everything(store)
    with pytest.raises(InvalidInput):
        squad.add(NewAgent(name), actor=PERSON)
    assert everything(store) == before


def test_a_name_is_given_once(squad: Squad, store: Store, agent: AgentFactory) -> None:
    agent("ada")
    before = everything(store)
    with pytest.raises(Conflict):
        squad.add(NewAgent("@ada"), actor=PERSON)
    assert everything(store) == before


def test_new_agents_beat_two_minutes_apart(agent: AgentFactory) -> None:
    minutes = [agent(name).next_heartbeat_at for name in ("ada", "bob", "cyd")]
    assert [moment.minute for moment in minutes if moment] == [15, 2, 4]


def test_an_agent_with_unfinished_tasks_stays(board: Board, squad: Squad, store: Store, task: TaskFactory) -> None:
    task(review=True)
    before = everything(store)
    with pytest.raises(Conflict, match="T-1"):
        squad.remove("ada", actor=PERSON)
    assert everything(store) == before
    (claim,) = board.claim("ada", claimer=process())
    with pytest.raises(Conflict):
        squad.remove("ada", actor=PERSON)
    board.finish(claim.lease, ending())
    with pytest.raises(Conflict):
        squad.remove("ada", actor=PERSON)
    board.approve(claim.task.id, actor=PERSON)
    assert squad.remove("ada", actor=PERSON).removed


def test_a_removed_agent_is_unknown_until_it_joins_again(squad: Squad, store: Store, agent: AgentFactory) -> None:
    agent("ada", slots=5)
    squad.remove("ada", actor=PERSON)
    before = everything(store)
    for act in (squad.pause, squad.resume, squad.remove):
        with pytest.raises(NotFound):
            act("ada", actor=PERSON)
    assert everything(store) == before
    assert agents.listed(store) == []
    squad.add(NewAgent("ada", slots=2), actor=PERSON)
    (back,) = agents.listed(store)
    assert (back.name, back.slots, back.removed, back.paused) == ("ada", 2, False, False)


def test_pausing_twice_is_told_once(squad: Squad, store: Store, agent: AgentFactory) -> None:
    agent("ada")
    for _ in range(2):
        squad.pause("ada", actor=PERSON)
    for _ in range(2):
        squad.resume("ada", actor=PERSON)
    kinds = [row["kind"] for row in ask(store, "SELECT kind FROM activity ORDER BY id")]
    assert kinds == ["agent_added", "agent_paused", "agent_resumed"]


def test_an_edit_keeps_what_it_does_not_name(squad: Squad, agent: AgentFactory, clock: FakeClock) -> None:
    agent("ada", role="Writer", slots=2, host="here", review=True)
    squad.pause("ada", actor=PERSON)
    edited = squad.edit("ada", {"slots": 4}, actor=PERSON)
    assert (edited.role, edited.slots, edited.host, edited.review) == ("Writer", 4, "here", True)
    assert edited.paused


def test_an_empty_machine_or_model_takes_it_away(squad: Squad, agent: AgentFactory) -> None:
    agent("ada", host="here", model="small")
    edited = squad.edit("ada", {"host": "", "model": ""}, actor=PERSON)
    assert (edited.host, edited.model) == (None, None)


@pytest.mark.parametrize("handed_over", [False, True])
def test_the_work_of_an_agent_under_review_is_reviewed(
    board: Board, task: TaskFactory, agent: AgentFactory, handed_over: bool
) -> None:
    agent("ada", review=True)
    agent("bob")
    made = task(to="bob" if handed_over else "ada")
    if handed_over:
        board.edit(made.id, {"agents": ("ada",)}, actor=PERSON)
    (claim,) = board.claim("ada", claimer=process())
    assert board.finish(claim.lease, ending(Outcome.SUCCEEDED)).status is Status.REVIEW
