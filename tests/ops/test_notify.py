"""Notifications leave the house: real receivers on loopback, real processes, killed where it hurts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mission_control import app
from mission_control.clock import SystemClock
from mission_control.config import Config
from mission_control.domain.notice import ChannelKind, News, Topic
from mission_control.errors import NotFound, Unavailable
from mission_control.folder import Folder
from mission_control.notices import Notices
from mission_control.ops import upkeep
from mission_control.ops.notify.delivering import Courier, deliver_due, send_test
from mission_control.ops.notify.webhook import Receipt, signature
from mission_control.outbox import HOLD
from mission_control.store import notices
from mission_control.store.schema import open_store
from mission_control.store.store import Store
from support.clock import FakeClock
from support.command import Command
from support.factories import PERSON
from support.receiver import Receiver, Request

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def tell(store: Store, clock: FakeClock, config: Config) -> Callable[..., None]:
    """Adds a channel and leaves one notice for it."""

    def tell_one(url: str, kind: ChannelKind = ChannelKind.WEBHOOK) -> None:
        channels = Notices(store, clock, config)
        secret = SECRET if kind is ChannelKind.WEBHOOK else None
        channels.add(
            url, kind, [Topic.STANDUP], actor=PERSON, name=f"channel-{len(channels.channels())}", secret=secret
        )
        notices.enqueue(store, News(Topic.STANDUP, clock.now(), "3 done", title="Standup"))

    Folder(config.home).make()
    return tell_one


def assert_signed(request: Request) -> None:
    headers = request.headers
    signed = signature(SECRET, headers["webhook-id"], int(headers["webhook-timestamp"]), request.body)
    assert headers["webhook-signature"] == signed


def log_of(config: Config) -> str:
    return (config.home / "logs" / "notify.log").read_text()


def deliver(store: Store, config: Config, clock: FakeClock, *, seconds: float = 60) -> int:
    return deliver_due(store, config, clock, most_seconds=seconds)


# Delivered


def test_a_webhook_is_signed_and_gone_from_the_outbox_once_it_was_taken(
    store: Store, config: Config, clock: FakeClock, receiver: Receiver, tell: Callable[..., None]
) -> None:
    tell(receiver.url)
    assert deliver(store, config, clock) == 1
    assert deliver(store, config, clock) == 0
    (request,) = receiver.requests
    assert_signed(request)
    assert request.headers["webhook-timestamp"] == str(int(clock.now().timestamp()))
    assert json.loads(request.body) == {
        "type": "standup.made",
        "timestamp": "2026-02-06T10:00:00.000000Z",
        "data": {
            "mission": config.home.name,
            "host": "here",
            "title": "Standup",
            "text": "3 done",
            "task": None,
            "attempt": None,
            "agent": None,
        },
    }
    (channel,) = notices.channels(store)
    assert (channel.waiting, channel.last_delivered_at) == (0, clock.now())


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_apprise_delivers_what_it_can_reach(
    store: Store, config: Config, clock: FakeClock, receiver: Receiver, tell: Callable[..., None]
) -> None:
    tell(f"json://127.0.0.1:{receiver.port}/hidden-token", ChannelKind.APPRISE)
    receiver.answers = [401]
    assert deliver(store, config, clock) == 0
    (channel,) = notices.channels(store)
    assert channel.last_error == "it answered 401"
    clock.advance(timedelta(minutes=1))
    assert deliver(store, config, clock) == 1
    told = json.loads(receiver.requests[-1].body)
    assert (told["title"], told["message"].splitlines()[0]) == ("Standup", "3 done")
    assert "hidden-token" not in log_of(config)


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_text_that_looks_like_markup_or_escapes_arrives_as_it_is(
    store: Store, config: Config, clock: FakeClock, receiver: Receiver
) -> None:
    Folder(config.home).make()
    channels = Notices(store, clock, config)
    url = f"json://127.0.0.1:{receiver.port}/"
    channels.add(url, ChannelKind.APPRISE, [Topic.STANDUP], actor=PERSON)
    nasty = r"<b>bold</b> \n {{ app_id }} **x** 'q' é"
    notices.enqueue(store, News(Topic.STANDUP, clock.now(), nasty, title="T"))
    deliver(store, config, clock)
    assert json.loads(receiver.requests[0].body)["message"].splitlines()[0] == nasty


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("code", "error"), [(500, "it answered 500"), (302, "it answered 302"), (404, "it answered 404")]
)
def test_any_answer_but_success_is_a_failure_and_is_tried_again(
    store: Store,
    config: Config,
    clock: FakeClock,
    receiver: Receiver,
    tell: Callable[..., None],
    code: int,
    error: str,
) -> None:
    tell(receiver.url)
    receiver.answers, receiver.location = [code], receiver.url
    assert deliver(store, config, clock) == 0
    assert len(receiver.requests) == 1, "nobody signed for another place"
    (channel,) = notices.channels(store)
    assert (channel.waiting, channel.last_error, channel.failing_since) == (1, error, clock.now())
    assert deliver(store, config, clock) == 0
    assert len(receiver.requests) == 1, "not before its backoff"
    clock.advance(timedelta(seconds=10))
    assert deliver(store, config, clock) == 1
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert_signed(second)


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_a_receiver_that_is_gone_is_given_up_and_one_that_is_down_holds_no_other_up(
    store: Store, config: Config, clock: FakeClock, receiver: Receiver, tell: Callable[..., None]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        tell(f"http://127.0.0.1:{nobody.getsockname()[1]}/hidden-token")
        tell(receiver.url)  # both channels hear of the second
        receiver.answers = [410]
        deliver(store, config, clock)
    down, gone = notices.channels(store)
    assert (down.waiting, down.last_error) == (2, "it cannot be reached: Connection refused")
    assert (gone.waiting, gone.last_error) == (0, "it answered 410")
    assert "notice_given_up channel=channel-1" in log_of(config)
    assert "hidden-token" not in log_of(config)


# Killed, stuck, at once


def test_killed_between_sending_and_recording_it_is_delivered_again_as_the_same_message(
    store: Store, config: Config, clock: FakeClock, receiver: Receiver, tell: Callable[..., None], address: str
) -> None:
    tell(receiver.url)
    program = (
        "import sys\n"
        "from datetime import datetime\n"
        "from pathlib import Path\n"
        "from mission_control.config import Config\n"
        "from mission_control.ops.notify.delivering import deliver_due\n"
        "from mission_control.store.schema import open_store\n"
        "sys.path.insert(0, sys.argv[3])\n"
        "from support.clock import FakeClock\n"
        "config = Config(home=Path(sys.argv[1]), host='here', timezone='UTC')\n"
        "deliver_due(open_store(sys.argv[2]), config, FakeClock(), most_seconds=60)\n"
    )
    tests = str(Path(__file__).parents[1])
    deliverer = subprocess.Popen([sys.executable, "-c", program, str(config.home), address, tests])
    came, killed = threading.Event(), threading.Event()

    def hold(_request: Request) -> None:
        came.set()
        killed.wait(30)

    receiver.before_answer = hold
    assert came.wait(30)
    assert deliver(store, config, clock) == 0, "it is in somebody's hands"
    os.kill(deliverer.pid, signal.SIGKILL)
    deliverer.wait()
    receiver.before_answer = lambda _request: None
    killed.set()
    clock.advance(HOLD)
    assert deliver(store, config, clock) == 1
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert notices.channels(store)[0].waiting == 0


def test_two_deliverers_at_once_send_each_notice_once(
    store: Store, config: Config, clock: FakeClock, receiver: Receiver, tell: Callable[..., None], address: str
) -> None:
    tell(receiver.url)
    for number in range(19):
        notices.enqueue(store, News(Topic.STANDUP, clock.now(), "", title=f"Standup {number}"))
    arrived = []

    def deliver_beside() -> None:
        beside = open_store(address)
        arrived.append(deliver(beside, config, clock))
        beside.close()

    threads = [threading.Thread(target=deliver_beside) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(arrived) == 20
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(ids) == len(set(ids)) == 20


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_a_receiver_that_never_answers_costs_its_time_limit_and_the_next_letter_goes_out(
    store: Store, config: Config, clock: FakeClock, receiver: Receiver, tell: Callable[..., None]
) -> None:
    tell(receiver.url)
    stuck = threading.Event()
    receiver.before_answer = lambda _request: (stuck.wait(30), None)[1]
    letter = notices.take_due(store, now=clock.now(), latest=clock.now() + HOLD, until=clock.now() + HOLD)
    assert letter is not None
    with Courier(config, letter_seconds=0.5) as courier:
        assert courier.carry(letter, clock) == Receipt("it did not take it within 0.5 s")
        stuck.set()
    with Courier(config) as courier:
        first = courier._process
        assert courier.carry(letter, clock) == Receipt(None)
        assert first is None
        assert courier._process is not None
        os.kill(courier._process.pid, signal.SIGKILL)
        courier._process.wait()
        assert courier.carry(letter, clock) == Receipt("the process that delivers ended unexpectedly")
        assert courier.carry(letter, clock) == Receipt(None), "another was started"


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_no_transaction_is_open_while_a_receiver_lets_us_wait(
    store: Store, config: Config, clock: FakeClock, receiver: Receiver, tell: Callable[..., None], address: str
) -> None:
    tell(receiver.url)
    written = []

    def write_beside(_request: Request) -> None:
        beside = open_store(address)
        with beside.transaction():
            written.append(True)
        beside.close()

    receiver.before_answer = write_beside
    assert deliver(store, config, clock) == 1
    assert written == [True]


def test_a_database_that_fails_is_logged_and_stops_nobody(
    store: Store, config: Config, clock: FakeClock, tell: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Unavailable("The disk is full.")

    tell("http://127.0.0.1:9/")
    monkeypatch.setattr(notices, "is_any_due", fail)
    upkeep.Upkeep(config, clock).keep(store)
    assert 'upkeep_failed duty=deliver error="The disk is full."' in (config.home / "logs" / "upkeep.log").read_text()


def test_a_test_goes_past_the_outbox(
    store: Store, config: Config, clock: FakeClock, receiver: Receiver, tell: Callable[..., None]
) -> None:
    tell(receiver.url)
    receiver.answers = [500]
    assert send_test(store, config, clock, "channel-0") == Receipt("it answered 500")
    assert notices.channels(store)[0].last_error == "it answered 500"
    assert send_test(store, config, clock, "channel-0") == Receipt(None)
    assert json.loads(receiver.requests[-1].body)["type"] == "notification.test"
    assert (notices.channels(store)[0].waiting, notices.channels(store)[0].failing_since) == (1, None)
    with pytest.raises(NotFound):
        send_test(store, config, clock, "nobody")


# By the command


def test_a_heartbeat_tells_what_its_tasks_came_to(missionctl: Command, receiver: Receiver) -> None:
    added = missionctl("notify", "add", "-", "--name", "hook", "--json", stdin=f"{receiver.url}/hidden-token\n").json
    assert added["secret"].startswith("whsec_")
    missionctl("agent", "add", "ada")
    missionctl("add", "Break", "--to", "ada", "--command", "false", "--max-attempts", "1")
    missionctl("heartbeat", "ada", "--wait")
    (request,) = receiver.requests
    told = json.loads(request.body)
    assert (told["type"], told["data"]["title"], told["data"]["attempt"]) == ("task.blocked", "Break", "T-1/1")
    shown = [missionctl("notify", "list", *form).out for form in ((), ("--json",))]
    shown.append(missionctl("events").out)
    shown += [path.read_text() for path in (missionctl.home / "logs").iterdir()]
    for text in shown:
        assert "hidden-token" not in text
        assert added["secret"] not in text
    missionctl("notify", "remove", "hook")
    assert missionctl("notify", "list", "--json").json == []


def test_a_database_that_goes_away_after_the_work_is_no_fault_of_the_heartbeat(
    missionctl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_store: Store) -> bool:
        raise Unavailable("The database was held by another writer.")

    missionctl("agent", "add", "ada")
    monkeypatch.setattr(app, "has_channels", fail)
    mission = app.open_mission(str(missionctl.home))
    assert [report.result for report in mission.heartbeat(["ada"])] == ["ok"]
    mission.close()


def test_a_secret_of_ones_own_comes_from_a_file(missionctl: Command, receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    missionctl("notify", "add", receiver.url, "--secret-file", tmp_path / "secret", "--name", "hook")
    missionctl("notify", "test")
    assert_signed(receiver.requests[0])


def test_doctor_names_a_channel_that_fails(missionctl: Command) -> None:
    missionctl("notify", "add", "http://127.0.0.1:9/hidden-token", "--name", "down")
    assert _doctor(missionctl) == [("ok", "1 channel, none failing")]
    missionctl("notify", "test", "down", expect=1)
    ((level, fact),) = _doctor(missionctl)
    assert (level, fact.partition(" (since")[0]) == ("warning", "down fails: it cannot be reached: Connection refused")
    store = open_store(str(missionctl.home / "mission.db"))
    store.rows("notice.channel_works", id=1, now=SystemClock().now())
    store.rows("notice.channel_fails", id=1, now=SystemClock().now() - timedelta(hours=2), error="it answered 500")
    store.close()
    assert _doctor(missionctl, expect=7)[0][0] == "fault"


def _doctor(missionctl: Command, expect: int = 0) -> list[tuple[str, str]]:
    findings = missionctl("doctor", "--json", expect=expect).json["findings"]
    return [(found["level"], found["fact"]) for found in findings if found["check"] == "notifications"]
