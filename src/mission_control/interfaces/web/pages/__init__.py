"""The pages for people: what `routes` gives is served beside the API."""

from __future__ import annotations

from starlette.routing import BaseRoute

from mission_control.interfaces.web.pages import (
    activity,
    agents,
    board,
    health,
    inbox,
    standup,
    stats,
    task,
    task_forms,
)
from mission_control.interfaces.web.pages.words import add_filters
from mission_control.interfaces.web.templating import environment


def routes() -> list[BaseRoute]:
    """Those of all pages. Each finds the open missions in `request.app.state.missions`."""
    add_filters(environment())
    modules = (board, inbox, agents, activity, standup, stats, health, task_forms, task)
    return [route for module in modules for route in module.routes()]
