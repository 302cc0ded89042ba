"""What went wrong, as problem+json (RFC 9457): our error tree is mapped to HTTP here and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mission_control.errors import Conflict, InvalidInput, MissionControlError, NotFound, Unavailable

_OF_BRANCH: tuple[tuple[type[MissionControlError], HTTPStatus], ...] = (
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
_MOST_FAULTS = 20
_MOST_CHARACTERS = 300  # of one fault: it may quote what was given


class PreconditionFailed(Conflict):
    """What was to be changed is no longer what the caller had seen."""


def problem(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None, faults: list[str] | None = None
) -> Response:
    """The answer for whoever asked; `faults` lists each field that was wrong."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if faults:
        body["faults"] = faults
    content = json.dumps(body, ensure_ascii=True).encode()
    return Response(content, status, dict(headers or {}), media_type="application/problem+json")


def problem_of(fault: MissionControlError) -> Response:
    """A refusal of ours in the words of HTTP."""
    if isinstance(fault, PreconditionFailed):
        return problem(HTTPStatus.PRECONDITION_FAILED, str(fault))
    status = next((status for branch, status in _OF_BRANCH if isinstance(fault, branch)), HTTPStatus.CONFLICT)
    headers = {"Retry-After": "1"} if status is HTTPStatus.SERVICE_UNAVAILABLE else None
    return problem(status, str(fault), headers=headers)


def explain_all(app: FastAPI) -> None:
    """Let every refusal and every fault of this application be answered so."""

    @app.exception_handler(MissionControlError)
    async def refused(_: Request, fault: MissionControlError) -> Response:
        return problem_of(fault)

    @app.exception_handler(HTTPException)
    async def by_the_framework(_: Request, fault: HTTPException) -> Response:
        return problem(fault.status_code, str(fault.detail), headers=fault.headers)

    @app.exception_handler(RequestValidationError)
    async def misshapen(_: Request, fault: RequestValidationError) -> Response:
        faults = [_words(found) for found in fault.errors()[:_MOST_FAULTS]]
        return problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "The request breaks a rule: " + "; ".join(faults), faults=faults
        )

    @app.exception_handler(Exception)
    async def fault_of_ours(_: Request, fault: Exception) -> Response:
        """The traceback goes to the log of the process; whoever asked learns only its kind."""
        kind = type(fault).__name__
        return problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, f"This is a fault of Mission Control: {kind}. See logs/web.log."
        )


def _words(found: Mapping[str, object]) -> str:
    place = found.get("loc")
    where = ".".join(str(part) for part in place if part != "body") if isinstance(place, tuple) else ""
    text = str(found.get("msg", "is wrong"))
    return f"{where}: {text}"[:_MOST_CHARACTERS] if where else text[:_MOST_CHARACTERS]
