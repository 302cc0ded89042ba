"""One task given to an OpenClaw gateway: spawn a session, wait for its end, print the JSON that `agent exec` prints.

`openclaw_gateway URL AGENT SECONDS`, with the task on standard input and the gateway's token in OPENCLAW_GATEWAY_TOKEN.
The token is full power over the gateway: it goes over loopback only, unless the URL is https.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from mission_control.config import process_environment
from mission_control.execution.driving.events import at, event_of, text_at

_ANSWER_SECONDS = 60
_FIRST_PAUSE_SECONDS = 0.3
_LONGEST_PAUSE_SECONDS = 3.0
_PATIENCE_SECONDS = 30.0
_LATE_SECONDS = 15.0  # the gateway's own time limit comes first
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class _Refused(Exception):
    """The gateway said no; what it said."""


class Gateway:
    """Its tools, by HTTP."""

    def __init__(self, url: str, token: str) -> None:
        place = urlsplit(url)
        if place.scheme != "https" and place.hostname not in _LOOPBACK:
            raise _Refused(f"{url} is neither https nor on this machine, and the gateway's token is worth all of it")
        self._url = f"{url.rstrip('/')}/tools/invoke"
        self._token = token

    def call(self, tool: str, **arguments: Any) -> Any:
        """What the tool answers. Raises _Refused."""
        request = urllib.request.Request(  # noqa: S310  the scheme was looked at
            self._url,
            json.dumps({"tool": tool, "args": arguments}).encode(),
            {"content-type": "application/json", "authorization": f"Bearer {self._token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
                return at(json.load(answer), "result.details")
        except urllib.error.HTTPError as fault:
            raise _Refused(f"the gateway refuses {tool}: {fault.code} {_why(fault)}") from fault
        except (OSError, ValueError) as fault:
            raise _Refused(f"the gateway at {self._url} does not answer: {fault}") from fault


def _why(fault: urllib.error.HTTPError) -> str:
    known = {401: "unauthorized: OPENCLAW_GATEWAY_TOKEN is not its token", 404: "it is not in gateway.tools.allow"}
    said = fault.read(2000).decode("utf-8", "replace")
    return known.get(fault.code) or text_at(event_of(said), "error.message") or said


def main(arguments: Sequence[str]) -> int:
    """The exit status."""
    url, agent, seconds = arguments
    try:
        gateway = Gateway(url, process_environment().get("OPENCLAW_GATEWAY_TOKEN", ""))
        return _tell(_carry_out(gateway, agent, sys.stdin.read(), int(seconds)))
    except _Refused as refused:
        return _tell({"ok": False, "error": {"message": str(refused)}})


def _carry_out(gateway: Gateway, agent: str, task: str, seconds: int) -> dict[str, Any]:
    label = f"{process_environment().get('MISSIONCTL_ATTEMPT', 'task')} {uuid4().hex[:8]}"
    spawned = gateway.call(
        "sessions_spawn", task=task, label=label, agentId=agent, cwd=os.getcwd(), mode="run", runTimeoutSeconds=seconds
    )
    run, session = text_at(spawned, "runId"), text_at(spawned, "childSessionKey")
    if at(spawned, "status") != "accepted" or run is None or session is None:
        return {"ok": False, "error": {"message": f"the gateway takes no task: {json.dumps(spawned)}"}}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_cancel(gateway, label)))
    end = _wait(gateway, run, seconds + _LATE_SECONDS)
    if end is None or end.get("status") != "done":
        error = text_at(_task(gateway, label), "error")
        status = "it does not end" if end is None else f"it ended with {end.get('status')}"
        return {"ok": False, "sessionId": session, "error": {"message": f"in the gateway: {error or status}"}}
    return {"ok": True, "sessionId": session, "final": _last_words(gateway, session), "usage": _usage(end)}


def _wait(gateway: Gateway, run: str, seconds: float) -> dict[str, Any] | None:
    """The gateway's line about the run once it has finished; None when it never does."""
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
    while time.monotonic() < deadline:
        listed = _list(gateway)
        for line in (*listed.get("recent", []), *listed.get("active", [])):
            if line.get("runId") == run and at(line, "execution.state") == "finished":
                return dict(line)
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
    return None


def _list(gateway: Gateway) -> dict[str, Any]:
    """What it works on."""
    return dict(_ask(gateway, "subagents", action="list") or {})


def _ask(gateway: Gateway, tool: str, **arguments: Any) -> Any:
    """What only asks may be asked again: while a gateway is busy it refuses to tell."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return gateway.call(tool, **arguments)
        except _Refused:
            if time.monotonic() > deadline:
                raise
            time.sleep(_FIRST_PAUSE_SECONDS)


def _task(gateway: Gateway, label: str) -> dict[str, Any] | None:
    """The gateway's other list, which knows the task by its label alone: with its id, and what went wrong."""
    listed = _list(gateway)
    return next((task for task in listed.get("tasks", []) if task.get("label") == label), None)


def _cancel(gateway: Gateway, label: str) -> int:
    """It runs in the gateway's process, not in our tree, so it must be told."""
    try:
        answer = gateway.call("subagents", action="cancel", taskId=text_at(_task(gateway, label), "taskId") or "")
        if at(answer, "cancelled") is not True:
            raise _Refused(json.dumps(answer))
    except _Refused as refused:
        _tell({"ok": False, "error": {"message": f"it may go on in the gateway, which does not cancel it: {refused}"}})
    return 128 + signal.SIGTERM


def _last_words(gateway: Gateway, session: str) -> str:
    history = _ask(gateway, "sessions_history", sessionKey=session) or {}
    said = [message for message in history.get("messages", []) if message.get("role") == "assistant"]
    parts = said[-1].get("content", []) if said else []
    return "".join(text_at(part, "text") or "" for part in parts) if isinstance(parts, list) else str(parts)


def _usage(line: dict[str, Any]) -> dict[str, Any]:
    """The gateway tells the sum alone; where it goes is not known, so it counts as read."""
    return {"input": line.get("totalTokens")}


def _tell(document: dict[str, Any]) -> int:
    print(json.dumps(document), flush=True)  # noqa: T201  its output is what it is for
    return 0 if document["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
