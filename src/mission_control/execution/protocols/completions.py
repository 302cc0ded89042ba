"""One question to an OpenAI-compatible chat endpoint, and its answer as it streams in.

What may go wrong is sorted here: a rate limit, a key that is not accepted, an answer that broke off.
Source of the forms: the chat completions reference of OpenAI; other servers send the same with more or less in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from mission_control.clock import SystemClock
from mission_control.execution.protocols.telling import Closing, Tell, Text, TurnEnded, failed
from mission_control.execution.report import Judgement

CONNECT_SECONDS = 10.0
LONGEST_LINE = 16_000_000  # bytes of one event
SHOWN_CHARACTERS = 300  # of what an endpoint says about a fault
PASSING = frozenset({408, 500, 502, 503, 504, 529})  # faults that may be gone in a moment


@dataclass(frozen=True)
class Endpoint:
    """Which model is asked, and where."""

    base_url: str
    model: str
    key: str | None  # null: none is sent
    key_name: str  # the variable it came from, to be named to people
    silence_seconds: float  # an endpoint that says nothing for so long has hung

    def without_key(self, text: str) -> str:
        """Some endpoints repeat the key in what they say about it."""
        return text.replace(self.key, "•••") if self.key else text


@dataclass(frozen=True)
class Call:
    """A tool the model wants used. `arguments` is meant to be JSON."""

    id: str
    name: str
    arguments: str

    def as_message(self) -> dict[str, Any]:
        """As it stands in the conversation. What is not JSON would be refused there by some endpoints."""
        try:
            arguments = json.dumps(json.loads(self.arguments))
        except (ValueError, RecursionError):
            arguments = "{}"
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": arguments}}


@dataclass
class Reply:
    """What the model answered. `finish` is its closing word; null while the answer is not whole."""

    text: str = ""
    refusal: str = ""
    calls: dict[int, Call] = field(default_factory=dict)
    finish: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None


class Passing(Exception):
    """A fault that may be gone in a moment; asking again does no harm. The message says which."""


def ask(
    client: httpx.Client, endpoint: Endpoint, messages: Sequence[Any], tools: Sequence[Any], *, hear: Tell
) -> Reply:
    """The whole answer; `hear` gets its text as it comes.

    Raises Passing, or TurnEnded for what another try would not change.
    """
    body = {
        "model": endpoint.model,
        "messages": messages,
        "tools": tools,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    url = f"{endpoint.base_url.rstrip('/')}/chat/completions"
    headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    try:
        with client.stream(
            "POST",
            url,
            json=body,
            headers=headers,
            timeout=httpx.Timeout(endpoint.silence_seconds, connect=CONNECT_SECONDS),
        ) as response:
            if response.status_code != httpx.codes.OK:
                raise _refused(response, endpoint)
            return _whole(_events(response), hear)
    except httpx.InvalidURL as fault:
        raise failed(f"{url} is no address: {fault}") from None
    except httpx.UnsupportedProtocol:
        raise failed(f"{url} is no address: it must begin with http:// or https://") from None
    except httpx.ConnectError as fault:
        raise failed(f"nobody answers at {url}: {fault}. Is the server running, is base_url right?") from None
    except httpx.TimeoutException:
        raise Passing(f"{url} said nothing for {endpoint.silence_seconds:g} s") from None
    except httpx.TransportError as fault:
        raise Passing(f"the connection to {url} broke off: {fault}") from None


def _events(response: httpx.Response) -> Iterator[Any]:
    """The JSON values of a stream of events; of an endpoint that does not stream, the one it sends."""
    if "text/event-stream" not in response.headers.get("content-type", ""):
        yield _parsed(response.read())
        return
    for line in _lines(response):
        name, _, value = line.partition(b":")
        if name != b"data":
            continue  # comments that keep the connection open, names of events
        if value.strip() == b"[DONE]":
            return
        yield _parsed(value)


def _lines(response: httpx.Response) -> Iterator[bytes]:
    begun = bytearray()
    for piece in response.iter_bytes():
        begun += piece
        if b"\n" in piece:
            *lines, begun = begun.split(b"\n")
            yield from (bytes(line).rstrip(b"\r") for line in lines)
        elif len(begun) > LONGEST_LINE:
            raise failed(f"the endpoint sent a line of more than {LONGEST_LINE} bytes")
    yield bytes(begun)


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        shown = content[:80].decode("utf-8", errors="replace").strip()
        raise Passing(f"the endpoint sent broken JSON: {shown!r}") from None


def _whole(events: Iterator[Any], hear: Tell) -> Reply:
    reply = Reply()
    for event in events:
        if not isinstance(event, Mapping):
            raise Passing(f"the endpoint sent {str(event)[:80]!r} instead of an event")
        if error := event.get("error"):  # some send it in the middle of the stream
            raise Passing(f"the endpoint broke off its answer: {_message(error)[:SHOWN_CHARACTERS]}")
        _count(reply, event.get("usage"))
        choices = event.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
            _take(reply, choices[0], hear)
    if reply.finish is None:
        raise Passing(f"the answer broke off after {len(reply.text)} characters")
    return reply


def _take(reply: Reply, choice: Mapping[str, Any], hear: Tell) -> None:
    said = choice.get("delta") or choice.get("message") or {}
    if not isinstance(said, Mapping):
        return
    if isinstance(text := said.get("content"), str) and text:
        reply.text += text
        hear(Text(text))
    if isinstance(refusal := said.get("refusal"), str):
        reply.refusal += refusal
    calls = said.get("tool_calls")
    for position, piece in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(piece, Mapping):
            _add_to_call(reply.calls, piece, position)
    if isinstance(finish := choice.get("finish_reason"), str):
        reply.finish = finish


def _add_to_call(calls: dict[int, Call], piece: Mapping[str, Any], position: int) -> None:
    """A call comes in pieces: its id and name with the first, its arguments bit by bit."""
    index = piece.get("index")
    index = index if isinstance(index, int) else position
    known = calls.get(index, Call(id=f"call_{index}", name="", arguments=""))
    function = piece.get("function")
    function = function if isinstance(function, Mapping) else {}
    name, arguments = function.get("name"), function.get("arguments")
    calls[index] = Call(
        id=piece["id"] if isinstance(piece.get("id"), str) and piece["id"] else known.id,
        name=known.name + (name if isinstance(name, str) else ""),
        arguments=known.arguments + (arguments if isinstance(arguments, str) else ""),
    )


def _count(reply: Reply, usage: Any) -> None:
    if not isinstance(usage, Mapping):
        return
    reply.tokens_in = _whole_number(usage.get("prompt_tokens"))
    reply.tokens_out = _whole_number(usage.get("completion_tokens"))
    cost: Any = usage.get("cost")  # some endpoints that resell others' models say it, in dollars
    is_cost = isinstance(cost, (int, float)) and not isinstance(cost, bool) and math.isfinite(cost)
    reply.cost_usd = float(cost) if is_cost else None


def _whole_number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _refused(response: httpx.Response, endpoint: Endpoint) -> Exception:
    """What another status than 200 means."""
    said = _said(response, endpoint)
    code = response.status_code
    where = f"{response.url.host} answered {code}"
    match code:
        case 401 | 403:
            step = f"Check {endpoint.key_name}." if endpoint.key else f"{endpoint.key_name} is not set here."
            return failed(f"not signed in: {where}: {said}. {step}")
        case 429 if "insufficient_quota" in said or "billing" in said:
            return failed(f"no credit left: {where}: {said}")
        case 429:
            retry_at = retry_at_of(response.headers, SystemClock().now())
            return TurnEnded(Closing(Judgement.RATE_LIMITED, error=f"rate limit: {where}: {said}", retry_at=retry_at))
        case 404:
            return failed(f"{where}: {said}. Is the model {endpoint.model!r} there, is base_url right?")
        case _ if code in PASSING:
            return Passing(f"{where}: {said}")
        case _:
            return failed(f"{where}: {said}")


def _said(response: httpx.Response, endpoint: Endpoint) -> str:
    """What the body says about a fault, on one line, cut, without our key."""
    content = b""
    for piece in response.iter_bytes():
        content += piece
        if len(content) > 100_000:
            break
    text = content.decode("utf-8", errors="replace")
    try:
        text = _message(json.loads(text))
    except (ValueError, RecursionError):
        pass  # a page of some proxy, then
    return endpoint.without_key(" ".join(text.split()))[:SHOWN_CHARACTERS] or "no reason given"


def _message(found: Any) -> str:
    """`{"error": {"message": …, "code": …}}`, or one of its simpler relatives."""
    while isinstance(found, Mapping) and (inner := found.get("error") or found.get("message") or found.get("detail")):
        code = found.get("code") or found.get("type")
        if isinstance(inner, str):
            return f"{inner} ({code})" if isinstance(code, str) and code not in inner else inner
        found = inner
    return found if isinstance(found, str) else json.dumps(found)


def retry_at_of(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When the endpoint wants to be asked again; None when it does not say. Source: RFC 9110, 10.2.3."""
    if (seconds := _number(headers.get("retry-after-ms", ""), 0.001)) is not None:
        return now + timedelta(seconds=seconds)
    value = headers.get("retry-after", "")
    if (seconds := _number(value, 1)) is not None:
        return now + timedelta(seconds=seconds)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _number(text: str, unit: float) -> float | None:
    try:
        seconds = float(text) * unit
    except ValueError:
        return None
    return min(max(seconds, 0.0), 7 * 86_400.0) if math.isfinite(seconds) else None
