"""What the service manager hears from us, on a real datagram socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.config import Supervision, supervision_of
from mission_control.execution.service_notice import STATUS_CHARACTERS, ServiceNotices

needs_abstract_sockets = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract sockets")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def told_by(listening: socket.socket) -> ServiceNotices:
    return ServiceNotices(Supervision(listening.getsockname(), watchdog_seconds=60))


def test_each_notice_is_one_datagram_of_the_protocol(manager: socket.socket) -> None:
    notices = told_by(manager)
    assert notices.ready("2 agents")
    assert notices.alive(0)
    assert notices.status("T-1 runs")
    assert notices.stopping()
    heard = [manager.recv(4096) for _ in range(4)]
    assert heard == [b"READY=1\nSTATUS=2 agents", b"WATCHDOG=1", b"STATUS=T-1 runs", b"STOPPING=1"]


@needs_abstract_sockets
def test_an_address_with_an_at_sign_is_an_abstract_socket() -> None:
    name = f"mission-control-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        assert ServiceNotices(Supervision(f"@{name}")).ready()
        assert listening.recv(100) == b"READY=1"


@needs_abstract_sockets
@given(st.text())
def test_a_status_never_becomes_a_second_message(text: str) -> None:
    address = f"@mission-control-status-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{address[1:]}")
        assert ServiceNotices(Supervision(address)).ready(text)
        first, *rest = listening.recv(65536).split(b"\n")
    assert first == b"READY=1"
    assert len(rest) == (1 if text else 0)
    assert all(line.startswith(b"STATUS=") and len(line) <= 7 + 4 * STATUS_CHARACTERS for line in rest)


def test_who_is_not_supervised_says_nothing() -> None:
    notices = ServiceNotices(supervision_of({}, os.getpid()))
    assert not any([notices.ready(), notices.alive(0), notices.status("x"), notices.stopping()])
    assert notices.longest_silence_seconds is None


@pytest.mark.parametrize("address", ["/nowhere/at/all", "/dev/null", "/" + "x" * 500, "@" + "y" * 500, "/a\0b"])
def test_no_trouble_with_the_manager_reaches_the_caller(address: str) -> None:
    assert not ServiceNotices(Supervision(address)).ready()


def test_a_manager_that_does_not_read_is_not_waited_for(manager: socket.socket) -> None:
    notices = told_by(manager)
    sent = 0
    while notices.alive(sent * 60):  # nothing is dropped: its queue is full at last
        sent += 1
    assert sent > 0
    while True:
        try:
            assert manager.recv(100) == b"WATCHDOG=1"
        except BlockingIOError:
            break
    assert notices.alive(sent * 60), "what could not be sent is tried again"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "60000000"}, Supervision("/run/n", 60.0)),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "12"}, Supervision("/run/n", 5e-6)),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "13"}, Supervision("/run/n")),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "-1"}, Supervision("@n")),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "soon"}, Supervision("@n")),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "9" * 5000}, Supervision("@n")),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "0"}, Supervision("@n")),
        ({"NOTIFY_SOCKET": "vsock:2:1234", "WATCHDOG_USEC": "5"}, Supervision()),
        ({"NOTIFY_SOCKET": ""}, Supervision()),
        ({"NOTIFY_SOCKET": "/"}, Supervision()),
        ({"WATCHDOG_USEC": "5"}, Supervision()),
    ],
)
def test_what_the_environment_says_is_read_as_systemd_means_it(
    environment: dict[str, str], expected: Supervision
) -> None:
    assert supervision_of(environment, 12) == expected


def test_a_sign_of_life_is_sent_in_time_however_often_it_is_given(manager: socket.socket) -> None:
    notices = told_by(manager)
    sent_at = [at for at in range(1000, 1120) if notices.alive(at)]
    assert sent_at == list(range(1000, 1120, 15))
    assert [manager.recv(100) for _ in sent_at] == [b"WATCHDOG=1"] * len(sent_at)
    assert notices.longest_silence_seconds == 30


def test_who_is_not_watched_gives_no_sign_of_life(manager: socket.socket) -> None:
    assert not ServiceNotices(Supervision(manager.getsockname())).alive(0)
    with pytest.raises(BlockingIOError):
        manager.recv(100)


def test_nothing_is_imported_before_there_is_a_manager() -> None:
    script = "import sys, mission_control.execution.service_notice; print('socket' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert told.stdout == "False\n"
