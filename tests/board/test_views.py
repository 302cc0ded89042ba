"""What may be seen of tasks: holds are those of the claim, ids mean what people write."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mission_control.board import Board
from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.readiness import HoldKind
from mission_control.domain.task import Priority, Status
from mission_control.errors import Conflict, InvalidInput, NotFound
from mission_control.store import history, tasks
from mission_control.store.tasks import Filter
from mission_control.views import Views
from support.factories import PERSON, ending, process


@pytest.fixture
def views(store, clock, config) -> Views:
    return Views(store, clock, config)


def names(found) -> list[str]:
    return [view.task.name for view in found]


def claimed_names(claims) -> list[str]:
    return [claim.task.name for claim in claims]


def fail(board, claim) -> None:
    board.start(claim.lease, process(pid=7))
    board.finish(claim.lease, ending(Outcome.FAILED))


def test_ready_lists_exactly_what_a_claim_takes_and_in_its_order(views, board, agent, task, clock):
    agent("ada", slots=20)
    low = task("low", priority=Priority.LOW)
    first, second = task("first"), task("second", to=("bob", "ada"))
    task("waits for first", after=[first])
    task("for bob alone", to="bob")
    task("later", not_before=clock.now() + timedelta(hours=1))
    soon = task("soon", not_before=clock.now() + timedelta(minutes=1))
    running = task("runs", priority=Priority.URGENT)
    board.cancel(task("cancelled").id, actor=PERSON)
    failing = task("fails", priority=Priority.URGENT)
    (claim,) = [c for c in board.claim("ada", claimer=process(), most=2) if c.task.id == failing.id]
    fail(board, claim)
    clock.advance(timedelta(minutes=2))  # the wait of `soon` and the backoff of `fails` are over, nothing woke them

    listed = names(views.ready("ada"))

    assert listed == [failing.name, first.name, second.name, soon.name, low.name]
    assert running.name not in listed
    assert listed == claimed_names(board.claim("ada", claimer=process()))
    assert views.ready("ada") == []


def test_what_does_not_fit_into_the_slots_comes_with_the_next_claim(views, board, agent, task):
    agent("ada", slots=2)
    made = [task(str(number)) for number in range(3)]
    listed = names(views.ready("ada"))
    taken = board.claim("ada", claimer=process())
    assert listed == [each.name for each in made]
    assert claimed_names(taken) == listed[:2]
    assert views.ready("ada") == []  # both slots are in use
    board.start(taken[0].lease, process(pid=7))
    board.finish(taken[0].lease, ending())
    assert names(views.ready("ada")) == listed[2:] == claimed_names(board.claim("ada", claimer=process()))


def test_a_backoff_from_before_the_clock_was_set_back_is_ready(views, board, agent, task, clock):
    agent("ada")
    made = task()
    clock.advance(timedelta(days=2))
    (claim,) = board.claim("ada", claimer=process())
    fail(board, claim)
    clock.set_wall(clock.now() - timedelta(days=1))
    assert names(views.ready()) == [made.name]
    assert claimed_names(board.claim("ada", claimer=process())) == [made.name]


def test_looking_changes_nothing(views, task, clock, store):
    task("soon", not_before=clock.now() + timedelta(minutes=1))
    clock.advance(timedelta(minutes=2))
    before = store.rows("task.waking", agent="ada", now=clock.now(), limit=9)
    views.ready("ada")
    views.tasks()
    views.status()
    assert store.rows("task.waking", agent="ada", now=clock.now(), limit=9) == before != []


def test_ready_without_an_agent_merges_the_queues_of_all_who_have_a_slot(views, board, squad, task):
    both, of_bob, of_eve = task("both", to=("ada", "bob")), task("bob's", to="bob"), task("eve's", to="eve")
    squad.pause("eve", actor=PERSON)
    assert names(views.ready()) == [both.name, of_bob.name]
    assert names(views.ready("bob")) == [both.name, of_bob.name]
    assert names(views.ready(limit=1)) == [both.name]
    assert of_eve.name not in names(views.ready("eve"))


def test_a_task_says_everything_that_holds_it(views, board, squad, task, clock):
    first = task("first", to="bob")
    held = task("held", after=[first], not_before=clock.now() + timedelta(hours=1))
    squad.pause("ada", actor=PERSON)
    view = views.task(held.id)
    assert [hold.kind for hold in view.holds] == [HoldKind.PREDECESSOR, HoldKind.NOT_BEFORE, HoldKind.AGENT_PAUSED]
    assert view.next_claim is None
    assert [(before.id, before.status) for before in view.predecessors] == [(first.id, Status.INBOX)]
    assert views.tasks(Filter(agent="ada"))[0].holds == view.holds


def test_a_task_that_nothing_holds_names_the_earliest_heartbeat_of_a_free_agent(views, squad, agent, task):
    ada, bob = agent("ada", schedule="30 * * * *"), agent("bob", schedule="20 * * * *")
    made = task(to=("ada", "bob"))
    claim = views.task(made.id).next_claim
    assert claim is not None
    assert (claim.agent, claim.at) == ("bob", bob.next_heartbeat_at)
    squad.pause("bob", actor=PERSON)
    claim = views.task(made.id).next_claim
    assert claim is not None
    assert (claim.agent, claim.at) == ("ada", ada.next_heartbeat_at)


def test_a_task_shows_its_attempts_thread_and_history_in_order(views, board, task):
    made = task()
    (claim,) = board.claim("ada", claimer=process())
    board.comment(made.id, "How far?", actor="bob")
    fail(board, claim)
    view = views.task(made.id)
    assert [attempt.name for attempt in view.attempts] == [f"{made.name}/1"]
    assert [comment.body for comment in view.thread] == ["How far?"]
    assert [line.kind for line in view.activities] == ["added", "claim", "commented", "failed"]
    assert [hold.kind for hold in view.holds] == [HoldKind.BACKOFF]


def test_lists_show_open_tasks_in_queue_order_and_all_tasks_newest_first(views, board, task):
    low, normal, gone = task("low", priority=Priority.LOW), task("normal"), task("gone")
    board.cancel(gone.id, actor=PERSON)
    assert names(views.tasks()) == [normal.name, low.name]
    assert names(views.tasks(everything=True)) == [gone.name, normal.name, low.name]
    assert names(views.tasks(Filter(status=Status.CANCELLED))) == [gone.name]
    assert names(views.tasks(Filter(search="NORM"))) == [normal.name]
    assert names(views.tasks(limit=1)) == [normal.name]


def test_lists_carry_attempts_only_when_asked(views, board, task):
    task()
    board.claim("ada", claimer=process())
    (without,), (with_them,) = views.tasks(), views.tasks(with_attempts=True)
    assert without.attempts == ()
    assert [attempt.number for attempt in with_them.attempts] == [1]


def test_a_task_is_found_by_every_way_to_write_its_id(views, store, board, task):
    made = task()
    legacy = board.add(NewTask(title="old"), actor=PERSON)[0]
    with store.transaction():
        tasks.insert(store, replace(legacy, id=900, legacy_id="task-7/a"))
        tasks.insert(store, replace(legacy, id=901, legacy_id="77"))
    for text in (made.name, made.name.lower(), str(made.id)):
        assert views.resolve_task(text) == made.id
    assert views.resolve_task("task-7/a") == 900
    assert views.resolve_task("77") == 901


@pytest.mark.parametrize("text", ["", " ", "fix the login", "T-1\n", "12\x1b[31m", "-1", "9" * 300, "T-\ud800"])
def test_what_can_be_no_id_is_refused(views, text):
    with pytest.raises(InvalidInput):
        views.resolve_task(text)


@pytest.mark.parametrize("text", ["T-99", "99", "nobody-knows", "9" * 19, "T-0", "٣"])
def test_an_id_that_nobody_has_is_not_found(views, text):
    with pytest.raises(NotFound):
        views.resolve_task(text)


def test_an_attempt_is_found_by_its_number_and_the_latest_without_one(views, board, task, clock):
    made, untried = task(), task("untried", to="bob")
    (claim,) = board.claim("ada", claimer=process())
    fail(board, claim)
    clock.advance(timedelta(minutes=1))
    board.claim("ada", claimer=process())
    assert views.resolve_attempt(f"{made.name}/1") == (made.id, 1)
    assert views.resolve_attempt(str(made.id)) == (made.id, 2)
    for missing in (f"{made.name}/3", untried.name):
        with pytest.raises(NotFound):
            views.resolve_attempt(missing)


def test_an_agent_is_found_with_and_without_at_sign_and_not_after_leaving(views, squad, agent):
    agent("ada")
    assert views.resolve_agent("@ada") == views.resolve_agent("ada") == "ada"
    squad.remove("ada", actor=PERSON)
    with pytest.raises(NotFound):
        views.resolve_agent("ada")
    with pytest.raises(InvalidInput):
        views.resolve_agent("Not A Name")


def test_activities_go_on_after_the_line_last_seen(views, board, task):
    made = task()
    seen = views.activities(limit=1)
    assert [line.kind for line in seen] == ["added"]
    board.cancel(made.id, actor=PERSON)
    assert [line.kind for line in views.activities(seen[-1].id)] == ["cancel"]
    assert [line.agent for line in views.activities(agent="ada")] == ["ada"]
    assert views.activities(0, agent="ada") == views.activities(agent="ada")


def test_undelivered_mentions_are_those_without_a_delivery(views, store, agent, clock):
    agent("ada")
    common = {"agent": "ada", "created_at": clock.now(), "legacy": None}
    history.add_notification(store, content="open", delivered_at=None, legacy_id="n1", **common)
    history.add_notification(store, content="done", delivered_at=clock.now(), legacy_id="n2", **common)
    assert [mention.content for mention in views.undelivered()] == ["open"]
    assert views.undelivered("bob") == []


def test_a_full_runner_holds_the_tasks_of_every_agent_that_it_drives(store, clock, config, board, task):
    one_shell = replace(config, runner_slots={"shell": 1})
    limited = Board(store, clock, one_shell, refuses=lambda _runner, _command: None)
    first, second = task("first", to="ada"), task("second", to="bob")
    (claim,) = limited.claim("ada", claimer=process())
    views = Views(store, clock, one_shell)
    assert [hold.text for hold in views.task(second.id).holds] == ["runner shell is full: 1 of 1 in use"]
    assert views.ready("bob") == []
    with pytest.raises(Conflict, match="runner shell is full"):
        limited.claim_task(second.id, "bob", claimer=process())
    limited.finish(claim.lease, ending())
    assert claim.task.id == first.id
    assert names(views.ready("bob")) == [second.name]


def test_the_status_says_of_every_agent_what_it_would_do_next_and_what_keeps_it(
    views, board, squad, agent, task, clock
):
    for name in ("ada", "bob", "cyd", "dan", "eve"):
        agent(name, slots=1)
    first = task(to="ada")
    board.claim("ada", claimer=process())
    task(to="ada")
    after = task(to="bob", after=[first])
    later = task(to="cyd", not_before=clock.now() + timedelta(hours=1))
    ready = task(to="cyd")
    squad.pause("dan", actor=PERSON)
    found = {view.agent.name: view for view in views.status().agents}
    assert {name: [hold.kind for hold in view.holds] for name, view in found.items()} == {
        "ada": [HoldKind.SLOTS_FULL],
        "bob": [HoldKind.PREDECESSOR],
        "cyd": [],
        "dan": [HoldKind.AGENT_PAUSED],
        "eve": [],
    }
    assert {name: view.next_task and view.next_task.id for name, view in found.items()} == {
        "ada": None,
        "bob": after.id,
        "cyd": ready.id,  # not the older one, which nothing but time can start
        "dan": None,
        "eve": None,
    }
    assert later.id < ready.id
