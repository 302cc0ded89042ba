"""A chat endpoint of a model, on loopback: a real HTTP server that gives the answers it was told, one a question."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]
USAGE = {"prompt_tokens": 100, "completion_tokens": 10}


class ChatEndpoint:
    """`questions` are the bodies it was sent, `keys` what was sent as the key with each."""

    def __init__(self, *answers: Answer, answer_to: Callable[[str], Answer] | None = None) -> None:
        """`answer_to` chooses by the prompt instead, for conversations that mix."""
        self.questions: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self._answers = list(answers)
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                endpoint.questions.append(json.loads(body))
                endpoint.keys.append(self.headers.get("authorization"))
                self.close_connection = True
                if answer_to is None:
                    endpoint._answers.pop(0)(self)
                else:
                    answer_to(endpoint.questions[-1]["messages"][1]["content"])(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    @contextmanager
    def serving(self) -> Iterator[ChatEndpoint]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def close(self) -> None:
        """Without having served: nobody listens on its port any more."""
        self._server.server_close()


def says(text: str, *, finish: str | None = "stop", usage: Mapping[str, Any] | None = USAGE) -> Answer:
    """A streamed answer, word by word; without `finish` it breaks off."""
    pieces = [_choice({"content": f"{word} "}) for word in text.split(" ") if word]
    closing = [_choice({}, finish)] if finish else []
    return streams(*pieces, *closing, *([{"choices": [], "usage": usage}] if usage else []))


def uses(name: str, arguments: Mapping[str, Any] | str, *, finish: str = "tool_calls") -> Answer:
    """It wants a tool used; the call comes in pieces, as real ones do."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    half = len(text) // 2
    first = {"index": 0, "id": "call_a", "type": "function", "function": {"name": name, "arguments": text[:half]}}
    second = {"index": 0, "function": {"arguments": text[half:]}}
    pieces = (_choice({"tool_calls": [first]}), _choice({"tool_calls": [second]}), _choice({}, finish))
    return streams(*pieces, {"choices": [], "usage": USAGE})


def streams(*events: Any) -> Answer:
    lines = [*(f"data: {json.dumps(event)}" for event in events), "data: [DONE]"]
    return sends("\n\n".join(lines).encode() + b"\n\n", content_type="text/event-stream")


def sends(content: bytes, *, status: int = 200, content_type: str = "application/json", **headers: str) -> Answer:
    """Exactly this; `retry_after` becomes `retry-after`."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("content-type", content_type)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(content)

    return answer


def refuses(status: int, message: str, *, code: str = "", **headers: str) -> Answer:
    return sends(json.dumps({"error": {"message": message, "code": code}}).encode(), status=status, **headers)


def hangs_up(request: BaseHTTPRequestHandler) -> None:
    """No answer at all."""
    request.connection.close()


def says_nothing(request: BaseHTTPRequestHandler) -> None:
    """The other side has to lose its patience."""
    request.connection.settimeout(30)
    request.connection.recv(1)


def _choice(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
