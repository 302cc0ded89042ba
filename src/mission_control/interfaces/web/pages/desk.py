"""What all pages share: an open mission for each request, the frame around each page, answers to forms."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from mission_control.dashboard.frame import Frame, frame
from mission_control.domain import limits
from mission_control.errors import InvalidInput, MissionControlError
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.problems import problem_of
from mission_control.interfaces.web.templating import render

Look = Callable[[Mission, Request], Response]
Act = Callable[["Call"], "Done"]


class Call:
    """A form that somebody sent, and on which mission it is to act."""

    def __init__(self, mission: Mission, request: Request, form: FormData) -> None:
        self.mission = mission
        self.path = request.path_params
        self.actor: str = request.state.caller.name
        self._form = form

    def text(self, name: str) -> str:
        """A field as it was filled in, its line ends as ours; empty where it was not."""
        value = self._form.get(name, "")
        return value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """All values of a field that comes several times."""
        return [value for value in self._form.getlist(name) if isinstance(value, str)]

    def names(self, name: str) -> list[str]:
        """A field with several words in it, separated by commas or spaces."""
        return self.text(name).replace(",", " ").split()

    def number(self, name: str, what: str) -> int | None:
        """A whole number; null where nothing was filled in."""
        text = self.text(name)
        if not text:
            return None
        if not text.isdecimal():
            raise InvalidInput(f"{what} is a whole number, not {text[:40]!r}.")
        return int(text)

    def agents(self) -> list[str]:
        return [limits.agent_name(name) for name in self.names("agents")]


class Done:
    """What became of it, in a sentence, and which page shows it."""

    def __init__(self, said: str, page: str | None = None) -> None:
        self.said = said
        self.page = page


def shows(path: str, look: Look) -> Route:
    """A page at `path`. What is refused becomes a page that says why."""

    def endpoint(request: Request) -> Response:
        try:
            with request.app.state.missions.one() as mission:
                return look(mission, request)
        except MissionControlError as refusal:
            return _problem_page(request, refusal)

    return Route(path, endpoint, methods=["GET"], name=f"page {path}")


def acts(path: str, act: Act) -> Route:
    """A form at `path`. Scripts are told what became of it, a plain form is led to the page that shows it."""

    async def endpoint(request: Request) -> Response:
        form = await request.form()

        def work() -> Response:
            try:
                with request.app.state.missions.one() as mission:
                    done = act(Call(mission, request, form))
                    mission.ring()
            except MissionControlError as refusal:
                return problem_of(refusal) if _is_script(request) else _problem_page(request, refusal)
            if _is_script(request):
                return JSONResponse({"said": done.said, "page": done.page})
            return RedirectResponse(done.page or _came_from(request), HTTPStatus.SEE_OTHER)

        return await run_in_threadpool(work)

    return Route(path, endpoint, methods=["POST"], name=f"form {path}")


def page(
    request: Request, mission: Mission, template: str, *, path: str, status: int = 200, **context: Any
) -> Response:
    """A page with its frame; `path` is the entry of the navigation that it belongs to."""
    around: Frame = frame(mission.store, path)
    query = list(request.query_params.multi_items())
    return render(request, template, status=status, frame=around, now=mission.clock.now(), query=query, **context)


def _is_script(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _came_from(request: Request) -> str:
    """The page of ours on which the form was; the board where that is not known."""
    referer = request.headers.get("referer", "")
    base = str(request.base_url)
    return f"/{referer.removeprefix(base)}" if referer.startswith(base) else "/"


def _problem_page(request: Request, refusal: MissionControlError) -> Response:
    """The refusal as a page; where even that cannot be had (no database), in plain words."""
    answer = problem_of(refusal)
    title = HTTPStatus(answer.status_code).phrase
    try:
        with request.app.state.missions.one() as mission:
            return page(
                request,
                mission,
                "problem.html",
                path="",
                status=answer.status_code,
                title=title,
                detail=str(refusal),
                back=_came_from(request),
            )
    except MissionControlError:
        return answer
