"""One task: why it stands where it stands, every attempt on one axis of time, its log, its thread."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from mission_control.domain.attempt import Attempt
from mission_control.domain.history import Comment, CommentKind
from mission_control.domain.statistics import sum_known
from mission_control.domain.task import Status
from mission_control.folder import open_private
from mission_control.interfaces.cli.looks import elapsed_text
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.shapes import EXECUTOR_GONE
from mission_control.interfaces.web.pages import moves
from mission_control.interfaces.web.pages.desk import page, shows
from mission_control.interfaces.web.pages.words import why
from mission_control.store import tasks
from mission_control.views import TaskView

PAPERS = ("prompt", "answer")  # files of an attempt that are shown where they are there
PAPER_BYTES = 200_000
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENXIO)
LEAST_WIDTH = 0.8  # per cent of the axis, or a short attempt would not be seen
SHORTEST_PAUSE = timedelta(seconds=1)


@dataclass(frozen=True)
class Try:
    """An attempt on the axis of time, in per cent; `pause` is the backoff before it."""

    attempt: Attempt
    left: float
    width: float
    pause: timedelta | None


def routes() -> list[BaseRoute]:
    return [shows("/t/{task}", show)]


def show(mission: Mission, request: Request) -> Response:
    """The page of one task; `?attempt=N` chooses whose log is shown, else that of the latest."""
    task_id = mission.views.resolve_task(request.path_params["task"])
    view = mission.views.task(task_id)
    now = mission.clock.now()
    before, after = tasks.neighbours(mission.store, task_id)
    shown = _chosen(view.attempts, request.query_params.get("attempt", ""))
    live = next((attempt for attempt in view.attempts if attempt.is_live), None)
    return page(
        request,
        mission,
        "task.html",
        path="/",
        view=view,
        before=before,
        after=after,
        moves=moves.possible(view.task.status),
        live=live,
        alive="" if live is None else _alive(mission, live, now),
        last=view.attempts[-1] if view.attempts else None,
        why=why(view.holds, now),
        question=open_question(view),
        timeline=list(_timeline(view.attempts, now)),
        shown=shown,
        papers=[] if shown is None else list(_papers(mission.folder.attempt(task_id, shown.number))),
        successors=tasks.successors(mission.store, task_id),
        tokens=sum_known(number for attempt in view.attempts for number in (attempt.tokens_in, attempt.tokens_out)),
        cost=_cost(view.attempts),
    )


def _chosen(attempts: Sequence[Attempt], number: str) -> Attempt | None:
    wanted = [attempt for attempt in attempts if str(attempt.number) == number]
    return next(iter(wanted or attempts[-1:]), None)


def _alive(mission: Mission, attempt: Attempt, now: datetime) -> str:
    """What its process and its lease tell, so that nothing is called running that does not run."""
    if not mission.is_executing(attempt):
        return EXECUTOR_GONE
    left = attempt.lease_expires_at - now
    return f"its lease holds {elapsed_text(left)} more" if left > timedelta(0) else "its lease is overdue"


def open_question(view: TaskView) -> Comment | None:
    """What the agent asked and nobody answered, of a task that is blocked."""
    if view.task.status is not Status.BLOCKED:
        return None
    asked = [comment for comment in view.thread if comment.kind in (CommentKind.QUESTION, CommentKind.ANSWER)]
    return asked[-1] if asked and asked[-1].kind is CommentKind.QUESTION else None


def _timeline(attempts: Sequence[Attempt], now: datetime) -> Iterator[Try]:
    if not attempts:
        return
    begin = attempts[0].claimed_at
    whole = max(max(attempt.ended_at or now for attempt in attempts) - begin, timedelta(milliseconds=1))
    ended_before: datetime | None = None
    for attempt in attempts:
        left = 100 * ((attempt.claimed_at - begin) / whole)
        width = max(100 * (((attempt.ended_at or now) - attempt.claimed_at) / whole), LEAST_WIDTH)
        pause = None if ended_before is None else attempt.claimed_at - ended_before
        yield Try(
            attempt,
            left=round(min(left, 100 - LEAST_WIDTH), 2),
            width=round(width, 2),
            pause=pause if pause is not None and pause >= SHORTEST_PAUSE else None,
        )
        ended_before = attempt.ended_at


def _papers(folder: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of what the attempt was given and what it answered, as far as its runner leaves that behind."""
    for name in PAPERS:
        text = read_text(folder / f"{name}.md")
        if text:
            yield name, text


def read_text(path: Path) -> str:
    """The beginning of a text file; empty when there is none. A link in its place, which an agent may make, is none."""
    try:
        with open(open_private(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return file.read(PAPER_BYTES).decode("utf-8", "replace")
    except OSError as fault:
        if fault.errno in _NO_FILE:
            return ""
        raise


def _cost(attempts: Sequence[Attempt]) -> float | None:
    known = [attempt.cost_usd for attempt in attempts if attempt.cost_usd is not None]
    return sum(known) if known else None
