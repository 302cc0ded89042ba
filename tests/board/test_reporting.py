"""What the agent of a live attempt may do, and that nobody else may do it with its key."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mission_control.board import Board, Claim
from mission_control.config import Config
from mission_control.domain.attempt import Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.history import CommentKind
from mission_control.domain.key import without_keys
from mission_control.domain.task import Priority, Status, Task
from mission_control.errors import Conflict, IllegalMove, InvalidInput, LeaseLost, NotFound, NotPermitted
from mission_control.folder import Folder
from mission_control.inbox import Need, inbox
from mission_control.reporting import Reporting
from mission_control.store import attempts, history, reporting, tasks
from mission_control.store.store import Store
from support.clock import FakeClock
from support.database import ask
from support.factories import PERSON, AgentFactory, TaskFactory, ending, process


@pytest.fixture
def inside(store: Store, clock: FakeClock, config: Config, board: Board) -> Reporting:
    return Reporting(store, clock, config, board)


@pytest.fixture
def at_work(board: Board, task: TaskFactory) -> Callable[..., Claim]:
    """A task whose attempt has been claimed and started."""

    def start(title: str = "Write the report", **fields: object) -> Claim:
        added = task(title, **fields)  # type: ignore[arg-type]  # fields of NewTask
        return take(board, added)

    return start


def take(board: Board, added: Task) -> Claim:
    claim = board.claim_task(added.id, added.agents[0], claimer=process())
    board.start(claim.lease, process())
    return claim


def now(store: Store, claim: Claim) -> Task:
    found = tasks.get(store, claim.task.id)
    assert found is not None
    return found


def kinds(store: Store, claim: Claim) -> list[str]:
    return [line.kind for line in history.of_task(store, claim.task.id)]


def everything(store: Store) -> list[object]:
    names = ("task", "attempt", "assignment", "comment", "mention", "attachment", "memory", "activity")
    return [ask(store, f"SELECT * FROM {name} ORDER BY 1, 2") for name in names]


# The key


def test_a_key_speaks_for_its_own_attempt(inside: Reporting, at_work: Callable[..., Claim]) -> None:
    first, second = at_work(), at_work(to="bob")
    assert inside.speaker(first.key).name == first.name
    assert (inside.speaker(second.key).agent, inside.speaker(second.key).name) == ("bob", second.name)
    assert first.key not in repr(first)


def test_a_key_is_worth_nothing_once_its_attempt_has_ended(
    inside: Reporting, board: Board, store: Store, at_work: Callable[..., Claim]
) -> None:
    claim = at_work(max_attempts=2)
    board.finish(claim.lease, ending(Outcome.RELEASED))
    again = take(board, now(store, claim))
    before = everything(store)
    with pytest.raises(NotPermitted, match="T-1/1 has ended"):
        inside.progress(claim.key, "still here")
    assert everything(store) == before
    inside.progress(again.key, "here")


@pytest.mark.parametrize(
    "forge",
    [
        lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
        lambda key: key.replace("T-1.", "T-2."),
        lambda key: key.split("_")[0],
        lambda key: key + "0",
        lambda _: "",
        lambda _: "mck_T-" + "9" * 400,
    ],
)
def test_a_forged_key_changes_nothing(
    inside: Reporting, store: Store, at_work: Callable[..., Claim], forge: Callable[[str], str]
) -> None:
    key = forge(at_work().key)
    at_work(to="bob")
    before = everything(store)
    for act in ACTS.values():
        with pytest.raises(NotPermitted, match="not one of this mission"):
            act(inside, key)
    assert everything(store) == before


ACTS: dict[str, Callable[[Reporting, str], object]] = {
    "progress": lambda inside, key: inside.progress(key, "x"),
    "comment": lambda inside, key: inside.comment(key, "x"),
    "ask": lambda inside, key: inside.ask(key, "x?"),
    "hand_off": lambda inside, key: inside.hand_off(key, "bob", "x"),
    "add_subtask": lambda inside, key: inside.add_subtask(key, NewTask("x", command="true")),
    "attach": lambda inside, key: inside.attach(key, os.devnull),
    "remember": lambda inside, key: inside.remember(key, "x"),
}


def test_a_key_in_any_text_is_hidden(inside: Reporting, store: Store, at_work: Callable[..., Claim]) -> None:
    claim = at_work()
    text = f"see {claim.key}"
    inside.progress(claim.key, text)
    inside.comment(claim.key, text)
    inside.remember(claim.key, text)
    inside.add_subtask(claim.key, NewTask(text, description=text, command=text))
    inside.ask(claim.key, text)
    assert claim.key not in repr(everything(store))
    assert "see mck_•••" in repr(everything(store))
    assert without_keys(text) == "see mck_•••"


# Progress, comments


def test_the_last_progress_stands_with_the_attempt_and_all_in_the_history(
    inside: Reporting, store: Store, at_work: Callable[..., Claim]
) -> None:
    claim = at_work()
    inside.progress(claim.key, "reading\nthe sources", 10)
    inside.progress(claim.key, "writing")
    (attempt,) = attempts.of_task(store, claim.task.id)
    assert (attempt.progress, attempt.progress_percent) == ("writing", None)
    lines = [line for line in history.of_task(store, claim.task.id) if line.kind == "progress"]
    assert [(line.message, line.actor, line.attempt) for line in lines] == [
        ("reading the sources (10 %)", "ada", 1),
        ("writing", "ada", 1),
    ]


@pytest.mark.parametrize(("text", "percent"), [("", None), (" \n", None), ("x" * 501, None), ("x", 101), ("x", -1)])
def test_progress_that_says_nothing_or_too_much_is_refused(
    inside: Reporting, store: Store, at_work: Callable[..., Claim], text: str, percent: int | None
) -> None:
    claim = at_work()
    before = everything(store)
    with pytest.raises(InvalidInput):
        inside.progress(claim.key, text, percent)
    assert everything(store) == before


def test_an_agent_writes_into_its_own_thread_and_into_those_above_and_below(
    inside: Reporting, board: Board, store: Store, agent: AgentFactory, at_work: Callable[..., Claim]
) -> None:
    agent("bob")
    parent, stranger = at_work(), at_work(to="cyd")
    child, _ = inside.add_subtask(parent.key, NewTask("Part", agents=("bob",), command="true"))
    below = take(board, child)
    inside.comment(parent.key, "how far?", child.id)
    inside.comment(below.key, "half way, @ada and @max", parent.task.id)
    assert [c.body for c in history.thread(store, child.id)] == ["how far?"]
    assert [(c.author, c.body) for c in history.thread(store, parent.task.id)] == [("bob", "half way, @ada and @max")]
    for other in (stranger.task.id, 999):
        with pytest.raises(NotPermitted, match="is not yours"):
            inside.comment(parent.key, "let me in", other)
    assert history.thread(store, stranger.task.id) == []
    assert [c.body for c in history.mentions_of(store, "max", 9)] == ["half way, @ada and @max"]


# Asking


def test_a_question_blocks_the_task_when_the_attempt_has_ended_and_the_answer_brings_it_back(
    inside: Reporting, board: Board, store: Store, at_work: Callable[..., Claim]
) -> None:
    claim = at_work(max_attempts=1)
    inside.ask(claim.key, "Which server?\nThe old or the new?")
    assert now(store, claim).status is Status.IN_PROGRESS
    blocked = board.finish(claim.lease, ending())
    assert (blocked.status, blocked.reason, blocked.failures) == (Status.BLOCKED, "ada asks: Which server?", 0)
    (ended,) = attempts.of_task(store, claim.task.id)
    assert (ended.outcome, ended.error) == (Outcome.RELEASED, None)
    (call,) = inbox(store, PERSON, limit=9)
    assert (call.need, call.author, call.text) == (Need.QUESTION, "ada", "Which server?\nThe old or the new?")
    back = board.answer(claim.task.id, "The new one", actor=PERSON)
    assert back.status is Status.INBOX
    assert inbox(store, PERSON, limit=9) == []
    thread = [(entry.author, entry.kind) for entry in history.thread(store, claim.task.id)]
    assert thread == [("ada", CommentKind.QUESTION), (PERSON, CommentKind.ANSWER)]
    done = board.finish(take(board, back).lease, ending())
    assert done.status is Status.DONE


@pytest.mark.parametrize(
    ("outcome", "recorded"),
    [
        (Outcome.SUCCEEDED, Outcome.RELEASED),
        (Outcome.FAILED, Outcome.RELEASED),
        (Outcome.RELEASED, Outcome.RELEASED),
        (Outcome.CANCELLED, Outcome.RELEASED),
        (Outcome.TIMED_OUT, Outcome.TIMED_OUT),
        (Outcome.LOST, Outcome.LOST),
    ],
)
def test_a_question_stands_however_the_attempt_ends(
    inside: Reporting,
    board: Board,
    store: Store,
    at_work: Callable[..., Claim],
    outcome: Outcome,
    recorded: Outcome,
) -> None:
    claim = at_work()
    inside.ask(claim.key, "Which?")
    for _ in range(2):  # saying the same again is harmless
        assert board.finish(claim.lease, ending(outcome)).status is Status.BLOCKED
    assert attempts.of_task(store, claim.task.id)[0].outcome is recorded
    other = Outcome.LOST if outcome is not Outcome.LOST else Outcome.TIMED_OUT
    with pytest.raises(LeaseLost):
        board.finish(claim.lease, ending(other))


def test_an_answer_that_comes_before_the_end_keeps_the_task_from_being_blocked(
    inside: Reporting, board: Board, store: Store, at_work: Callable[..., Claim]
) -> None:
    claim = at_work()
    with pytest.raises(IllegalMove):
        board.answer(claim.task.id, "to nobody", actor=PERSON)
    inside.ask(claim.key, "Which?")
    assert board.answer(claim.task.id, "This", actor=PERSON).status is Status.IN_PROGRESS
    assert board.finish(claim.lease, ending()).status is Status.INBOX
    inside_again = take(board, now(store, claim))
    inside.ask(inside_again.key, "And now?")
    assert board.finish(inside_again.lease, ending()).status is Status.BLOCKED


def test_a_cancel_comes_before_a_question(
    inside: Reporting, board: Board, store: Store, at_work: Callable[..., Claim]
) -> None:
    claim = at_work()
    inside.ask(claim.key, "Which?")
    board.cancel(claim.task.id, actor=PERSON)
    for _ in range(2):
        assert board.finish(claim.lease, ending(Outcome.CANCELLED)).status is Status.CANCELLED
    assert attempts.of_task(store, claim.task.id)[0].outcome is Outcome.CANCELLED


def test_an_attempt_that_goes_on_after_its_last_word_is_told_to_end(
    inside: Reporting, board: Board, clock: FakeClock, config: Config, at_work: Callable[..., Claim]
) -> None:
    claim = at_work()
    inside.ask(claim.key, "Which?")
    assert not board.renew(claim.lease).cancel_requested
    clock.advance(timedelta(seconds=config.lease_seconds / 2))
    assert board.renew(claim.lease).cancel_requested


# Handing off


def test_a_task_that_is_handed_off_waits_for_the_other_agent(
    inside: Reporting, board: Board, agent: AgentFactory, at_work: Callable[..., Claim], store: Store
) -> None:
    agent("bob")
    claim = at_work()
    inside.hand_off(claim.key, "bob", "Your turn")
    with pytest.raises(Conflict, match="handed T-1 off already"):
        inside.ask(claim.key, "Or not?")
    assert board.claim("bob", claimer=process()) == []  # not before the attempt has ended
    moved = board.finish(claim.lease, ending())
    assert (moved.status, moved.agents, moved.failures) == (Status.INBOX, ("bob",), 0)
    assert board.claim("ada", claimer=process()) == []
    (taken,) = board.claim("bob", claimer=process())
    assert taken.task.id == claim.task.id
    assert [entry.body for entry in history.thread(store, claim.task.id)] == ["@bob Your turn"]


def test_agents_cannot_hand_a_task_back_and_forth_for_ever(
    store: Store, clock: FakeClock, config: Config, board: Board, agent: AgentFactory, at_work: Callable[..., Claim]
) -> None:
    agent("bob")
    inside = Reporting(store, clock, replace(config, max_hand_offs=2), board)
    claim = at_work()
    for to in ("bob", "ada"):
        inside.hand_off(claim.key, to, "you")
        claim = take(board, board.finish(claim.lease, ending()))
    before = everything(store)
    with pytest.raises(NotPermitted, match="handed off 2 times"):
        inside.hand_off(claim.key, "bob", "you")
    assert everything(store) == before


def test_a_task_is_handed_to_somebody_else_who_is_there(
    inside: Reporting, store: Store, at_work: Callable[..., Claim]
) -> None:
    claim = at_work()
    before = everything(store)
    with pytest.raises(InvalidInput, match="You are ada"):
        inside.hand_off(claim.key, "ada", "me")
    with pytest.raises(NotFound, match="no agent nobody"):
        inside.hand_off(claim.key, "nobody", "you")
    assert everything(store) == before


# Subtasks


def test_a_subtask_knows_its_parent_and_goes_to_whom_it_names_or_to_its_own_agent(
    inside: Reporting, store: Store, agent: AgentFactory, at_work: Callable[..., Claim]
) -> None:
    agent("bob")
    claim = at_work(review=True)
    own, _ = inside.add_subtask(claim.key, NewTask("Mine", command="true"))
    other, _ = inside.add_subtask(claim.key, NewTask("Yours", agents=("bob",), command="true", after=[own.id]))
    assert (own.agents, own.parent_id, own.review) == (("ada",), claim.task.id, True)
    assert (other.agents, other.after) == (("bob",), (own.id,))
    assert [subtask.title for subtask in reporting.subtasks(store, claim.task.id)] == ["Mine", "Yours"]
    assert kinds(store, claim)[-2:] == ["subtask_added", "subtask_added"]


def test_a_retried_attempt_adds_a_subtask_with_a_key_once(inside: Reporting, at_work: Callable[..., Claim]) -> None:
    claim = at_work()
    first = inside.add_subtask(claim.key, NewTask("Part", command="true", key="part"))
    assert inside.add_subtask(claim.key, NewTask("Part", command="true", key="part")) == (first[0], False)


@pytest.mark.parametrize(
    "more",
    [
        {"timeout": timedelta(seconds=61)},
        {"max_attempts": 4},
    ],
)
def test_a_subtask_gets_no_more_than_its_parent_has(
    inside: Reporting, store: Store, at_work: Callable[..., Claim], more: dict[str, object]
) -> None:
    claim = at_work(timeout=60, max_attempts=3)
    before = everything(store)
    with pytest.raises(NotPermitted):
        inside.add_subtask(claim.key, NewTask("More", command="true", **more))  # type: ignore[arg-type]  # see above
    assert everything(store) == before
    within = inside.add_subtask(claim.key, NewTask("Less", command="true", priority=Priority.URGENT))[0]
    assert (within.timeout_seconds, within.max_attempts, within.priority) == (60, 3, Priority.NORMAL)


def test_the_depth_and_the_number_of_subtasks_are_limited(
    store: Store, clock: FakeClock, config: Config, board: Board, at_work: Callable[..., Claim]
) -> None:
    inside = Reporting(store, clock, replace(config, max_subtasks=2, max_subtask_depth=2), board)
    claim = at_work()
    below = [inside.add_subtask(claim.key, NewTask("Part", command="true"))[0] for _ in range(2)]
    with pytest.raises(NotPermitted, match="has 2 subtasks"):
        inside.add_subtask(claim.key, NewTask("Third", command="true"))
    first = take(board, below[0])
    second = take(board, inside.add_subtask(first.key, NewTask("Below", command="true"))[0])
    with pytest.raises(NotPermitted, match="subtask of level 2"):
        inside.add_subtask(second.key, NewTask("Too deep", command="true"))


def test_a_subtask_outlives_its_parent(
    inside: Reporting, board: Board, store: Store, at_work: Callable[..., Claim]
) -> None:
    claim = at_work()
    child, _ = inside.add_subtask(claim.key, NewTask("Part", command="true"))
    board.finish(claim.lease, ending())
    board.delete(claim.task.id, actor=PERSON)
    left = tasks.get(store, child.id)
    assert left is not None
    assert left.parent_id is None


# Files


@pytest.fixture
def workspace(config: Config) -> Path:
    """Of the first attempt at the first task."""
    folder = Folder(config.home).workspace(1, 1)
    folder.mkdir(parents=True)
    return folder


def test_a_file_that_is_handed_in_is_copied_with_its_digest(
    inside: Reporting, store: Store, at_work: Callable[..., Claim], workspace: Path, config: Config
) -> None:
    claim = at_work()
    (workspace / "report.pdf").write_bytes(b"one")
    first = inside.attach(claim.key, "report.pdf")
    (workspace / "report.pdf").write_bytes(b"two")
    second = inside.attach(claim.key, str(workspace / "report.pdf"), inside_workspace=True)
    assert [first.name, second.name] == ["report.pdf", "report-2.pdf"]
    assert reporting.attachments(store, claim.task.id) == [first, second]
    place = Folder(config.home).attachments(1, 1)
    assert {file.name: file.read_bytes() for file in place.iterdir()} == {"report.pdf": b"one", "report-2.pdf": b"two"}
    assert (first.size, first.sha256) == (3, hashlib.sha256(b"one").hexdigest())
    assert {oct(file.stat().st_mode)[-3:] for file in place.iterdir()} == {"600"}


def test_what_cannot_be_handed_in_leaves_nothing_behind(
    store: Store, clock: FakeClock, config: Config, board: Board, at_work: Callable[..., Claim], workspace: Path
) -> None:
    inside = Reporting(store, clock, replace(config, max_attachment_bytes=10), board)
    claim = at_work()
    (workspace / "large").write_bytes(b"x" * 11)
    (workspace / "folder").mkdir()
    os.mkfifo(workspace / "pipe")
    (workspace / "link").symlink_to("/etc/hostname")
    before = everything(store)
    for path, error in (
        ("large", InvalidInput),
        ("folder", InvalidInput),
        ("pipe", InvalidInput),
        ("missing", NotFound),
        ("nul\0", NotFound),
    ):
        with pytest.raises(error):
            inside.attach(claim.key, path)
    for path in ("link", "/etc/hostname", "../output.log", "../workspace/../../1/exit.json"):
        with pytest.raises(NotPermitted, match="outside of the attempt's workspace"):
            inside.attach(claim.key, path, inside_workspace=True)
    assert everything(store) == before
    place = Folder(config.home).attachments(1, 1)
    assert not place.exists() or list(place.iterdir()) == []


def test_a_strange_name_becomes_one_that_nothing_stumbles_over(
    inside: Reporting, at_work: Callable[..., Claim], workspace: Path
) -> None:
    claim = at_work()
    for name, kept in (
        ("-rf \x1b[31m.txt", "rf _[31m.txt"),
        (".hidden", "hidden"),
        ("x" * 200 + ".csv", "x" * 146 + ".csv"),
    ):
        (workspace / name).touch()
        assert inside.attach(claim.key, name).name == kept


# Memory


def test_every_version_of_a_memory_is_kept_also_one_that_was_written_by_hand(
    inside: Reporting, store: Store, at_work: Callable[..., Claim], config: Config
) -> None:
    path = Folder(config.home).working("ada")
    claim = at_work()
    inside.remember(claim.key, "first")
    assert path.read_text() == "first"
    path.write_text("by a person")
    inside.remember(claim.key, "second")
    assert path.read_text() == "second"
    versions = [(memory.body, memory.author) for memory in reporting.memories(store, "ada", 9)]
    assert versions == [("second", "T-1/1"), ("by a person", "by hand"), ("first", "T-1/1")]
    assert oct(path.stat().st_mode)[-3:] == "600"


def test_a_memory_that_is_too_long_is_refused(
    inside: Reporting, store: Store, at_work: Callable[..., Claim], config: Config
) -> None:
    claim = at_work()
    before = everything(store)
    with pytest.raises(InvalidInput, match="200,000 are allowed"):
        inside.remember(claim.key, "x" * 200_001)
    Folder(config.home).working("ada").parent.mkdir(parents=True)
    Folder(config.home).working("ada").write_text("x" * 1_000_001)
    with pytest.raises(Conflict, match="move it away"):
        inside.remember(claim.key, "short")
    assert everything(store) == before


# What needs a person


def test_the_inbox_has_questions_first_then_reviews_then_what_is_blocked_then_mentions(
    inside: Reporting, board: Board, store: Store, at_work: Callable[..., Claim]
) -> None:
    failed = at_work(max_attempts=1)
    board.finish(failed.lease, ending(Outcome.FAILED))
    reviewed = at_work(review=True)
    board.finish(reviewed.lease, ending())
    asking = at_work()
    inside.comment(asking.key, "For @max, and for `@nobody` in code")
    inside.ask(asking.key, "Which?")
    board.finish(asking.lease, ending())
    found = [(call.need, call.task.id) for call in inbox(store, "max", limit=9)]
    assert found == [
        (Need.QUESTION, asking.task.id),
        (Need.REVIEW, reviewed.task.id),
        (Need.BLOCKED, failed.task.id),
        (Need.MENTION, asking.task.id),
    ]
    assert [call.need for call in inbox(store, "nobody", limit=9)] == [Need.QUESTION, Need.REVIEW, Need.BLOCKED]
