"""The standup of a day, as the terminal and the report tell it."""

from __future__ import annotations

from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from mission_control.errors import InvalidInput
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.pages.desk import page, shows
from mission_control.ops.standup.gathering import standup_of
from mission_control.ops.standup.markdown import as_markdown


def routes() -> list[BaseRoute]:
    return [shows("/standup", show)]


def show(mission: Mission, request: Request) -> Response:
    """`?day=2026-02-06`; without it today, as things stand."""
    today = mission.clock.now().astimezone(mission.config.zone).date()
    day = _day(request.query_params.get("day")) or today
    found = standup_of(mission.store, mission.config, mission.clock, day)
    return page(
        request,
        mission,
        "standup.html",
        path="/activity",
        day=day,
        before=day - timedelta(days=1),
        after=day + timedelta(days=1) if day < today else None,
        is_today=day == today,
        text=as_markdown(found, mission.config.zone).partition("\n")[2],
    )


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text[:60]!a} is no day. Write e.g. 2026-02-06.") from None
