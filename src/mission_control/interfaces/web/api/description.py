"""The description of the API, `/api/v1/openapi.json`: what the framework finds, and what only we know."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from mission_control.interfaces.web.api.models import Problem

WORDS = """
What the command `missionctl` can do, in the shapes of its `--json`. Programs send `Authorization: Bearer TOKEN`
(`missionctl token add NAME --scope read|agent|admin`). Refusals are problem+json; nothing was changed then. A change
with an `Idempotency-Key` is made once, however often it is asked for within a day.
"""


def describe(app: FastAPI) -> None:
    """Add how one comes in, and what refusals look like."""
    found = app.openapi

    def openapi() -> dict[str, Any]:
        described = found()
        components = described["components"]
        components["schemas"]["Problem"] = Problem.model_json_schema()
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
        return described

    app.openapi = openapi  # type: ignore[method-assign] # the framework's own way to extend it
