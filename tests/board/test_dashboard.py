"""The board as columns, and what needs a person, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mission_control.board import Board
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.dashboard.columns import Column, board_picture
from mission_control.dashboard.needs import needs
from mission_control.domain.attempt import Outcome
from mission_control.domain.history import CommentKind
from mission_control.domain.task import Priority, Status
from mission_control.store import history, overview, tasks
from mission_control.store.store import Store
from mission_control.store.tasks import Filter
from mission_control.views import Views
from support.clock import START, FakeClock
from support.factories import PERSON, AgentFactory, TaskFactory, ending, process


@pytest.fixture
def views(store: Store, clock: Clock, config: Config) -> Views:
    return Views(store, clock, config)


def names(column: Column) -> list[str]:
    return [card.view.task.title for card in column.cards]


def test_the_inbox_stands_in_the_order_of_the_queue_and_says_how_many_do_not_fit(
    store: Store, views: Views, agent: AgentFactory, task: TaskFactory
) -> None:
    agent("ada")
    for title, priority in (("one", Priority.LOW), ("two", Priority.NORMAL), ("three", Priority.URGENT)):
        task(title, to="ada", priority=priority)
    inbox = board_picture(store, views, Filter(), more={Status.INBOX: 2}).columns[0]
    assert (names(inbox), inbox.total, inbox.hidden) == (["three", "two"], 3, 1)


def test_a_filter_narrows_cards_and_counts_alike(
    store: Store, views: Views, agent: AgentFactory, task: TaskFactory
) -> None:
    agent("ada")
    agent("bob")
    for number in range(3):
        task(f"100% of {number}", to="ada")
    task("other", to="bob", priority=Priority.HIGH)
    for wanted, total in (
        (Filter(agent="ada"), 3),
        (Filter(search="100%"), 3),
        (Filter(priority=Priority.HIGH), 1),
        (Filter(agent="bob", search="100%"), 0),
    ):
        inbox = board_picture(store, views, wanted, more={Status.INBOX: 2}).columns[0]
        assert (len(inbox.cards), inbox.total) == (min(total, 2), total)


def test_what_came_into_a_column_last_stands_first(
    store: Store, views: Views, board: Board, clock: FakeClock, agent: AgentFactory, task: TaskFactory
) -> None:
    agent("ada", slots=9)
    for title in ("one", "two", "three"):
        task(title, to="ada")
    claims = {claim.task.title: claim for claim in board.claim("ada", claimer=process())}
    for title in ("two", "three", "one"):
        clock.advance(timedelta(seconds=1))
        board.finish(claims[title].lease, ending(Outcome.SUCCEEDED))
    assert names(board_picture(store, views, Filter()).columns[4]) == ["one", "three", "two"]


def test_a_card_of_a_running_task_has_its_live_attempt(
    store: Store, views: Views, board: Board, agent: AgentFactory, task: TaskFactory
) -> None:
    agent("ada")
    task("run", to="ada")
    (claim,) = board.claim("ada", claimer=process())
    (card,) = board_picture(store, views, Filter()).columns[1].cards
    assert card.attempt is not None
    assert card.attempt.token == claim.lease.token


def test_a_person_is_shown_reviews_open_questions_and_blocked_tasks(
    store: Store, views: Views, board: Board, agent: AgentFactory, task: TaskFactory
) -> None:
    agent("ada", slots=9)
    for title, more in (("look", {"review": True}), ("ask", {}), ("fail", {})):
        task(title, to="ada", max_attempts=1, **more)
    for claim in board.claim("ada", claimer=process()):
        board.finish(claim.lease, ending(Outcome.SUCCEEDED if claim.task.review else Outcome.FAILED))
    asked = next(found for found in tasks.listed(store, Filter(), limit=9) if found.title == "ask")
    history.add_comment(store, asked.id, author="ada", body="Which?", kind=CommentKind.QUESTION, created_at=START)

    found = needs(store, views)
    assert [view.task.title for view in found.reviews] == ["look"]
    assert [(question.view.task.title, question.comment.body) for question in found.questions] == [("ask", "Which?")]
    assert [view.task.title for view in found.blocked] == ["fail"]
    assert found.count == 3

    board.answer(asked.id, "This.", actor=PERSON)
    assert needs(store, views).questions == ()


def test_a_period_has_the_attempts_that_ended_in_it(
    store: Store, board: Board, agent: AgentFactory, task: TaskFactory
) -> None:
    agent("ada", slots=9)
    task("one", to="ada")
    (claim,) = board.claim("ada", claimer=process())
    assert [bar.ended_at for bar in overview.bars(store, START, None, limit=9)] == [None]
    board.finish(claim.lease, ending(Outcome.SUCCEEDED))
    (ended,) = overview.ended_between(store, START, START.replace(year=2027))
    assert (ended.agent, ended.outcome, ended.ended_at) == ("ada", Outcome.SUCCEEDED, START)
    assert list(overview.ended_between(store, START.replace(year=2025), START)) == []
    assert overview.outcomes_by_agent(store, START) == {"ada": {Outcome.SUCCEEDED: 1}}
    (bar,) = overview.bars(store, START, "ada", limit=9)
    assert (bar.title, bar.outcome) == ("one", Outcome.SUCCEEDED)


def test_history_is_leafed_through_backwards_with_titles(
    store: Store, board: Board, agent: AgentFactory, task: TaskFactory
) -> None:
    agent("ada")
    gone = task("gone", to="ada")
    task("there", to="ada")
    board.delete(gone.id, actor=PERSON)
    lines = history.before(store, history.NO_ID_BEFORE, agent=None, kind=None, limit=2)
    assert [(found.line.kind, found.title) for found in lines] == [("deleted", ""), ("added", "there")]
    older = history.before(store, lines[-1].line.id or 0, agent=None, kind="added", limit=9)
    assert [found.title for found in older] == [""]
    assert history.last_id(store) == lines[0].line.id
