"""The process of the pages beside the dispatcher: it is started, watched, and ends with it, however that ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from mission_control.dispatcher.web import MODULE, listen, local_url
from mission_control.errors import Unavailable
from support.eventually import eventually, expect
from support.real_mission import RealMission
from support.resident import Up

StartUp = Callable[..., Up]


def address(mission: RealMission) -> str:
    return str(mission.opened.resident.occupant().url)  # type: ignore[union-attr]


def is_served(url: str) -> bool:
    """Whether somebody answers there. Where nobody listens, that is refused at once."""
    try:
        return httpx.get(f"{url}healthz", trust_env=False, timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def pages(mission: RealMission) -> int | None:
    """The pid of the process of the pages, once it runs what it should."""
    told = subprocess.run(["ps", "-axwwo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    for line in told.splitlines():
        pid, words = line.split(None, 1)
        if MODULE in words and str(mission.home) in words:
            return int(pid)
    return None


@pytest.fixture
def up(mission: RealMission, start_up: StartUp) -> Up:
    return start_up(mission, web=True)


def test_it_serves_at_the_address_that_everybody_is_told(mission: RealMission, up: Up):
    url = address(mission)
    assert is_served(url)
    (machine,) = mission.command("status", "--json").json["machines"]
    assert machine["dispatcher"]["url"] == url
    link = mission.command("web", "link").out.strip()
    assert link.startswith(f"{url}login?link=")
    assert httpx.get(link, trust_env=False, timeout=30).status_code == 303


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="open ports are read in /proc")
def test_it_listens_on_loopback_alone(mission: RealMission, up: Up):
    port = int(address(mission).rstrip("/").rpartition(":")[2])
    tables = [Path("/proc/net") / name for name in ("tcp", "tcp6")]
    listening = [line.split()[1] for table in tables if table.exists() for line in table.read_text().splitlines()]
    assert [place for place in listening if place.endswith(f":{port:04X}") and not place.startswith("0100007F")] == []
    assert f"0100007F:{port:04X}" in listening


def test_it_is_started_anew_at_the_same_address_when_it_is_killed(mission: RealMission, up: Up):
    url = address(mission)
    first = expect(lambda: pages(mission))
    assert is_served(url)
    os.kill(first, signal.SIGKILL)
    assert is_served(url), "who asks meanwhile waits"
    assert pages(mission) != first
    assert "dispatcher_failed doing=web" in mission.folder.dispatcher_log.read_text()
    assert up.is_running


def test_it_ends_with_the_dispatcher_in_good_order(mission: RealMission, up: Up):
    url = address(mission)
    assert is_served(url)
    with httpx.stream("GET", mission.command("web", "link").out.strip(), trust_env=False) as entered:
        cookies = entered.cookies
    with httpx.stream("GET", f"{url}api/v1/events", cookies=cookies, trust_env=False, timeout=30) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        assert up.end() == 0
        list(lines)  # it was ended, not cut off
    assert pages(mission) is None
    assert not is_served(url)
    assert mission.folder.web_log.read_text() == ""


def test_it_ends_when_the_dispatcher_is_killed_and_the_next_has_the_same_address(
    mission: RealMission, start_up: StartUp, up: Up
):
    url, first = address(mission), expect(lambda: pages(mission))
    up.kill()
    start_up(mission, web=True)
    assert address(mission) == url
    assert is_served(url)
    eventually(lambda: pages(mission) not in (None, first))


def test_without_pages_nothing_listens(make_mission: Callable[..., RealMission], start_up: StartUp):
    mission = make_mission(web=False)
    up = start_up(mission, web=True)
    assert mission.opened.resident.occupant().url is None  # type: ignore[union-attr]
    assert "without its pages" in mission.command("web", "link", expect=4).err
    assert up.end() == 0
    start_up(mission, "--no-web")
    assert pages(mission) is None


def test_a_port_that_is_taken_is_refused_and_nothing_is_up(mission: RealMission):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = mission.command("up", "--port", str(port), expect=5)
    assert f"Port {port}" in told.err and "--port" in told.err
    assert mission.opened.resident.occupant() is None


def test_the_next_free_port_is_taken_unless_one_is_named(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("mission_control.dispatcher.web.DEFAULT_PORT", port)
        monkeypatch.setattr("mission_control.dispatcher.web.FORMER_SECONDS", 0)
        for former in (None, f"http://127.0.0.1:{port}/"):
            with listen("127.0.0.1", None, former=former) as listening:
                assert listening.getsockname()[1] > port
        with pytest.raises(Unavailable, match=f"Port {port}"):
            listen("127.0.0.1", port)


def test_the_address_for_people_is_one_they_can_open():
    assert local_url("127.0.0.1", 7777) == "http://127.0.0.1:7777/"
    assert local_url("0.0.0.0", 7777) == "http://127.0.0.1:7777/"
    assert local_url("::1", 7777) == "http://[::1]:7777/"
