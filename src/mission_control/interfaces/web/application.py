"""The application: the API, the pages and what both stand on, behind the gate."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from mission_control import __version__
from mission_control.interfaces.mcp import http_tools
from mission_control.interfaces.web import api, pages
from mission_control.interfaces.web.api.description import WORDS, describe
from mission_control.interfaces.web.feed import Feed
from mission_control.interfaces.web.gate import Gate
from mission_control.interfaces.web.login import LogIn
from mission_control.interfaces.web.metrics import Metrics
from mission_control.interfaces.web.missions import OpenMissions
from mission_control.interfaces.web.places import Places
from mission_control.interfaces.web.problems import explain_all

STATIC = Path(__file__).parent / "static"


def application(missions: OpenMissions, places: Places, *, open_metrics: bool = False) -> Gate:
    """What a server calls. Its parts are found in `request.app.state`: `missions`, `places`, `feed`."""
    feed = Feed(missions)
    metrics = Metrics(missions, feed)
    tools = http_tools(missions.open_one)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        reading = asyncio.create_task(feed.run())
        reading.add_done_callback(_end_unless_in_order)
        async with tools.lifespan():
            yield
        feed.close()
        await asyncio.wait([reading])
        await run_in_threadpool(missions.close)

    app = FastAPI(
        title="Mission Control",
        version=__version__,
        description=WORDS,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        telemetry={"tracing": False},
        lifespan=lifespan,
        routes=[
            *LogIn(missions, places).routes(),
            Route("/healthz", healthz, methods=["GET"]),
            Route("/metrics", metrics.show, methods=["GET"]),
            Mount("/mcp", tools.app, name="mcp"),
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
            *api.routes(),
            *pages.routes(),
        ],
    )
    app.state.missions = missions
    app.state.places = places
    app.state.feed = feed
    describe(app)
    explain_all(app)
    return Gate(app, missions=missions, places=places, note=metrics.note, open_metrics=open_metrics)


def _end_unless_in_order(reading: asyncio.Task[None]) -> None:
    """Pages that nothing reaches any more would look alive: another process is started instead."""
    if not reading.cancelled() and (fault := reading.exception()) is not None:
        logging.getLogger(__name__).error("The reader of the history has failed.", exc_info=fault)
        signal.raise_signal(signal.SIGTERM)


async def healthz(request: Request) -> Response:
    """Whether the database can be read. Tells nothing of the mission."""

    def look() -> None:
        with request.app.state.missions.one() as mission:
            mission.views.activities(limit=1)

    await run_in_threadpool(look)
    return JSONResponse({"status": "ok"})
