"""The process of the pages and the API: serves at a socket it was given, for as long as its parent lives."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from mission_control.interfaces.web.feed import Feed
from mission_control.interfaces.web.gate import Gate

PATIENCE_SECONDS = 3  # for answers under way when it ends


class _Server(uvicorn.Server):
    """Ends open streams before it waits for them to end."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], object]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """As a signal calls it, in between anything."""
        super().handle_exit(sig, frame)
        self._end_streams()


def serve(application: Gate, listening: socket.socket, *, lifeline: int) -> None:
    """Until SIGTERM, or until `lifeline` ends because the process at its other end is gone."""
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,  # it would hold the secrets of links
        http="h11",
        ws="none",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=PATIENCE_SECONDS,
    )
    asyncio.run(_serve(config, application.app.state.feed, listening, lifeline))


async def _serve(config: uvicorn.Config, feed: Feed, listening: socket.socket, lifeline: int) -> None:
    loop = asyncio.get_running_loop()
    server = _Server(config, lambda: loop.call_soon_threadsafe(feed.close))

    def look() -> None:
        if not os.read(lifeline, 1024):
            loop.remove_reader(lifeline)
            server.handle_exit(signal.SIGTERM, None)

    loop.add_reader(lifeline, look)
    await server.serve(sockets=[listening])
