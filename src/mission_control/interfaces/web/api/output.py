"""What attempts printed: pieces for whoever watches, the whole as a download. By id only; links are never followed."""

from __future__ import annotations

import codecs
import errno
import os
import re
import stat
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, BinaryIO

from fastapi import Query
from starlette.responses import Response, StreamingResponse

from mission_control.domain.attempt import Attempt, attempt_name
from mission_control.errors import InvalidInput, NotFound
from mission_control.folder import open_private
from mission_control.interfaces import shapes
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.api import models
from mission_control.interfaces.web.api.answers import Asked, Document, noun, shape
from mission_control.interfaces.web.problems import problem

MOST_BYTES = 1_000_000  # of one piece
USUAL_BYTES = 200_000
BLOCK = 1 << 16
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")
router = noun("/tasks/{task}", "attempts")
Bytes = Annotated[int, Query(ge=1, le=MOST_BYTES)]


@router.get("/attempts", responses=shape(list[models.Attempt]))
def list_attempts(asked: Asked, task: str) -> Response:
    """Every try of a task, oldest first."""

    def look(mission: Mission) -> Document:
        view = mission.views.task(mission.views.resolve_task(task))
        return [shapes.attempt_json(attempt) for attempt in view.attempts]

    return asked.find(look)


@router.get("/attempts/{number}", responses=shape(models.Attempt))
def show_attempt(asked: Asked, task: str, number: int) -> Response:
    """One try."""
    return asked.find(lambda mission: shapes.attempt_json(_attempt(mission, task, number)))


@router.get("/log", responses=shape(models.Output))
def read_latest_log(
    asked: Asked,
    task: str,
    *,
    offset: Annotated[int | None, Query(ge=0, lt=2**62)] = None,
    tail: Annotated[int | None, Query(ge=1, le=100_000)] = None,
    limit: Bytes = USUAL_BYTES,
) -> Response:
    """As below, of the latest attempt."""
    return asked.find(lambda mission: _piece(mission, _attempt(mission, task, None), offset, tail, limit))


@router.get("/attempts/{number}/log", responses=shape(models.Output))
def read_log(
    asked: Asked,
    task: str,
    number: int,
    *,
    offset: Annotated[int | None, Query(ge=0, lt=2**62, description="The `end` of the piece before.")] = None,
    tail: Annotated[int | None, Query(ge=1, le=100_000, description="The last so many lines.")] = None,
    limit: Bytes = USUAL_BYTES,
) -> Response:
    """A piece of what an attempt printed: from a byte on, or its last lines. `end` is where the next piece begins.

    `skipped` bytes in front of it were cut out, because the output outgrew its limit. Never ends in mid-character.
    """
    return asked.find(lambda mission: _piece(mission, _attempt(mission, task, number), offset, tail, limit))


@router.get(
    "/attempts/{number}/log/raw",
    response_class=StreamingResponse,
    responses={
        200: {"description": "All of it", "content": {"text/plain": {}}},
        206: {"description": "The range asked for", "content": {"text/plain": {}}},
        416: {
            "description": "No such range",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        },
    },
)
def download_log(asked: Asked, task: str, number: int) -> Response:
    """All that an attempt printed, as it was printed. `Range: bytes=…` is understood."""
    with asked.request.app.state.missions.one() as mission:
        attempt = _attempt(mission, task, number)
        file = open_output(mission, attempt)
    size = os.fstat(file.fileno()).st_size
    wanted = asked.request.headers.get("range")
    begin, end = (0, size) if wanted is None else _range(wanted, size)
    if wanted is not None and begin >= end:
        file.close()
        return problem(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"The output has {size} bytes.",
            headers={"Content-Range": f"bytes */{size}"},
        )
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - begin),
        "Content-Disposition": f'attachment; filename="{attempt.name.replace("/", "-")}.log"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    if wanted is not None:
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    status = HTTPStatus.OK if wanted is None else HTTPStatus.PARTIAL_CONTENT
    return StreamingResponse(_blocks(file, begin, end), status, headers, media_type="text/plain; charset=utf-8")


