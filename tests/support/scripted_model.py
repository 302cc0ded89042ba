"""A model on loopback that says what the prompt tells it to: for real agents' programs, without a real model.

It speaks OpenAI chat and responses, Anthropic messages and Gemini, streaming and not, with tool calls. The script
stands in the last message of the user that has one:

    [[shell CMD]]         call whichever shell tool the program offers
    [[tool NAME {json}]]  call the tool of that name, or the one whose name ends so
    [[say TEXT]]          answer
    [[sleep SECONDS]]     before the next of these
    [[error STATUS]]      answer this HTTP status instead

Which step is next is told by the number of tool results since. It keeps nothing, so it may serve any number at once.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

Json = dict[str, Any]
_STEP = re.compile(r"\[\[(shell|tool|say|sleep|error)\s+(.*?)\]\](?!\])", re.DOTALL)
_SHELLS = ("bash", "shell", "exec_command", "shell_command", "run_shell_command", "exec", "run_command", "terminal")
_NO_SCRIPT = "OK"


@dataclass(frozen=True)
class Said:
    """What the model was told by one message: by a user, by a tool, or by anybody else."""

    by: str
    text: str


@dataclass(frozen=True)
class Reply:
    """What it says: a text, a call of a tool, or an error."""

    text: str = ""
    tool: str | None = None
    arguments: Json = field(default_factory=dict)
    status: int = 200
    tokens_in: int = 1000
    tokens_out: int = 10


def reply_to(said: Sequence[Said], tools: Mapping[str, Any]) -> Reply:
    """What the script says next; a request that offers no tools (for a title, say) gets the first answer of it."""
    start = max((n for n, one in enumerate(said) if one.by == "user" and _STEP.search(one.text)), default=-1)
    if start < 0:
        return Reply(_NO_SCRIPT)
    steps = _steps(said[start].text)
    results = sum(one.by == "tool" for one in said[start + 1 :])
    if not tools:
        return Reply(next((rest for verb, rest, _ in steps if verb == "say"), _NO_SCRIPT))
    if results >= len(steps):
        return Reply(_NO_SCRIPT)
    verb, rest, pause = steps[results]
    time.sleep(pause)
    match verb:
        case "error":
            return Reply(status=int(rest))
        case "shell":
            return _call_of_shell(rest, tools)
        case "tool":
            name, _, arguments = rest.partition(" ")
            found = name if name in tools else next((tool for tool in tools if tool.endswith(name)), None)
            return Reply(tool=found, arguments=json.loads(arguments or "{}")) if found else Reply(f"no tool {name}")
        case _:
            return Reply(rest)


def _steps(script: str) -> list[tuple[str, str, float]]:
    """(what, with what, seconds before it) for each step."""
    steps, pause = [], 0.0
    for verb, rest in _STEP.findall(script):
        if verb == "sleep":
            pause += float(rest)
        else:
            steps.append((verb, rest.strip(), pause))
            pause = 0.0
    return steps or [("say", _NO_SCRIPT, pause)]


def _call_of_shell(command: str, tools: Mapping[str, Any]) -> Reply:
    tool = next((tool for shell in _SHELLS for tool in tools if tool.lower() == shell), None)
    if tool is None:
        return Reply(f"no shell among {sorted(tools)}")
    schema = tools[tool] or {}
    known = schema.get("properties", {})
    name = next((name for name in ("command", "cmd", "script") if name in known), "command")
    arguments: Json = {other: "a step" for other in schema.get("required", []) if other != name}
    as_list = known.get(name, {}).get("type") == "array"
    return Reply(tool=tool, arguments={**arguments, name: ["bash", "-c", command] if as_list else command})


def _text(content: Any) -> str:
    """All text in whatever a message's content may be."""
    match content:
        case str():
            return content
        case list():
            return "\n".join(_text(part) for part in content)
        case dict():
            return next((_text(content[k]) for k in ("text", "content", "output", "result") if k in content), "")
        case _:
            return ""


def _id(kind: str) -> str:
    return f"{kind}_{uuid4().hex[:16]}"


# OpenAI, chat completions


def _chat(body: Json) -> tuple[list[Said], dict[str, Any]]:
    tools = {tool["function"]["name"]: tool["function"].get("parameters") for tool in body.get("tools") or []}
    return [Said(message["role"], _text(message.get("content"))) for message in body["messages"]], tools


