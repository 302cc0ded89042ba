"""The output of an attempt by ranges of bytes: its last lines, what comes, earlier ones on demand, or the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute

from mission_control.domain.attempt import Attempt
from mission_control.errors import InvalidInput, NotFound
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.pages.desk import shows
from mission_control.interfaces.window import MOST_BYTES, Window, after, before, latest


def routes() -> list[BaseRoute]:
    return [shows("/t/{task}/log/{number:int}/raw", raw), shows("/t/{task}/log/{number:int}", show)]


def show(mission: Mission, request: Request) -> Response:
    """`?after=OFFSET`: what comes from there; `?before=OFFSET`: the lines in front; neither: the last lines."""
    attempt, path = _found(mission, request)
    query = request.query_params
    if "after" in query:
        window = after(path, _offset(query["after"]))
    elif "before" in query:
        window = before(path, _offset(query["before"]))
    else:
        window = latest(path)
    return JSONResponse({**_shape(window), "live": attempt.is_live})


def raw(mission: Mission, request: Request) -> Response:
    """The whole file, as a download that no browser shows."""
    attempt, path = _found(mission, request)
    if not path.exists():
        raise NotFound(f"{attempt.name} has printed nothing.")
    size = path.stat().st_size
    return StreamingResponse(
        _pieces(path, size),
        media_type="application/octet-stream",
        headers={
            "Content-Length": str(size),
            "Content-Disposition": f'attachment; filename="T-{attempt.task_id}-{attempt.number}.log"',
            "X-Content-Type-Options": "nosniff",
        },
    )


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    """The file as it was when it was asked for: what a live attempt adds meanwhile is left out."""
    with path.open("rb") as file:
        while size > 0 and (piece := file.read(min(size, MOST_BYTES))):
            size -= len(piece)
            yield piece


def _found(mission: Mission, request: Request) -> tuple[Attempt, Path]:
    task_id = mission.views.resolve_task(request.path_params["task"])
    attempt = mission.views.attempt(task_id, min(request.path_params["number"], 2**31 - 1))
    return attempt, mission.folder.output(task_id, attempt.number)


def _offset(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise InvalidInput(f"A place in a log is a number of bytes, not {text[:40]!r}.")
    return int(text)


def _shape(window: Window) -> dict[str, object]:
    return {"from": window.begin, "to": window.end, "size": window.size, "text": window.text}