def open_output(mission: Mission, attempt: Attempt) -> BinaryIO:
    """The log file of an attempt. Raises NotFound, also where it is no plain file in its place."""
    path = mission.folder.output(attempt.task_id, attempt.number)
    missing = NotFound(f"{attempt.name} has printed nothing yet.")
    # Whoever ran as the attempt could have put a link in the place of the file or of its folder.
    if os.path.realpath(path.parent) != os.path.join(os.path.realpath(mission.folder.home), *_inside(attempt)):
        raise missing
    try:
        file = os.fdopen(open_private(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    except OSError as fault:
        if fault.errno in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
            raise missing from fault
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise missing
    return file


def read_piece(file: BinaryIO, offset: int | None, tail: int | None, limit: int) -> tuple[bytes, int, int]:
    """(bytes, where they begin, how many were cut out in front of them); without `offset` the last lines."""
    descriptor = file.fileno()
    size = os.fstat(descriptor).st_size
    begin = _last_lines(descriptor, size, tail or 500, limit) if offset is None else min(offset, size)
    data_at = _after_hole(descriptor, begin, size)
    return os.pread(descriptor, limit, data_at), data_at, data_at - begin


def _piece(mission: Mission, attempt: Attempt, offset: int | None, tail: int | None, limit: int) -> Document:
    if offset is not None and tail is not None:
        raise InvalidInput("Give `offset` or `tail`, not both.")
    try:
        file = open_output(mission, attempt)
    except NotFound:
        return {**shapes.attempt_json(attempt), "text": "", "offset": 0, "end": 0, "size": 0, "skipped": 0}
    with file:
        size = os.fstat(file.fileno()).st_size
        raw, begin, skipped = read_piece(file, offset, tail, limit)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    is_last = begin + len(raw) >= size and not attempt.is_live
    text = decoder.decode(raw, final=is_last)
    end = begin + len(raw) - len(decoder.getstate()[0])
    facts = {"text": text, "offset": begin, "end": end, "size": size, "skipped": skipped}
    return {**shapes.attempt_json(attempt), **facts}


def _attempt(mission: Mission, task: str, number: int | None) -> Attempt:
    views = mission.views
    if number is None:
        return views.attempt(*views.resolve_attempt(task))
    if not 1 <= number < 2**31:
        raise NotFound(f"There is no attempt {number} of {task!a}.")
    return views.attempt(views.resolve_task(task), number)


def _inside(attempt: Attempt) -> tuple[str, ...]:
    task, _, number = attempt_name(attempt.task_id, attempt.number).partition("/")
    return "runs", task, number


def _last_lines(descriptor: int, size: int, count: int, limit: int) -> int:
    """Where the last `count` lines begin, at most `limit` bytes before the end."""
    begin, found = size, -1 if size and os.pread(descriptor, 1, size - 1) == b"\n" else 0
    while begin > 0 and size - begin < limit:
        start = max(begin - BLOCK, size - limit, 0)
        block = os.pread(descriptor, begin - start, start)
        found += block.count(b"\n")
        if found >= count:
            for _ in range(found - count + 1):
                position = block.index(b"\n")
                block = block[position + 1 :]
                start += position + 1
            return start
        begin = start
    return begin


def _after_hole(descriptor: int, begin: int, size: int) -> int:
    """The first byte from `begin` on that was ever written."""
    if begin >= size or not hasattr(os, "SEEK_DATA"):
        return begin
    try:
        return os.lseek(descriptor, begin, os.SEEK_DATA)
    except OSError as fault:
        if fault.errno == errno.ENXIO:  # nothing but a hole up to the end
            return size
        return begin


def _range(header: str, size: int) -> tuple[int, int]:
    """Begin and end (not included) of the one range that was asked for; an empty one when there is none."""
    found = _RANGE.match(header.strip())
    if not found or not (found[1] or found[2]):
        return 0, 0
    if not found[1]:
        return max(size - int(found[2]), 0), size
    return int(found[1]), min(int(found[2]) + 1, size) if found[2] else size


def _blocks(file: BinaryIO, begin: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(begin)
        left = end - begin
        while left > 0 and (block := file.read(min(BLOCK, left))):
            left -= len(block)
            yield block
        yield bytes(left)  # cut meanwhile: what was promised is kept, or the connection would have to break
