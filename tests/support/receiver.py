"""A real HTTP server on loopback that takes what is sent to it, and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """What came; names of headers in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers 204, or the codes it is given, one after the other; `before_answer` may wait or fail."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[int] = []
        self.location: str | None = None  # of an answer that points elsewhere
        self.before_answer: Callable[[Request], None] = lambda _request: None
        receiver = self

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._answer(self)

            def log_message(self, *_: Any) -> None:
                """Nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.rfile.read(int(headers["content-length"]))
        came = Request(request.path, headers, body)
        self.requests.append(came)
        self.before_answer(came)
        try:
            request.send_response(self.answers.pop(0) if self.answers else 204)
            if self.location:
                request.send_header("Location", self.location)
            request.end_headers()
        except (BrokenPipeError, ConnectionResetError):
            return  # whoever asked was killed

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
