"""The history of everything, newest first, a page at a time."""

from __future__ import annotations

from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from mission_control.domain.attempt import Outcome
from mission_control.domain.task import BY_A_PERSON, Event
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.pages.desk import page, shows
from mission_control.store import history

LINES = 100
# By which the page can be narrowed, in the order of a task's life.
KINDS = ("added", Event.CLAIM, *Outcome, *sorted(BY_A_PERSON - {Event.CANCEL}), "commented", "edited", "agent_added")


def routes() -> list[BaseRoute]:
    return [shows("/activity", show)]


def show(mission: Mission, request: Request) -> Response:
    """`?before=ID` leafs back; an unknown kind means all."""
    query = request.query_params
    before = query.get("before", "")
    agent = query.get("agent") or None
    kind = query.get("kind") if query.get("kind") in KINDS else None
    lines = history.before(
        mission.store,
        int(before) if before.isdecimal() and len(before) < 19 else history.NO_ID_BEFORE,
        agent=agent,
        kind=kind,
        limit=LINES,
    )
    return page(
        request,
        mission,
        "activity.html",
        path="/activity",
        days=[(day, list(of_day)) for day, of_day in groupby(lines, _day)],
        older=lines[-1].line.id if len(lines) == LINES else None,
        agent=agent,
        kind=kind,
        kinds=list(dict.fromkeys(map(str, KINDS))),
    )


def _day(titled: history.Titled) -> str:
    return titled.line.at.astimezone().strftime("%A, %d %B %Y")
