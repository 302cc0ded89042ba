"""An agent that speaks ACP and does exactly what the prompt says, one line a step: a real process, made with the SDK.

    say TEXT · think TEXT · tool TITLE · fail TITLE · plan A,B · cost USD
    ask KIND TITLE          ask for permission; when it is given, a file of that title is made
    read PATH · write PATH TEXT     through the client
    run COMMAND             in a shell, in a session of its own
    noise TEXT              on stdout, which is no message
    long N                  say N characters at once
    sleep SECONDS · die STATUS · close
    error CODE TEXT · stop REASON

Words on its command line change it: `mute` never answers, `forgetful` cannot go on with a session, `resumes` does so
without repeating it, `stubborn` does not obey when its turn is cancelled, `old` speaks version 0, `signed-out`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import acp
from acp import schema

# ruff: noqa: ASYNC220, ASYNC240  it serves one client, which waits

WORDS = frozenset(sys.argv[1:])


class ScriptedAgent:
    """As much of acp.Agent as we need."""

    def __init__(self) -> None:
        self._client: Any = None
        self._cancelled = asyncio.Event()
        self._cwd = "."
        self._calls = 0

    def on_connect(self, conn: acp.Client) -> None:
        self._client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> schema.InitializeResponse:
        if "mute" in WORDS:
            await asyncio.sleep(3600)
        resume = schema.SessionResumeCapabilities() if "resumes" in WORDS else None
        return schema.InitializeResponse(
            protocol_version=0 if "old" in WORDS else protocol_version,
            agent_info=schema.Implementation(name="scripted", version="1.0"),
            agent_capabilities=schema.AgentCapabilities(
                load_session=not WORDS & {"forgetful", "resumes"},
                session_capabilities=schema.SessionCapabilities(resume=resume),
            ),
            auth_methods=[],
        )

    async def authenticate(self, method_id: str, **_: Any) -> schema.AuthenticateResponse:
        WORDS_OF_SIGN_IN.append(method_id)
        return schema.AuthenticateResponse()

    async def new_session(self, cwd: str, mcp_servers: Any = None, **_: Any) -> schema.NewSessionResponse:
        if "signed-out" in WORDS and not WORDS_OF_SIGN_IN:
            raise acp.RequestError.auth_required({"details": "run `scripted login`"})
        self._cwd = cwd
        session = uuid.uuid4().hex
        _history(session).parent.mkdir(exist_ok=True)
        _history(session).write_text("".join(f"server {server.name}\n" for server in mcp_servers or ()))
        modes = [schema.SessionMode(id=mode, name=mode) for mode in ("bold", "careful")]
        state = schema.SessionModeState(current_mode_id="bold", available_modes=modes)
        return schema.NewSessionResponse(session_id=session, modes=state)

    async def load_session(self, cwd: str, session_id: str, **_: Any) -> schema.LoadSessionResponse:
        self._cwd = cwd
        if not _history(session_id).exists():
            raise acp.RequestError.resource_not_found(session_id)
        past = _history(session_id).read_text().splitlines()
        self._repeating = asyncio.create_task(self._repeat(session_id, past))  # also after we answered, as Gemini does
        return schema.LoadSessionResponse()

    async def _repeat(self, session_id: str, past: list[str]) -> None:
        for line in past:
            await asyncio.sleep(0.05)
            await self._tell(session_id, acp.update_agent_message_text(f"before: {line}\n"))

    async def resume_session(self, session_id: str, cwd: str, **_: Any) -> schema.ResumeSessionResponse:
        self._cwd = cwd
        assert _history(session_id).exists()
        return schema.ResumeSessionResponse()

    async def set_session_mode(self, session_id: str, mode_id: str, **_: Any) -> schema.SetSessionModeResponse:
        await self._tell(
            session_id, schema.CurrentModeUpdate(session_update="current_mode_update", current_mode_id=mode_id)
        )
        return schema.SetSessionModeResponse()

    async def cancel(self, session_id: str, **_: Any) -> None:
        with _history(session_id).open("a") as file:
            file.write("cancelled\n")
        if "stubborn" not in WORDS:
            self._cancelled.set()

    async def prompt(self, session_id: str, prompt: Any, **_: Any) -> schema.PromptResponse:
        past = _history(session_id).read_text().splitlines()
        script = "\n".join(block.text for block in prompt).splitlines()
        for line in script:
            with _history(session_id).open("a") as file:
                file.write(f"{line}\n")
            verb, _space, rest = line.partition(" ")
            if verb == "stop":
                return self._end(rest)
            if verb == "recall":
                await self._say(session_id, f"{len(past)} lines before")
            elif step := getattr(self, f"_{verb}", None):
                await step(session_id, rest)
            if self._cancelled.is_set():
                return self._end("cancelled")
        return self._end("end_turn")

    def _end(self, reason: Any) -> schema.PromptResponse:
        usage = schema.Usage(total_tokens=120, input_tokens=70, output_tokens=20, cached_read_tokens=30)
        return schema.PromptResponse(stop_reason=reason, usage=usage)

    async def _tell(self, session: str, update: Any) -> None:
        await self._client.session_update(session_id=session, update=update)

    # The steps

    async def _say(self, session: str, text: str) -> None:
        for word in text.split(" "):
            await self._tell(session, acp.update_agent_message_text(f"{word} "))

    async def _think(self, session: str, text: str) -> None:
        await self._tell(session, acp.update_agent_thought_text(text))

    async def _tool(self, session: str, title: str, *, ends: Any = "completed") -> None:
        self._calls += 1
        await self._tell(session, acp.start_tool_call(f"call-{self._calls}", title, kind="execute", status="pending"))
        await self._tell(session, acp.update_tool_call(f"call-{self._calls}", status=ends))

    async def _fail(self, session: str, title: str) -> None:
        await self._tool(session, title, ends="failed")

    async def _plan(self, session: str, steps: str) -> None:
        await self._tell(session, acp.update_plan([acp.plan_entry(step) for step in steps.split(",")]))

    async def _cost(self, session: str, amount: str) -> None:
        cost = schema.Cost(amount=float(amount), currency="USD")
        await self._tell(session, schema.UsageUpdate(session_update="usage_update", used=1, size=9, cost=cost))

    async def _ask(self, session: str, words: str) -> None:
        kind: Any
        kind, _, title = words.partition(" ")
        options = [
            schema.PermissionOption(option_id=f"the-{name}", name=name, kind=name)
            for name in ("allow_always", "allow_once", "reject_once")
        ]
        call = schema.ToolCallUpdate(tool_call_id="asked", title=title, kind=kind)
        answer = await self._client.request_permission(session_id=session, tool_call=call, options=options)
        chosen = getattr(answer.outcome, "option_id", answer.outcome.outcome)
        await self._say(session, f"{title}: {chosen}")
        if chosen == "the-allow_once":
            Path(self._cwd, title.replace(" ", "-")).touch()

    async def _read(self, session: str, path: str) -> None:
        try:
            answer = await self._client.read_text_file(session_id=session, path=path)
            await self._say(session, f"read {answer.content!r}")
        except acp.RequestError as refused:
            await self._say(session, f"refused {refused.data}")

    async def _write(self, session: str, words: str) -> None:
        path, _, text = words.partition(" ")
        try:
            await self._client.write_text_file(session_id=session, path=path, content=text)
            await self._say(session, "written")
        except acp.RequestError as refused:
            await self._say(session, f"refused {refused.data}")

    async def _run(self, session: str, command: str) -> None:
        subprocess.Popen(["/bin/sh", "-c", command], cwd=self._cwd, start_new_session=True)  # keeps our pipes

    async def _noise(self, session: str, text: str) -> None:
        sys.stdout.flush()
        os.write(1, f"{text}\n".encode() + b"\xff\xfe not UTF-8\n")

    async def _long(self, session: str, count: str) -> None:
        await self._tell(session, acp.update_agent_message_text("x" * int(count)))

    async def _sleep(self, session: str, seconds: str) -> None:
        try:
            await asyncio.wait_for(self._cancelled.wait(), float(seconds))
        except TimeoutError:
            pass

    async def _die(self, session: str, status: str) -> None:
        os._exit(int(status))

    async def _close(self, session: str, _: str) -> None:
        os.close(1)
        await asyncio.sleep(3600)

    async def _error(self, session: str, words: str) -> None:
        code, _, text = words.partition(" ")
        details: Any = {"details": text}
        raise acp.RequestError(int(code), "The model failed", details)


WORDS_OF_SIGN_IN: list[str] = []


def _history(session: str) -> Path:
    return Path(os.environ["HOME"], "sessions", session)


if __name__ == "__main__":
    agent: Any = ScriptedAgent()
    asyncio.run(acp.run_agent(agent, use_unstable_protocol=True))