def _chat_events(reply: Reply, model: str) -> Iterator[Json]:
    def chunk(delta: Json, reason: str | None = None, **more: Any) -> Json:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        top = {"id": "chat", "object": "chat.completion.chunk", "created": 0, "model": model}
        return {**top, "choices": [choice], **more}

    yield chunk({"role": "assistant", "content": reply.text})
    if reply.tool:
        function = {"name": reply.tool, "arguments": json.dumps(reply.arguments)}
        yield chunk({"tool_calls": [{"index": 0, "id": _id("call"), "type": "function", "function": function}]})
    total = reply.tokens_in + reply.tokens_out
    usage = {"prompt_tokens": reply.tokens_in, "completion_tokens": reply.tokens_out, "total_tokens": total}
    yield chunk({}, "tool_calls" if reply.tool else "stop", usage=usage)


def _chat_whole(reply: Reply, model: str) -> Json:
    first, *middle, last = _chat_events(reply, model)
    message = {**first["choices"][0]["delta"]}
    for event in middle:
        message |= event["choices"][0]["delta"]
    choice = {"index": 0, "message": message, "finish_reason": last["choices"][0]["finish_reason"]}
    return {**last, "object": "chat.completion", "choices": [choice]}


# OpenAI, responses


def _responses(body: Json) -> tuple[list[Said], dict[str, Any]]:
    tools: dict[str, Any] = {}
    for tool in body.get("tools") or []:
        if tool.get("type") == "namespace":  # of an MCP server
            tools |= {f"{tool['name']}/{one['name']}": one.get("parameters") for one in tool.get("tools", [])}
        elif "name" in tool:
            tools[tool["name"]] = tool.get("parameters")
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    return [
        Said("tool", _text(item.get("output")))
        if str(item.get("type")).endswith("_output")
        else Said(item.get("role", "other"), _text(item.get("content")))
        for item in items
    ], tools


def _responses_whole(reply: Reply, model: str) -> Json:
    output: list[Json] = []
    if reply.text:
        content = [{"type": "output_text", "text": reply.text, "annotations": []}]
        message = {"type": "message", "id": _id("msg"), "role": "assistant", "status": "completed"}
        output.append({**message, "content": content})
    if reply.tool:
        call = {"type": "function_call", "id": _id("fc"), "call_id": _id("call"), "status": "completed"}
        namespace, _, name = reply.tool.rpartition("/")
        where = {"namespace": namespace} if namespace else {}
        output.append({**call, **where, "name": name, "arguments": json.dumps(reply.arguments)})
    total = reply.tokens_in + reply.tokens_out
    usage = {"input_tokens": reply.tokens_in, "output_tokens": reply.tokens_out, "total_tokens": total}
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    top = {"id": _id("resp"), "object": "response", "created_at": 0, "status": "completed", "model": model}
    return {**top, "output": output, "usage": {**usage, **details}, "error": None, "tools": []}


def _responses_events(reply: Reply, model: str) -> Iterator[Json]:
    whole = _responses_whole(reply, model)
    yield {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}}
    for index, item in enumerate(whole["output"]):
        yield {"type": "response.output_item.added", "output_index": index, "item": item}
        if item["type"] == "message":
            place = {"item_id": item["id"], "output_index": index, "content_index": 0}
            yield {"type": "response.output_text.delta", **place, "delta": reply.text}
            yield {"type": "response.output_text.done", **place, "text": reply.text}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": whole}


# Anthropic, messages


def _messages(body: Json) -> tuple[list[Said], dict[str, Any]]:
    tools = {tool["name"]: tool.get("input_schema") for tool in body.get("tools") or [] if "input_schema" in tool}
    said = []
    for message in body["messages"]:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        said += [Said("tool", _text(part.get("content"))) for part in parts if part.get("type") == "tool_result"]
        text = "\n".join(part["text"] for part in parts if part.get("type") == "text")
        said += [Said(message["role"], text)] if text else []
    return said, tools


def _messages_whole(reply: Reply, model: str) -> Json:
    content: list[Json] = [{"type": "text", "text": reply.text}] if reply.text else []
    if reply.tool:
        content.append({"type": "tool_use", "id": _id("toolu"), "name": reply.tool, "input": reply.arguments})
    usage = {"input_tokens": reply.tokens_in, "output_tokens": reply.tokens_out}
    reason = "tool_use" if reply.tool else "end_turn"
    top = {"id": _id("msg"), "type": "message", "role": "assistant", "model": model}
    return {**top, "content": content, "stop_reason": reason, "stop_sequence": None, "usage": usage}


