"""The pages for people: what `routes` gives is served beside the API."""

from __future__ import annotations

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    """Those of all pages. Each finds the open missions in `request.app.state.missions`."""
    return []
