"""The process of the pages with a full board and many open streams: what that costs, and whom it slows.

A board of many tasks is asked for its first page and a search. A change is followed from its commit to the client. Then
tasks are started through `up`, in turns without and with so many open streams of events, each of which is read.
"""

from __future__ import annotations

import gzip
import json
import selectors
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from comparison import arguments, percentile, print_table, save, take_turns, times
from latency import board_delay
from memory import share_megabytes
from mission import Mission, scratch

from mission_control.app import open_mission
from mission_control.domain.access import Scope
from mission_control.domain.draft import NewTask
from mission_control.interfaces.mission import Mission as OpenMission

MOST_MILLISECONDS = 200.0
MOST_TO_CLIENT = 1000.0  # milliseconds
MOST_MEGABYTES = 100.0
HEARD = "from a commit to the client"
WITHOUT, WITH = "a task is started by up, no stream", "a task is started by up, with streams"
PATHS = {
    "first 50 of the board": "/api/v1/tasks?limit=50",
    "first 500 of the board": "/api/v1/tasks?limit=500",
    "newest 50 of one status": "/api/v1/tasks?status=inbox&limit=50",
    "search": "/api/v1/tasks?search=9999&limit=50",
    "status": "/api/v1/status",
}


def main() -> None:
    options = arguments(__doc__, tasks=10_000, streams=100, samples=30)
    with scratch() as folder, served(folder / "mission") as (mission, opened, client):
        fill(mission, options.tasks)
        answers = {name: asked(client, path, options.samples) for name, path in PATHS.items()}
        heard = [heard_after(opened, client) for _ in range(options.samples)]
        idle = share_megabytes(pages_of(opened))
        with streaming(client, options.streams) as streams:
            megabytes = share_megabytes(pages_of(opened)) - idle
            ways = {WITHOUT: lambda: streams.paused(lambda: board_delay(opened)), WITH: lambda: board_delay(opened)}
            delays = dict(take_turns(ways, options.samples).values)
    show(options, answers, heard, delays)
    judge(options, answers, heard, delays, megabytes)
    save("web", answers=answers, heard=heard, stream_megabytes=megabytes, idle_megabytes=idle, delays=delays)


@contextmanager
def served(home: Path) -> Iterator[tuple[Mission, OpenMission, httpx.Client]]:
    """A mission that is up with its pages, and a program that may do everything."""
    mission = Mission(home)
    mission("agent", "add", "ada", "--slots", "4")
    url = json.loads(mission("--json", "up", "--detach"))["url"]
    opened = open_mission(str(home))
    try:
        _, secret = opened.access.add_token("bench", Scope.ADMIN, actor="bench")
        headers = {"Authorization": f"Bearer {secret}"}
        with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60) as client:
            client.get("/api/v1/status").raise_for_status()
            yield mission, opened, client
    finally:
        opened.close()
        mission("down")


def fill(mission: Mission, tasks: int) -> None:
    """Tasks that nobody does, so that nothing runs meanwhile."""
    mission.add({"title": f"Task {number} of many", "description": "What it is about. " * 5} for number in range(tasks))


def asked(client: httpx.Client, path: str, samples: int) -> Mapping[str, float]:
    """Milliseconds until the whole answer is here, and its size."""
    found = []
    for _ in range(samples):
        since = time.monotonic()
        answer = client.get(path)
        found.append((time.monotonic() - since) * 1000)
        answer.raise_for_status()
    packed = len(gzip.compress(answer.content))
    return {"p50": percentile(found, 0.5), "p99": percentile(found, 0.99), "bytes": len(answer.content), "gzip": packed}


def heard_after(opened: OpenMission, client: httpx.Client) -> float:
    """Milliseconds from the commit of a change that rings no bell until a client has read of it."""
    with client.stream("GET", "/api/v1/events") as answer:
        lines = answer.iter_lines()
        while next(lines) != "event: ready":
            pass
        opened.board.add(NewTask("heard"), actor="bench")
        since = time.monotonic()
        while next(lines) != "event: task":
            pass
        return (time.monotonic() - since) * 1000


