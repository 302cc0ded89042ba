"""The stream of events: what happens is told at once, in order, to everybody, and again to who was away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from mission_control.domain.access import Scope
from mission_control.domain.draft import NewTask
from mission_control.domain.history import Activity
from mission_control.interfaces.web import feed as feeds
from mission_control.interfaces.web.api import events
from mission_control.interfaces.web.api.events import MOST_BEHIND
from mission_control.interfaces.web.feed import Feed, News
from support import loops
from support.eventually import eventually
from support.factories import PERSON
from support.real_mission import RealMission
from support.web import Web


class Event(NamedTuple):
    name: str
    id: int
    data: Any


@contextmanager
def listening(client: httpx.Client, **query: object) -> Iterator[Iterator[Event]]:
    """The events of one stream, from the first on, which says where it begins."""
    headers = {"Last-Event-ID": str(query.pop("last"))} if "last" in query else {}
    parameters = {name: str(value) for name, value in query.items()}
    with client.stream("GET", "/api/v1/events", params=parameters, headers=headers, timeout=20) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events_in(answer.iter_lines())


def events_in(lines: Iterator[str]) -> Iterator[Event]:
    facts: dict[str, str] = {}
    for line in lines:
        if not line and "event" in facts:
            yield Event(facts["event"], int(facts["id"]), json.loads(facts["data"]))
            facts = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            facts[name] = value


def add(web: Web, title: str) -> int:
    task, _ = web.mission.board.add(NewTask(title=title), actor=PERSON)
    return task.id


def test_what_happens_is_told_with_the_id_of_its_line(web: Web):
    with listening(web.client) as heard:
        ready = next(heard)
        assert ready.name == "ready"
        task_id = add(web, "Said to everybody")
        event = next(heard)
    (line,) = web.client.get("/api/v1/activities", params={"after": ready.id}).json()
    assert event == Event("task", line["id"], line)
    assert (line["kind"], line["task"]) == ("added", f"T-{task_id}")


def test_everybody_hears_it_and_a_reader_may(web: Web):
    with ExitStack() as stack:
        reader = stack.enter_context(web.program(Scope.READ))
        streams = [stack.enter_context(listening(reader)) for _ in range(5)]
        assert [next(stream).name for stream in streams] == ["ready"] * 5
        task_id = add(web, "Heard by all")
        assert [next(stream).data["task"] for stream in streams] == [f"T-{task_id}"] * 5


def test_who_was_away_is_told_what_it_missed_and_nothing_twice(web: Web):
    with listening(web.client) as heard:
        last = next(heard).id
    missed = [add(web, f"Missed {number}") for number in range(feeds.PAGE + 10)]
    with listening(web.client, last=last) as heard, listening(web.client, after=last) as others:
        for stream in (heard, others):
            assert next(stream).id == last
            assert [next(stream).data["task"] for _ in missed] == [f"T-{task_id}" for task_id in missed]
        fresh = add(web, "New")
        assert [next(stream).data["task"] for stream in (heard, others)] == [f"T-{fresh}"] * 2


def test_who_was_away_too_long_is_told_to_look_anew(web: Web, monkeypatch: pytest.MonkeyPatch):
    store = web.mission.opened.store
    with store.transaction():
        for _ in range(MOST_BEHIND + 5):
            web.mission.board._moves.note("edited", web.mission.board._moves.lock(add_one(web)), actor=PERSON)
    with listening(web.client, last=1) as heard:
        assert next(heard).name == "ready"
        reset = next(heard)
        assert reset.name == "reset"
        task_id = add(web, "After the reset")
        event = next(heard)
        assert (event.data["task"], event.id) == (f"T-{task_id}", reset.id + 1)


def add_one(web: Web) -> int:
    """Always the same task; made by the first call."""
    task, _ = web.mission.board.add(NewTask(title="Edited often", key="edited-often"), actor=PERSON)
    return task.id


def test_a_stream_of_one_task_tells_of_no_other(web: Web):
    first, second = add(web, "One"), add(web, "Two")
    with listening(web.client, task=f"T-{second}") as heard:
        next(heard)
        for task_id in (first, second):
            web.mission.board.comment(task_id, "Hello", actor=PERSON)
        assert next(heard).data["task"] == f"T-{second}"


def test_hints_tell_what_to_look_at_anew(web: Web):
    with listening(web.client, pace=100) as heard:
        next(heard)
        with web.mission.board.together():
            tasks = [add(web, f"Hint {number}") for number in range(3)]
        assert next(heard).data == {
            "lines": 3,
            "tasks": [f"T-{task_id}" for task_id in tasks],
            "agents": [],
            "more": False,
        }


def test_a_stream_that_was_left_costs_nothing_more(web: Web):
    with web.program() as program:

        def streams() -> str:
            (line,) = (
                line for line in program.get("/metrics").text.splitlines() if line.startswith("missionctl_event")
            )
            return line

        with listening(web.client) as heard:
            next(heard)
            assert streams() == "missionctl_event_streams 1.0"
        eventually(lambda: streams() == "missionctl_event_streams 0.0")


def test_an_unknown_task_is_refused_before_the_stream_begins(web: Web):
    assert web.client.get("/api/v1/events", params={"task": "T-999999"}).status_code == 404


def news(*ids: int) -> list[News]:
    return [News(number, Activity(at=None, kind="edited", actor="x"), "{}") for number in ids]  # type: ignore[arg-type]


def test_a_line_whose_predecessor_is_still_being_committed_waits(monkeypatch: pytest.MonkeyPatch):
    """Postgres gives numbers out before it commits, so 8 may be seen before 7; a number may also never come."""
    seconds = [100.0]
    monkeypatch.setattr("mission_control.interfaces.web.feed.time.monotonic", lambda: seconds[0])
    feed = Feed(None)  # type: ignore[arg-type]
    feed.head = 5
    assert [line.id for line in feed._without_gaps(news(6, 8))] == [6]
    feed.head = 6
    assert [line.id for line in feed._without_gaps(news(7, 8))] == [7, 8]
    feed.head = 8
    assert feed._without_gaps(news(10)) == []
    seconds[0] += feeds.GAP_SECONDS
    assert [line.id for line in feed._without_gaps(news(10))] == [10]


class Clockwork:
    """A feed that nobody feeds, and a key that is over after so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    async def is_still_welcome(self) -> bool:
        self.looks -= 1
        return self.looks >= 0