def _messages_events(reply: Reply, model: str) -> Iterator[Json]:
    whole = _messages_whole(reply, model)
    yield {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}}
    for index, part in enumerate(whole["content"]):
        is_text = part["type"] == "text"
        empty = {**part, "text": ""} if is_text else {**part, "input": {}}
        given = json.dumps(reply.arguments)
        delta: Json = {"type": "text_delta", "text": reply.text} if is_text else {"type": "input_json_delta"}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        delta |= {} if is_text else {"partial_json": given}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": whole["usage"]}
    yield {"type": "message_stop"}


# Gemini, generateContent


def _gemini(body: Json) -> tuple[list[Said], dict[str, Any]]:
    known = (function for tool in body.get("tools") or [] for function in tool.get("functionDeclarations") or [])
    tools = {one["name"]: one.get("parametersJsonSchema") or one.get("parameters") for one in known}
    parts = [(message.get("role"), part) for message in body["contents"] for part in message.get("parts", [])]
    return [
        Said("tool", "") if "functionResponse" in part else Said("user" if role == "user" else "other", _text(part))
        for role, part in parts
    ], tools


def _gemini_whole(reply: Reply, model: str) -> Json:
    parts: list[Json] = [{"text": reply.text}] if reply.text else []
    if reply.tool:
        parts.append({"functionCall": {"name": reply.tool, "args": reply.arguments}})
    counts = {"promptTokenCount": reply.tokens_in, "candidatesTokenCount": reply.tokens_out}
    usage = {**counts, "totalTokenCount": reply.tokens_in + reply.tokens_out}
    candidate = {"index": 0, "content": {"role": "model", "parts": parts}, "finishReason": "STOP"}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}


_DIALECTS = {  # how a path ends -> (what was said and the tools, the reply in one piece, the reply as events)
    "/chat/completions": (_chat, _chat_whole, _chat_events),
    "/responses": (_responses, _responses_whole, _responses_events),
    "/messages": (_messages, _messages_whole, _messages_events),
    ":generateContent": (_gemini, _gemini_whole, lambda reply, model: iter([_gemini_whole(reply, model)])),
    ":streamGenerateContent": (_gemini, _gemini_whole, lambda reply, model: iter([_gemini_whole(reply, model)])),
}


class ScriptedModel:
    """The server. `calls` are the paths of all requests for a reply, in the order they came."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.model = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def scripted_model() -> Iterator[ScriptedModel]:
    model = ScriptedModel()
    try:
        yield model
    finally:
        model.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    model: ScriptedModel


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name in the library
        """The tests see `calls`."""

    def do_HEAD(self) -> None:
        self._answer(b"", "text/plain")

    def do_GET(self) -> None:
        known = {"id": "scripted-1", "object": "model", "type": "model", "display_name": "Scripted", "created": 0}
        self._json({"object": "list", "data": [known], "has_more": False})

    def do_POST(self) -> None:
        body = json.loads(self._body() or b"{}")
        path = self.path.partition("?")[0]
        dialect = next((dialect for end, dialect in _DIALECTS.items() if path.endswith(end)), None)
        try:
            if dialect is None:
                self._json({"input_tokens": 1, "totalTokens": 1})  # some count before they ask
                return
            self.server.model.calls.append(path)
            self._reply(body, path, *dialect)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # whoever asked was ended

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _reply(self, body: Json, path: str, understand: Any, whole: Any, events: Any) -> None:
        said, tools = understand(body)
        reply = reply_to(said, tools)
        name = str(body.get("model", "scripted-1"))
        if reply.status != 200:
            error = {"type": "scripted", "code": reply.status, "message": f"scripted {reply.status}"}
            self._json({"type": "error", "error": error}, reply.status)
        elif body.get("stream") or "stream" in path:
            self._stream(events(reply, name))
        else:
            self._json(whole(reply, name))

    def _stream(self, events: Iterator[Json]) -> None:
        lines = (
            (f"event: {event['type']}\n" if "type" in event else "") + f"data: {json.dumps(event)}\n\n"
            for event in events
        )
        self.close_connection = True
        end = "data: [DONE]\n\n" if self.path.endswith("/chat/completions") else ""
        self._answer(("".join(lines) + end).encode(), "text/event-stream")

    def _json(self, value: Json, status: int = 200) -> None:
        self._answer(json.dumps(value).encode(), "application/json", status)

    def _answer(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
