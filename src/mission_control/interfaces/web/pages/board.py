"""The board: a column for each status, filters whose state is the address, moves of several tasks at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from mission_control.dashboard.columns import CARDS, COLUMNS, MOST_CARDS, board_picture
from mission_control.dashboard.pulse import record
from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Event, Priority, Status
from mission_control.errors import InvalidInput
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.pages import moves
from mission_control.interfaces.web.pages.desk import Call, Done, acts, page, shows
from mission_control.store import overview
from mission_control.store.store import Store
from mission_control.store.tasks import Filter

_EMPTY: Mapping[Status, str] = {
    Status.INBOX: "Nothing waits.",
    Status.IN_PROGRESS: "Nobody is working.",
    Status.REVIEW: "Nothing to review.",
    Status.BLOCKED: "Nothing is blocked.",
    Status.DONE: "Nothing is done yet.",
    Status.CANCELLED: "Nothing was cancelled.",
}


def routes() -> list[BaseRoute]:
    return [shows("/", show), acts("/bulk", move_several)]


def show(mission: Mission, request: Request) -> Response:
    """Columns with their first cards. An unknown filter value means none: addresses are typed by people."""
    query = request.query_params
    wanted = Filter(
        agent=query.get("agent") or None,
        search=query.get("q", "").strip() or None,
        priority=_known_priority(query.get("priority", "")),
    )
    shows_cancelled = bool(query.get("cancelled"))
    picture = board_picture(
        mission.store,
        mission.views,
        wanted,
        more={status: _cards(query.get(f"more_{status}", "")) for status in Status},
        statuses=(*COLUMNS, Status.CANCELLED) if shows_cancelled else COLUMNS,
    )
    return page(
        request,
        mission,
        "board.html",
        path="/",
        board=picture,
        filter=wanted,
        is_filtered=any((wanted.agent, wanted.search, wanted.priority)),
        shows_cancelled=shows_cancelled,
        empty_words=_EMPTY,
        success=_success_of_a_day(mission),
    )


def _known_priority(text: str) -> Priority | None:
    return Priority(text) if text in frozenset(Priority) else None


def _cards(text: str) -> int:
    return min(int(text), MOST_CARDS) if text.isdecimal() and len(text) < 6 else CARDS


def _success_of_a_day(mission: Mission) -> float | None:
    since = mission.clock.now() - timedelta(days=1)
    return record(_added_up(mission.store, since)).success_rate


def _added_up(store: Store, since: datetime) -> dict[Outcome, int]:
    total: dict[Outcome, int] = {}
    for outcomes in overview.outcomes_by_agent(store, since).values():
        for outcome, attempts in outcomes.items():
            total[outcome] = total.get(outcome, 0) + attempts
    return total


def move_several(call: Call) -> Done:
    """The same move for all selected tasks: all or none."""
    event, ids = call.text("event"), call.texts("task")
    if event not in moves.BULK or not ids:
        raise InvalidInput("Select tasks, and say whether to retry, approve or cancel them.")
    known = [call.mission.views.resolve_task(text) for text in ids]
    with call.mission.board.together():
        said = [moves.carry_out(call.mission, task, Event(event), actor=call.actor) for task in known]
    return Done(said[0] if len(said) == 1 else f"{len(said)} tasks: {_past(Event(event))}.")


def _past(event: Event) -> str:
    return {Event.RETRY: "back in the inbox", Event.APPROVE: "approved", Event.CANCEL: "cancelled"}[event]