def test_a_stream_ends_when_its_key_is_over(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events, "PING_SECONDS", 0.001)
    monkeypatch.setattr(events, "CHECK_SECONDS", 0.0)

    async def told() -> list[str]:
        feed = Feed(None)  # type: ignore[arg-type]
        monkeypatch.setattr(feed, "_newest_id", lambda: 7)
        key = Clockwork(looks=3)
        stream = events.stream(feed, None, lambda _: True, pace=0, is_still_welcome=key.is_still_welcome)
        return [text async for text in stream]

    first, *pings = loops.run(asyncio.wait_for(told(), 20))
    assert "event: ready" in first
    assert pings == [": still here\n\n"] * 3


def test_it_is_the_same_with_postgres(tmp_path: Path, request: pytest.FixtureRequest):
    """Events, and a change that is made once; another test proves that ids which come late are waited for."""
    server = request.getfixturevalue("postgres_server")
    mission = RealMission(tmp_path / "mission", database=server.pristine_database())
    web = Web(mission)
    try:
        with listening(web.client) as heard:
            next(heard)
            for _ in range(2):
                again = web.client.post("/api/v1/tasks", json={"title": "Once"}, headers={"Idempotency-Key": "k"})
                assert again.status_code == 201
            assert (next(heard).data["kind"], again.headers["idempotent-replayed"]) == ("added", "true")
        assert len(web.client.get("/api/v1/tasks").json()) == 1
    finally:
        web.close()
        mission.close()
