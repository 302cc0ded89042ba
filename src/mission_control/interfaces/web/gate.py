"""The gate in front of every route: who may come in. What is not allowed here is refused, whatever routes there are.

Host (DNS rebinding), where a browser comes from (Origin and fetch metadata), the key, its scope, the CSRF token: in
this order, before any route sees the request. The headers that keep browsers careful are put on every answer.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from mission_control.domain.access import Caller, KeyKind
from mission_control.errors import MissionControlError
from mission_control.interfaces.web import permissions
from mission_control.interfaces.web.missions import OpenMissions
from mission_control.interfaces.web.permissions import SAFE_METHODS
from mission_control.interfaces.web.places import Places
from mission_control.interfaces.web.problems import problem, problem_of

CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf_token"
FORM = "application/x-www-form-urlencoded"
MOST_BODY_BYTES = 4_000_000  # above the largest legal task with every character escaped twice
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`, with which browsers would send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "private, no-cache",
}


Note = Callable[[str, int, float], None]  # method, status, seconds


class Refused(Exception):
    """Ends a request at the gate with this answer."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.answer = answer


class Gate:
    """Lets a request through to `app`, or refuses it."""

    def __init__(
        self, app: FastAPI, *, missions: OpenMissions, places: Places, note: Note, open_metrics: bool = False
    ) -> None:
        self.app = app
        self._missions = missions
        self._places = places
        self._note = note
        self._open_metrics = open_metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, self._answering(scope["method"], send))
        else:  # there are no web sockets here
            await send({"type": "websocket.close", "code": 1008})

    def _is_let_through(self, request: Request) -> bool:
        path = request.url.path
        is_open = permissions.is_open(request.method, path, open_metrics=self._open_metrics)
        return is_open or permissions.asks_for_attempts_key(path)

    def _answering(self, method: str, send: Send) -> Send:
        """`send`, with the headers of every answer; each is counted when it begins."""
        since = time.monotonic()

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                self._note(method, message["status"], time.monotonic() - since)
            await send(message)

        return careful

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            _check_size(request)
            self._check_host(request)
            self._check_origin(request)
            if not self._is_let_through(request):
                receive = await self._check_key(request, receive)
        except Refused as refusal:
            await refusal.answer(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody waits for an answer
        else:
            await self.app(scope, _bounded(receive), send)

    def _check_host(self, request: Request) -> None:
        if request.headers.get("host") not in self._places.hosts:
            raise Refused(
                problem(
                    HTTPStatus.MISDIRECTED_REQUEST,
                    "This server does not answer to that name. Names beside the loopback ones are given in "
                    "mission.toml: web_origins",
                )
            )

    def _check_origin(self, request: Request) -> None:
        """Pages of others, those of other ports of this machine included, may link here and do nothing else."""
        is_safe = request.method in SAFE_METHODS
        origin = request.headers.get("origin")
        if origin is not None and not (origin in self._places.origins and _netloc(origin) == request.headers["host"]):
            raise _forbidden("Another page may not do that in your name: its origin is not this server.")
        site = request.headers.get("sec-fetch-site", "none")
        is_link = is_safe and request.headers.get("sec-fetch-mode") == "navigate"
        if site not in ("none", "same-origin") and not is_link:
            raise _forbidden("Another page may not do that in your name.")
        if not is_safe and origin is None and _bearer(request) is None:
            raise _forbidden("A change by a browser names its origin; programs come with a bearer token.")

    async def _check_key(self, request: Request, receive: Receive) -> Receive:
        """Raises Refused unless the key is good for this; returns what the body is to be read from."""
        bearer, cookie = _bearer(request), request.cookies.get(self._places.cookie)
        secret = bearer or cookie
        caller = None if secret is None else await self._caller(secret, is_bearer=bearer is not None)
        if caller is None or secret is None:
            raise Refused(_who_are_you(request))
        needed = permissions.needed_scope(request.method, request.url.path)
        if not caller.scope.includes(needed):
            raise _forbidden(f"This needs a key with the scope {needed}; yours has {caller.scope}.")
        state = request.scope.setdefault("state", {})
        state["caller"] = caller
        state["csrf_token"] = csrf_token(secret)
        state["is_still_welcome"] = partial(self._is_welcome, secret, is_bearer=bearer is not None)
        if bearer is None and request.method not in SAFE_METHODS:
            return await _check_csrf(request, receive, csrf_token(secret))
        return receive

    async def _is_welcome(self, secret: str, *, is_bearer: bool) -> bool:
        """For answers that last: whether the key they were let in with is still good."""
        try:
            return await self._caller(secret, is_bearer=is_bearer) is not None
        except Refused:
            return True  # nobody can tell now, so nothing changes

    async def _caller(self, secret: str, *, is_bearer: bool) -> Caller | None:
        def look() -> Caller | None:
            with self._missions.one() as mission:
                if not is_bearer:
                    return mission.access.caller(secret, KeyKind.SESSION)
                # Keys of attempts open /mcp/ and nothing else; see permissions.asks_for_attempts_key.
                return mission.access.caller(secret, KeyKind.TOKEN)

        try:
            return await run_in_threadpool(look)
        except MissionControlError as fault:
            raise Refused(problem_of(fault)) from fault


def csrf_token(secret: str) -> str:
    """Proof that a change comes from a page of ours: whoever cannot read the session cookie cannot make it."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


async def _check_csrf(request: Request, receive: Receive, wanted: str) -> Receive:
    """In a header, or in a field of a form; the body is then read here and given on."""
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        body = await _whole_body(receive)
        given = parse_qs(body.decode("latin-1"), max_num_fields=1000).get(CSRF_FIELD, [""])[0]
        receive = _replayed(body, receive)
    if given is None or not hmac.compare_digest(given.encode(), wanted.encode()):
        raise _forbidden("The page is out of date: its CSRF token is missing or wrong. Load it again.")
    return receive


async def _whole_body(receive: Receive) -> bytes:
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > MOST_BODY_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            return b"".join(pieces)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once more; then whatever comes."""
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _bounded(receive: Receive) -> Receive:
    """A body without a stated length is cut off where it becomes too large: its sender is gone for whoever reads."""
    size = 0

    async def count() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return message if size <= MOST_BODY_BYTES else {"type": "http.disconnect"}

    return count


def _check_size(request: Request) -> None:
    stated = request.headers.get("content-length", "0")
    if not stated.isdecimal() or int(stated) > MOST_BODY_BYTES:
        raise _too_large()


def _bearer(request: Request) -> str | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" and secret.strip() else None


def _netloc(origin: str) -> str:
    return urlsplit(origin).netloc


def _who_are_you(request: Request) -> Response:
    """A person is led to the log-in; a program is told what it lacks."""
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        query = f"?{request.url.query}" if request.url.query else ""
        wanted = quote(request.url.path + query, safe="")
        return RedirectResponse(f"/login?next={wanted}", HTTPStatus.SEE_OTHER)
    return problem(
        HTTPStatus.UNAUTHORIZED,
        "This needs a key. Browsers: missionctl web link. Programs: missionctl token add NAME --scope read",
        headers={"WWW-Authenticate": 'Bearer realm="Mission Control"'},
    )


def _forbidden(detail: str) -> Refused:
    return Refused(problem(HTTPStatus.FORBIDDEN, detail))


def _too_large() -> Refused:
    detail = f"A request has at most {MOST_BODY_BYTES:,} bytes."
    return Refused(problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail))
