"""How every route of the API answers: JSON with an ETag; changes in one transaction, once for each idempotency key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from mission_control.domain.access import Caller
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.problems import PreconditionFailed

PREFIX = "/api/v1"
Document = dict[str, Any] | list[Any]
_REFUSALS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.MISDIRECTED_REQUEST,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def noun(path: str, tag: str) -> APIRouter:
    """The routes below `/api/v1` and `path`; all may be refused in the same ways."""
    refusals: dict[int | str, dict[str, Any]] = {
        status.value: {
            "description": status.phrase,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in _REFUSALS
    }
    return APIRouter(prefix=PREFIX + path, tags=[tag], responses=refusals)


def shape(model: Any, status: int = 200, words: str = "As asked") -> dict[int | str, dict[str, Any]]:
    """What a route answers, for the description of the API."""
    return {status: {"model": model, "description": words}}


@dataclass(frozen=True)
class Changed:
    """What a change is answered with."""

    document: Document
    status: int = 200
    tell: Sequence[int] = ()  # tasks whose executors are to look at the board now


@dataclass(frozen=True)
class Asking:
    """One request of the API: who asks, and under what conditions."""

    request: Request
    idempotency_key: str | None
    if_match: str | None
    if_none_match: str | None

    @property
    def caller(self) -> Caller:
        caller: Caller = self.request.state.caller
        return caller

    @property
    def actor(self) -> str:
        """The name under which what is done stands in the history."""
        return self.caller.name

    def find(self, look: Callable[[Mission], Document], *, headers: Mapping[str, str] | None = None) -> Response:
        """What `look` finds; 304 where the caller has it already."""
        with self.request.app.state.missions.one() as mission:
            body = _encoded(look(mission))
        tag = _tag(body)
        known = {"ETag": tag, **(headers or {})}
        if self.if_none_match is not None and _matches(self.if_none_match, tag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=known)
        return Response(body, headers=known, media_type="application/json")

    def change(self, work: Callable[[Mission], Changed], asked: BaseModel | None = None) -> Response:
        """What `work` has changed: all of it in one transaction, then whoever waits for work is woken.

        With an idempotency key it is done once, and whoever asks the same again is answered the same.
        """
        tell: list[int] = []

        def carry_out(mission: Mission) -> tuple[int, str]:
            changed = work(mission)
            tell.extend(changed.tell)
            return changed.status, _encoded(changed.document).decode()

        with self.request.app.state.missions.one() as mission:
            is_repeated = False
            if self.idempotency_key is None:
                with mission.board.together():
                    status, body = carry_out(mission)
            else:
                given, is_repeated = mission.access.once(
                    self.caller, self.idempotency_key, self._fingerprint(asked), lambda: carry_out(mission)
                )
                status, body = given.status, given.body
            for task_id in tell:
                _tell_executors(mission, task_id)
            mission.ring()
        headers = {"ETag": _tag(body.encode()), **({"Idempotent-Replayed": "true"} if is_repeated else {})}
        return Response(body, status, headers, media_type="application/json")

    def do(self, work: Callable[[Mission], Document], status: int = 200) -> Response:
        """What `work` did by other means than one transaction of the board."""
        with self.request.app.state.missions.one() as mission:
            return Response(_encoded(work(mission)), status, media_type="application/json")

    def expect(self, document: Document) -> None:
        """Raises PreconditionFailed where the caller knows another state than this one (If-Match)."""
        if self.if_match is not None and not _matches(self.if_match, _tag(_encoded(document))):
            raise PreconditionFailed("It has changed since you saw it. Nothing was changed; look again.")

    def _fingerprint(self, asked: BaseModel | None) -> bytes:
        body = "" if asked is None else asked.model_dump_json()
        return "\n".join((self.request.method, self.request.url.path, self.request.url.query, body)).encode()


async def _asking(
    request: Request,
    idempotency_key: Annotated[
        str | None, Header(max_length=200, description="Asked again with the same key, a change is made once.")
    ] = None,
    if_match: Annotated[str | None, Header(description="The ETag of what is to be changed.")] = None,
    if_none_match: Annotated[str | None, Header(description="The ETag of what you have.")] = None,
) -> Asking:
    return Asking(request, idempotency_key, if_match, if_none_match)


Asked = Annotated[Asking, Depends(_asking)]


def _tell_executors(mission: Mission, task_id: int) -> None:
    for attempt in mission.views.task(task_id).attempts:
        if attempt.is_live:
            mission.tell(attempt)


def _encoded(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def _tag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _matches(header: str, tag: str) -> bool:
    """Whether one of the tags in a header is this one; `*` is any."""
    wanted = [word.strip().removeprefix("W/") for word in header.split(",")]
    return "*" in wanted or tag in wanted
