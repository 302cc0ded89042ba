"""`GET /api/v1/events`: the history as server-sent events, resumable by the id of its lines."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mission_control.domain.history import Activity
from mission_control.domain.task import task_name
from mission_control.interfaces.web.api.answers import Asked, noun
from mission_control.interfaces.web.feed import Feed, News
from mission_control.interfaces.web.problems import problem

MOST_STREAMS = 500
MOST_BEHIND = 5_000  # lines; whoever was away for longer looks at everything anew
PING_SECONDS = 15.0
CHECK_SECONDS = 10.0  # how long a stream may outlive the key it was opened with, and a ping
RECONNECT_MILLISECONDS = 1_000
MOST_NAMES = 100  # in one hint
router = noun("/events", "events")
Wanted = Callable[[Activity], bool]


@router.get(
    "",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events named `task`, `agent` or `mission` with one line of history each; with `pace` events"
            " named `changed` that tell what to look at anew. `reset`: you were away too long, look at all anew.",
            "content": {"text/event-stream": {}},
        }
    },
)
async def events(
    asked: Asked,
    *,
    task: Annotated[str | None, Query(description="Only what happens to this task.")] = None,
    agent: Annotated[str | None, Query(description="Only what this agent does.")] = None,
    pace: Annotated[int, Query(ge=0, le=60_000, description="Milliseconds between two hints; 0: every line.")] = 0,
    after: Annotated[int | None, Query(ge=0, lt=2**62, description="As `Last-Event-ID`.")] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """What happens, as it happens. One stream for each page is enough."""
    feed: Feed = asked.request.app.state.feed
    if feed.readers >= MOST_STREAMS:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"There are {MOST_STREAMS} streams already.")
    wanted = await run_in_threadpool(_filter, asked.request, task, agent)
    last = after if last_event_id is None or not last_event_id.isdecimal() else min(int(last_event_id), 2**62)
    return StreamingResponse(
        stream(feed, last, wanted, pace=pace / 1000, is_still_welcome=asked.request.state.is_still_welcome),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        media_type="text/event-stream",
    )


async def stream(
    feed: Feed, last: int | None, wanted: Wanted, *, pace: float, is_still_welcome: Callable[[], Awaitable[bool]]
) -> AsyncIterator[str]:
    """The text of one stream, until whoever reads it goes, their key is over or the feed is closed."""
    await feed.join()
    checked_at = time.monotonic()
    try:
        position = feed.head if last is None else min(last, feed.head)
        yield f"retry: {RECONNECT_MILLISECONDS}\n\n" + _event("ready", {"id": position}, position)
        while not feed.is_closed:
            if time.monotonic() - checked_at > CHECK_SECONDS:
                if not await is_still_welcome():
                    return
                checked_at = time.monotonic()
            if feed.head - position > MOST_BEHIND:
                position = feed.head
                yield _event("reset", {}, position)
            news = feed.after(position)
            if news is None:
                news = await feed.page_after(position)
                position = position if news else feed.head  # what was there is there no more
            if not news:
                if not await feed.wait(PING_SECONDS):
                    yield ": still here\n\n"
                continue
            position = news[-1].id
            told = [line for line in news if wanted(line.activity)]
            if told:
                yield _hint(told, position) if pace else "".join(map(_line, told))
            if pace:
                await feed.rest(pace)
    finally:
        feed.leave()


def _line(news: News) -> str:
    return f"id: {news.id}\nevent: {_name(news.activity)}\ndata: {news.data}\n\n"


def _name(activity: Activity) -> str:
    if activity.task_id is not None:
        return "task"
    return "mission" if activity.agent is None else "agent"


def _hint(news: Sequence[News], position: int) -> str:
    """What has changed since the last hint: names, not contents."""
    tasks = dict.fromkeys(task_name(line.activity.task_id) for line in news if line.activity.task_id is not None)
    agents = dict.fromkeys(line.activity.agent for line in news if line.activity.agent is not None)
    body = {
        "lines": len(news),
        "tasks": list(tasks)[:MOST_NAMES],
        "agents": list(agents)[:MOST_NAMES],
        "more": len(tasks) > MOST_NAMES or len(agents) > MOST_NAMES,
    }
    return _event("changed", body, position)


def _event(name: str, body: dict[str, Any], position: int) -> str:
    return f"id: {position}\nevent: {name}\ndata: {json.dumps(body)}\n\n"


def _filter(request: Request, task: str | None, agent: str | None) -> Wanted:
    if task is None and agent is None:
        return lambda _: True
    with request.app.state.missions.one() as mission:
        task_id = None if task is None else mission.views.resolve_task(task)
        name = None if agent is None else mission.views.resolve_agent(agent)
    return lambda line: task_id in (None, line.task_id) and name in (None, line.agent)
