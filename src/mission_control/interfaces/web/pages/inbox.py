"""What waits for a person: work to review, questions, blocked tasks, mentions."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from mission_control.dashboard.needs import needs
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.pages.desk import page, shows


def routes() -> list[BaseRoute]:
    return [shows("/inbox", show)]


def show(mission: Mission, request: Request) -> Response:
    return page(request, mission, "inbox.html", path="/inbox", needs=needs(mission.store, mission.views))
