"""The API, `/api/v1`: what the command can do, in the shapes of its `--json`."""

from __future__ import annotations

from starlette.routing import BaseRoute

from mission_control.interfaces.web.api import agents, changes, events, mission, output, tasks, tokens


def routes() -> list[BaseRoute]:
    """Those of all nouns."""
    nouns = (tasks, changes, output, agents, mission, events, tokens)
    return [route for noun in nouns for route in noun.router.routes]
