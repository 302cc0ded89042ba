"""Logging in and out: a one-time link or a token becomes a session in a cookie that no script can read."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mission_control.access import SESSION_LIFE, Session
from mission_control.interfaces.web.missions import OpenMissions
from mission_control.interfaces.web.places import Places
from mission_control.interfaces.web.problems import problem
from mission_control.interfaces.web.templating import render

MOST_FAILURES = 10
WITHIN_SECONDS = 60.0
MOST_SECRET_CHARACTERS = 200


class Throttle:
    """Lets nobody guess on and on. The secrets cannot be guessed anyway; this keeps the attempt from costing us."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._failures: deque[float] = deque(maxlen=MOST_FAILURES)

    def seconds_left(self) -> int:
        """How long nobody may try; 0: now."""
        if len(self._failures) < MOST_FAILURES:
            return 0
        return max(0, int(self._failures[0] + WITHIN_SECONDS - self._monotonic() + 0.999))

    def note_failure(self) -> None:
        self._failures.append(self._monotonic())


class LogIn:
    """The routes of logging in and out."""

    def __init__(self, missions: OpenMissions, places: Places) -> None:
        self._missions = missions
        self._places = places
        self._throttle = Throttle()

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.ask, methods=["GET"]),
            Route("/login", self.enter, methods=["POST"]),
            Route("/logout", self.leave, methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """The link of `missionctl up` or `web link` logs in at once; without one, the page that asks for it."""
        if link := request.query_params.get("link"):
            return await self._try(request, link, request.query_params.get("next"))
        return self._page(request, next_page=request.query_params.get("next"))

    async def enter(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode("latin-1"), max_num_fields=10)
        secret, wanted = (form.get(name, [""])[0].strip() for name in ("secret", "next"))
        return await self._try(request, _secret_in(secret), wanted)

    async def leave(self, request: Request) -> Response:
        secret = request.cookies.get(self._places.cookie)

        def log_out() -> None:
            with self._missions.one() as mission:
                mission.access.log_out(secret or "")

        await run_in_threadpool(log_out)
        answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        answer.delete_cookie(self._places.cookie, path="/", httponly=True, samesite="strict")
        return answer

    async def _try(self, request: Request, secret: str, wanted: str | None) -> Response:
        if wait := self._throttle.seconds_left():
            return problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"Too many log-ins have failed. Try again in {wait} s.",
                headers={"Retry-After": str(wait)},
            )
        session = await run_in_threadpool(self._open_session, secret[:MOST_SECRET_CHARACTERS])
        if session is None:
            self._throttle.note_failure()
            return self._page(request, next_page=wanted, has_failed=True)
        answer = RedirectResponse(_inside(wanted), HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
        answer.set_cookie(
            self._places.cookie,
            session.secret,
            max_age=int(SESSION_LIFE.total_seconds()),
            path="/",
            httponly=True,
            samesite="strict",
            secure=f"https://{request.headers['host']}" in self._places.origins,
        )
        return answer

    def _open_session(self, secret: str) -> Session | None:
        with self._missions.one() as mission:
            return mission.access.log_in(secret)

    def _page(self, request: Request, *, next_page: str | None, has_failed: bool = False) -> Response:
        status = HTTPStatus.FORBIDDEN if has_failed else HTTPStatus.OK
        answer = render(request, "login.html", status=status, next_page=_inside(next_page), has_failed=has_failed)
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _secret_in(text: str) -> str:
    """People paste the whole link as well as its secret."""
    return text.rpartition("link=")[2].partition("&")[0]


def _inside(wanted: str | None) -> str:
    """A path of this server, whatever a link says."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")) or not wanted.isprintable():
        return "/"
    return wanted
