"""Taking notices from the outbox to their receivers, with time limits and no transaction open meanwhile."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

from mission_control import log
from mission_control.clock import Clock
from mission_control.config import Config, process_environment
from mission_control.domain.notice import News, Notice, Topic
from mission_control.folder import Folder
from mission_control.notices import Notices
from mission_control.ops.notify import words
from mission_control.ops.notify.webhook import Receipt
from mission_control.outbox import Outbox
from mission_control.store import notices
from mission_control.store.store import Store

LETTER_SECONDS = 30.0  # for one letter, whatever its receiver does; well below the outbox's hold
LOG = "notify.log"
_PROGRAM = ("-P", "-m", "mission_control.ops.notify.courier")  # -P: never import from where we stand


def deliver_due(store: Store, config: Config, clock: Clock, *, most_seconds: float) -> int:
    """Deliver what is due, as long as `most_seconds` have not passed; how many arrived. Faults are kept in the outbox.

    `most_seconds` bounds when the last letter is begun, and LETTER_SECONDS each letter.
    """
    outbox = Outbox(store, clock, config)
    end = time.monotonic() + most_seconds
    arrived = 0
    with Courier(config) as courier:
        while time.monotonic() < end and (notice := outbox.take()):
            receipt = courier.carry(notice, clock)
            arrived += receipt.error is None
            _record(outbox, notice, receipt, config, clock)
    return arrived


def _record(outbox: Outbox, notice: Notice, receipt: Receipt, config: Config, clock: Clock) -> None:
    fields = {"channel": notice.channel.name, "topic": notice.news.topic, "message": notice.message_id}
    if receipt.error is None:
        outbox.delivered(notice)
        event = "notice_delivered"
    elif outbox.failed(notice, receipt.error, is_final=receipt.is_final):
        event = "notice_given_up"
    else:
        event = "notice_failed"
    path = Folder(config.home).logs / LOG
    log.append(path, event, clock.now(), **fields, tries=notice.tries, error=receipt.error)


def send_test(store: Store, config: Config, clock: Clock, name: str) -> Receipt:
    """Send a test through this channel now, past the outbox. Raises NotFound."""
    channel = Notices(store, clock, config).channel(name)
    text = f"If you can read this, the channel {channel.name} works."
    notice = Notice(
        notices.new_message_id(), channel, News(Topic.STANDUP, clock.now(), text, title="Test by missionctl"), tries=1
    )
    with Courier(config) as courier:
        receipt = courier.carry(notice, clock, is_test=True)
    with store.transaction():
        if receipt.error is None:
            notices.note_success(store, channel, clock.now())
        else:
            notices.note_failure(store, channel, receipt.error, clock.now())
    return receipt


class Courier:
    """A process that delivers; started with the first letter, and anew when one had to be ended."""

    def __init__(self, config: Config, *, letter_seconds: float = LETTER_SECONDS) -> None:
        self._config = config
        self._letter_seconds = letter_seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, _: TracebackType | None) -> None:
        self._end()

    def carry(self, notice: Notice, clock: Clock, *, is_test: bool = False) -> Receipt:
        """Deliver one letter, within the time limit."""
        letter = {
            "kind": notice.channel.kind,
            "url": notice.channel.url,
            "secret": notice.channel.secret,
            "message_id": notice.message_id,
            "timestamp": int(clock.now().timestamp()),
            "title": words.subject(notice),
            "body": words.text(notice, self._config),
            "payload": words.payload(notice, self._config, is_test=is_test),
        }
        answer = self._ask(json.dumps(letter).encode() + b"\n")
        if answer is None:
            self._end()
            return Receipt(f"it did not take it within {self._letter_seconds:g} s")
        if not answer:
            self._end()
            return Receipt("the process that delivers ended unexpectedly")
        return Receipt(**json.loads(answer))

    def _ask(self, letter: bytes) -> bytes | None:
        """The answer; None when none came in time, nothing when the process ended."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(letter)
            process.stdin.flush()
        except BrokenPipeError:
            return b""
        watch = select.poll()
        watch.register(process.stdout, select.POLLIN)
        return process.stdout.readline() if watch.poll(self._letter_seconds * 1000) else None

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *_PROGRAM],
            env=process_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a library's words may quote an address
            start_new_session=True,  # Ctrl-C is for us; it ends with its input
        )

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.communicate()
        self._process = None