class Streams:
    """Open streams that one thread reads, as many browsers would. They can be closed for a while."""

    def __init__(self, client: httpx.Client, count: int) -> None:
        self._place = urlsplit(str(client.base_url))
        self._key = client.headers["Authorization"]
        self._count = count
        self.read_bytes = 0
        self._selector = selectors.DefaultSelector()
        self._is_over = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def open(self) -> None:
        request = (
            f"GET /api/v1/events HTTP/1.1\r\nHost: {self._place.netloc}\r\nAuthorization: {self._key}\r\n\r\n"
        ).encode()
        assert self._place.hostname is not None
        with self._lock:
            for _ in range(self._count):
                stream = socket.create_connection((self._place.hostname, self._place.port or 80))
                stream.sendall(request)
                assert b"200 OK" in stream.recv(4096)
                self._selector.register(stream, selectors.EVENT_READ)

    def close(self) -> None:
        with self._lock:
            for key in list(self._selector.get_map().values()):
                self._selector.unregister(key.fileobj)
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.close()

    def paused(self, measure) -> float:
        """What is measured while none is open."""
        self.close()
        time.sleep(0.2)
        try:
            return measure()
        finally:
            self.open()
            time.sleep(0.2)

    def start(self) -> None:
        self.open()
        self._thread.start()

    def end(self) -> None:
        self._is_over = True
        self._thread.join()
        self.close()

    def _read(self) -> None:
        while not self._is_over:
            with self._lock:
                for key, _ in self._selector.select(0.01):
                    assert isinstance(key.fileobj, socket.socket)
                    self.read_bytes += len(key.fileobj.recv(65536))
            time.sleep(0.001)


@contextmanager
def streaming(client: httpx.Client, count: int) -> Iterator[Streams]:
    streams = Streams(client, count)
    streams.start()
    time.sleep(1.0)
    try:
        yield streams
    finally:
        streams.end()


def pages_of(opened: OpenMission) -> int:
    """The pid of the process of the pages."""
    there = opened.resident.occupant()
    assert there is not None
    for thread in Path(f"/proc/{there.pid}/task").iterdir():
        for pid in (thread / "children").read_text().split():
            if b"web_process" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
    raise LookupError("the pages are not up")


def show(
    options, answers: Mapping[str, Mapping[str, float]], heard: list[float], delays: Mapping[str, list[float]]
) -> None:
    rows = [
        (name, f"{of['p50']:.1f}", f"{of['p99']:.1f}", f"{of['bytes'] / 1000:.0f}", f"{of['gzip'] / 1000:.0f}")
        for name, of in answers.items()
    ]
    for name, found in {HEARD: heard, **delays}.items():
        rows.append((name, f"{percentile(found, 0.5):.1f}", f"{percentile(found, 0.99):.1f}", "", ""))
    title = (
        f"A board of {options.tasks:,} tasks over HTTP; {options.streams} streams, {options.samples} samples in turns"
    )
    print_table(title, ("what", "p50 ms", "p99 ms", "kB", "kB gzip"), rows)


def judge(
    options,
    answers: Mapping[str, Mapping[str, float]],
    heard: list[float],
    delays: Mapping[str, list[float]],
    megabytes: float,
) -> None:
    slowest = max(of["p50"] for of in answers.values())
    print(
        f"{verdict(slowest, MOST_MILLISECONDS)}: {slowest:.0f} ms for an answer, at most {MOST_MILLISECONDS:g} wanted"
    )
    print(
        f"{verdict(max(heard), MOST_TO_CLIENT)}: {max(heard):.0f} ms to the client, at most {MOST_TO_CLIENT:g} wanted"
    )
    told = f"{options.streams} streams add {megabytes:.1f} MB, at most {MOST_MEGABYTES:g} wanted"
    print(f"{verdict(megabytes, MOST_MEGABYTES)}: {told}")
    slower = percentile(delays[WITH], 0.5) / percentile(delays[WITHOUT], 0.5)
    print(f"With the streams open a task starts after {times(slower)} the time without.")


def verdict(found: float, most: float) -> str:
    return "reached" if found <= most else "MISSED"


if __name__ == "__main__":
    main()
