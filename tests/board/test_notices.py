"""The outbox: what people are told is made with the move it tells, taken by one, and lost by nobody's death."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from mission_control.board import Board
from mission_control.config import Config
from mission_control.domain.attempt import Outcome
from mission_control.domain.history import Activity
from mission_control.domain.notice import ASKED, Channel, ChannelKind, News, Notice, Topic
from mission_control.errors import Conflict, InvalidInput, NotFound
from mission_control.moves import Moves
from mission_control.notices import SETTLING, Notices
from mission_control.outbox import GIVEN_UP, HOLD, LONGEST_WAIT, Outbox
from mission_control.squad import Squad
from mission_control.store import history, notices
from mission_control.store.store import Store
from support.clock import START, FakeClock
from support.factories import PERSON, AgentFactory, TaskFactory, ending, process

HOOK = "https://example.com/hooks/secret-token"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def channels(store: Store, clock: FakeClock, config: Config) -> Notices:
    return Notices(store, clock, config)


@pytest.fixture
def outbox(store: Store, clock: FakeClock, config: Config) -> Outbox:
    return Outbox(store, clock, config, jitter=lambda: 1.0)


def tell(channels: Notices, *topics: Topic, name: str | None = None, url: str = HOOK) -> Channel:
    return channels.add(url, ChannelKind.WEBHOOK, topics or tuple(Topic), actor=PERSON, name=name)


def waiting(store: Store, clock: FakeClock) -> list[Notice]:
    """Everything in the outbox, found by taking it in a rehearsal."""
    with store.rehearsal():
        found = []
        while notice := notices.take_due(
            store,
            now=clock.now() + LONGEST_WAIT,
            latest=clock.now() + timedelta(days=9),
            until=clock.now() + 2 * HOLD + LONGEST_WAIT,
        ):
            found.append(notice)
    return found


def end(board: Board, name: str, outcome: Outcome) -> None:
    (claim,) = board.claim(name, claimer=process())
    board.finish(claim.lease, ending(outcome))


def kinds(store: Store) -> list[str]:
    return [line.kind for line in history.latest(store, agent=None, limit=100)]


# What is told


def test_a_task_that_comes_to_review_is_told_to_every_channel_that_wants_it(
    store: Store, board: Board, channels: Notices, task: TaskFactory, clock: FakeClock
) -> None:
    tell(channels, Topic.REVIEW, name="one")
    tell(channels, name="all")
    tell(channels, Topic.BLOCKED, name="other")
    made = task("Write", review=True)
    end(board, "ada", Outcome.SUCCEEDED)
    told = waiting(store, clock)
    assert sorted(notice.channel.name for notice in told) == ["all", "one"]
    assert len({notice.message_id for notice in told}) == 1, "one message, whoever gets it"
    news = told[0].news
    assert (news.topic, news.title, news.task_id, news.attempt, news.agent) == (
        Topic.REVIEW,
        "Write",
        made.id,
        1,
        "ada",
    )


def test_a_task_is_told_as_blocked_once_its_attempts_are_used_up(
    store: Store, board: Board, channels: Notices, task: TaskFactory, clock: FakeClock
) -> None:
    tell(channels)
    task(max_attempts=2)
    end(board, "ada", Outcome.FAILED)
    assert waiting(store, clock) == []
    clock.advance(timedelta(minutes=5))
    end(board, "ada", Outcome.FAILED)
    (notice,) = waiting(store, clock)
    assert (notice.news.topic, notice.news.text) == (Topic.BLOCKED, "exit status 1")


def test_a_question_is_told_when_it_is_asked_and_not_again_when_its_task_blocks(
    store: Store, channels: Notices, task: TaskFactory, clock: FakeClock
) -> None:
    tell(channels)
    asked = task()
    with store.transaction():
        Moves(store, clock).note(ASKED, asked, actor="ada", message="Which colour?")
    line = Activity(
        at=clock.now(), kind=Outcome.RELEASED, actor="ada", task_id=asked.id, from_status=asked.status, to_status=None
    )
    history.append(store, replace(line, to_status=type(asked.status).BLOCKED))
    (notice,) = waiting(store, clock)
    assert (notice.news.topic, notice.news.text) == (Topic.QUESTION, "Which colour?")


def test_a_move_that_is_rolled_back_tells_nothing(
    store: Store, board: Board, channels: Notices, task: TaskFactory, clock: FakeClock
) -> None:
    tell(channels)
    task(review=True)
    with store.rehearsal():
        end(board, "ada", Outcome.SUCCEEDED)
    assert waiting(store, clock) == []


def test_what_an_import_brings_is_told_to_nobody(store: Store, channels: Notices, clock: FakeClock) -> None:
    tell(channels)
    line = Activity(at=clock.now(), kind=ASKED, actor="ada", message="of old")
    history.append(store, line, legacy_id="a-1")
    assert waiting(store, clock) == []


def test_a_standup_is_announced_with_what_made_it(store: Store, channels: Notices, clock: FakeClock) -> None:
    tell(channels, Topic.STANDUP)
    with store.transaction():
        notices.enqueue(store, News(Topic.STANDUP, clock.now(), "3 done", title="Standup of today"))
    (notice,) = waiting(store, clock)
    assert (notice.news.title, notice.news.text) == ("Standup of today", "3 done")


# On its way


@pytest.fixture
def notice(board: Board, channels: Notices, task: TaskFactory) -> None:
    """One task waits for review, and one channel is to be told."""
    tell(channels, name="hook")
    task("Write", review=True)
    end(board, "ada", Outcome.SUCCEEDED)


@pytest.mark.usefixtures("notice")
def test_two_deliverers_never_have_the_same_notice(
    outbox: Outbox, open_again: Callable[[], Store], clock: FakeClock, config: Config
) -> None:
    other = Outbox(open_again(), clock, config)
    taken = outbox.take()
    assert taken is not None
    assert other.take() is None
    outbox.delivered(taken)
    clock.advance(timedelta(days=1))
    assert other.take() is None


@pytest.mark.usefixtures("notice")
def test_what_its_deliverer_did_not_live_to_record_is_delivered_again_as_the_same_message(
    outbox: Outbox, clock: FakeClock
) -> None:
    first = outbox.take()
    clock.advance(HOLD)
    again = outbox.take()
    assert first is not None
    assert again is not None
    assert (again.message_id, again.tries) == (first.message_id, 2)


@pytest.mark.usefixtures("notice")
def test_whoever_comes_too_late_to_record_a_failure_changes_nothing(
    outbox: Outbox, clock: FakeClock, channels: Notices
) -> None:
    late = outbox.take()
    clock.advance(HOLD)
    now = outbox.take()
    assert late is not None
    assert now is not None
    assert not outbox.failed(late, "it did not answer")
    assert channels.channel("hook").failing_since is None
    outbox.delivered(late)  # but that it was delivered is true whoever says so
    assert channels.channel("hook").waiting == 0


@pytest.mark.usefixtures("notice")
def test_a_failure_is_tried_again_ever_later_and_given_up_after_a_day(
    store: Store, outbox: Outbox, clock: FakeClock, channels: Notices
) -> None:
    tries = 0
    while (taken := outbox.take()) and not outbox.failed(taken, "it answered 503"):
        tries += 1
        wait = timedelta(seconds=min(10 * 2 ** (tries - 1), 3600))
        clock.advance(wait - timedelta(seconds=1))
        assert not outbox.is_any_due()
        clock.advance(timedelta(seconds=1))
    assert timedelta(hours=24) <= clock.now() - START < timedelta(hours=25)
    assert outbox.take() is None
    hook = channels.channel("hook")
    assert (hook.failing_since, hook.last_error, hook.waiting) == (START, "it answered 503", 0)
    last = history.latest(store, agent=None, limit=1)[0]
    assert (last.kind, last.task_id) == (GIVEN_UP, 1)
    assert "review through hook after" in last.message


def test_a_channel_that_fails_is_not_asked_for_each_of_its_notices_and_holds_no_other_up(
    store: Store, channels: Notices, outbox: Outbox, clock: FakeClock
) -> None:
    tell(channels, name="down")
    for number in range(3):
        notices.enqueue(store, News(Topic.STANDUP, clock.now(), "", title=f"Standup {number}"))
        clock.advance(timedelta(seconds=1))
    tell(channels, name="up")
    notices.enqueue(store, News(Topic.STANDUP, clock.now(), "", title="Standup 3"))
    asked = []
    for _ in range(3):
        while taken := outbox.take():
            asked.append((taken.channel.name, taken.news.title))
            if taken.channel.name == "down":
                outbox.failed(taken, "it did not answer within 10 s")
            else:
                outbox.delivered(taken)
        clock.advance(timedelta(seconds=10))
    assert asked[:2] == [("down", "Standup 0"), ("up", "Standup 3")]
    assert 2 <= [name for name, _ in asked].count("down") <= 3, "once a round"
    assert channels.channel("down").waiting == 4


@pytest.mark.usefixtures("notice")
def test_a_receiver_that_wants_no_more_is_not_asked_again(outbox: Outbox, clock: FakeClock, store: Store) -> None:
    taken = outbox.take()
    assert taken is not None
    assert outbox.failed(taken, "it answered 410", is_final=True)
    clock.advance(timedelta(hours=2))
    assert outbox.take() is None
    assert GIVEN_UP in kinds(store)


@pytest.mark.usefixtures("notice")
def test_a_delivery_ends_what_was_told_of_failures(outbox: Outbox, clock: FakeClock, channels: Notices) -> None:
    taken = outbox.take()
    assert taken is not None
    outbox.failed(taken, "it answered 500")
    clock.advance(timedelta(seconds=10))
    again = outbox.take()
    assert again is not None
    outbox.delivered(again)
    hook = channels.channel("hook")
    assert (hook.failing_since, hook.last_error, hook.last_delivered_at) == (None, None, clock.now())


@pytest.mark.usefixtures("notice")
def test_a_clock_that_is_set_back_holds_no_notice_up(outbox: Outbox, clock: FakeClock) -> None:
    taken = outbox.take()
    assert taken is not None
    outbox.failed(taken, "it answered 500")
    clock.set_wall(START - timedelta(days=400))
    assert outbox.take() is not None


# Channels


def test_a_channel_shows_nothing_secret_and_is_removed_with_what_waits(
    store: Store, board: Board, channels: Notices, task: TaskFactory, clock: FakeClock
) -> None:
    channel = tell(channels, name="hook")
    assert channel.secret is not None
    task(review=True)
    end(board, "ada", Outcome.SUCCEEDED)
    assert channels.channel("hook").waiting == 1
    channels.remove("hook", actor=PERSON)
    assert waiting(store, clock) == []
    told = " ".join([repr(channel), *(line.message for line in history.latest(store, agent=None, limit=100))])
    assert "example.com" in told
    assert "secret-token" not in told
    assert channel.secret not in told
    with pytest.raises(NotFound):
        channels.remove("hook", actor=PERSON)


def test_names_come_from_the_address_and_are_never_given_twice(channels: Notices) -> None:
    assert tell(channels).name == "example.com"
    assert tell(channels).name == "example.com-2"
    assert channels.add("tgram://1:secret/2", ChannelKind.APPRISE, [Topic.REVIEW], actor=PERSON).name == "tgram"
    with pytest.raises(Conflict):
        tell(channels, name="tgram")


@pytest.mark.parametrize(
    ("url", "name", "secret"),
    [
        ("example.com", None, None),
        ("https://", None, None),
        ("https://a b", None, None),
        ("https://a\nb", None, None),
        ("https://" + "a" * 2000, None, None),
        (HOOK, "", None),
        (HOOK, "-x", None),
        (HOOK, "A", None),
        (HOOK, None, "hunter2hunter2"),
        (HOOK, None, "whsec_c2hvcnQ="),
        (HOOK, None, "whsec_no base64!"),
    ],
)
def test_what_is_no_channel_is_refused_and_not_repeated(
    channels: Notices, url: str, name: str | None, secret: str | None
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        channels.add(url, ChannelKind.WEBHOOK, [Topic.REVIEW], actor=PERSON, name=name, secret=secret)
    assert channels.channels() == []
    for hidden in ("hunter2hunter2", "c2hvcnQ", "secret-token"):
        assert hidden not in str(refusal.value)


def test_a_channel_about_nothing_is_refused(channels: Notices) -> None:
    with pytest.raises(InvalidInput, match="--on"):
        channels.add(HOOK, ChannelKind.WEBHOOK, [], actor=PERSON)


def test_a_given_secret_is_kept(channels: Notices) -> None:
    assert channels.add(HOOK, ChannelKind.WEBHOOK, [Topic.REVIEW], actor=PERSON, secret=SECRET).secret == SECRET


# Silence


def looks(channels: Notices, clock: FakeClock) -> list[str]:
    """Whom two looks find silent, the second of them after everybody could have had a heartbeat."""
    first = channels.tell_silences()
    clock.advance(SETTLING)
    return first + channels.tell_silences()


def beat(store: Store, clock: FakeClock) -> None:
    from mission_control.store import agents

    agents.mark_heartbeat(store, "ada", clock.now())


def test_a_silence_of_three_intervals_is_told_once(
    store: Store, channels: Notices, agent: AgentFactory, clock: FakeClock
) -> None:
    tell(channels, Topic.SILENT)
    agent("ada", schedule="*/15 * * * *")
    clock.advance(timedelta(minutes=44))
    assert channels.tell_silences() == []
    clock.advance(timedelta(minutes=2))
    assert looks(channels, clock) == ["ada"]
    assert looks(channels, clock) == []
    (notice,) = waiting(store, clock)
    assert (notice.news.topic, notice.news.title, notice.news.agent) == (Topic.SILENT, "ada is silent", "ada")
    beat(store, clock)
    assert looks(channels, clock) == []
    clock.advance(timedelta(hours=1))
    assert looks(channels, clock) == ["ada"], "it is another silence"


def test_a_machine_that_wakes_up_tells_no_silence_that_a_heartbeat_ends(
    store: Store, channels: Notices, agent: AgentFactory, clock: FakeClock
) -> None:
    agent("ada")
    clock.advance(timedelta(hours=9))
    assert channels.tell_silences() == []
    beat(store, clock)
    clock.advance(SETTLING)
    assert channels.tell_silences() == []


def test_two_who_look_at_once_tell_one_silence(
    channels: Notices, agent: AgentFactory, clock: FakeClock, open_again: Callable[[], Store], config: Config
) -> None:
    agent("ada")
    clock.advance(timedelta(hours=1))
    other = Notices(open_again(), clock, config)
    assert channels.tell_silences() + other.tell_silences() == []
    clock.advance(SETTLING)
    assert channels.tell_silences() + other.tell_silences() == ["ada"]


@pytest.mark.parametrize("paused", ["agent", "mission", "removed"])
def test_who_is_paused_or_gone_is_not_silent(
    squad: Squad, channels: Notices, agent: AgentFactory, clock: FakeClock, paused: str
) -> None:
    agent("ada")
    match paused:
        case "agent":
            squad.pause("ada", actor=PERSON)
        case "mission":
            squad.pause_all(actor=PERSON)
        case _:
            squad.remove("ada", actor=PERSON)
    clock.advance(timedelta(hours=9))
    assert looks(channels, clock) == []


def test_a_schedule_that_sleeps_is_no_silence(channels: Notices, agent: AgentFactory, clock: FakeClock) -> None:
    agent("ada", schedule="0 9-17 * * 1-5")  # it is Friday, 10:00
    clock.set_wall(START.replace(hour=17, minute=30))
    beat(channels._store, clock)
    clock.set_wall(START.replace(hour=10, minute=30) + timedelta(days=3))
    assert looks(channels, clock) == []
    clock.set_wall(START.replace(hour=11, minute=30) + timedelta(days=3))
    assert looks(channels, clock) == ["ada"]
