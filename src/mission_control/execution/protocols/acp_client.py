"""Our side of the Agent Client Protocol: what an agent may ask of us, and what it tells.

Source: https://agentclientprotocol.com/protocol
"""

# ruff: noqa: ARG002  the names of parameters are the protocol's

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import acp
from acp import schema
from acp.interfaces import Agent, Client

from mission_control.execution.protocols import within
from mission_control.execution.protocols.permissions import Permission, Policy, Request
from mission_control.execution.protocols.telling import Note, Spent, Tell, Text, ToolEnded, ToolStarted

_ORDER = {  # of the options an agent offers, the one that binds least
    Permission.ALLOW: ("allow_once", "allow_always"),
    Permission.REJECT: ("reject_once", "reject_always"),
}


class OurSide(Client):
    """Answers one agent. `answer` is what it said last, `question` what a person must decide first."""

    def __init__(self, workspace: Path, policy: Policy, hear: Tell) -> None:
        self.answer = ""
        self.question: str | None = None
        self.request: Request | None = None  # for permission, when the question is one
        self.cost_usd: float | None = None
        self.heard_at = time.monotonic()  # when it last told anything
        self.is_listening = False  # what comes before our prompt is the past of a session that is gone on with
        self.asked = asyncio.Event()
        self._workspace = workspace
        self._policy = policy
        self._hear = hear
        self._titles: dict[str, str] = {}
        self._kinds: dict[str, str] = {}

    async def request_permission(
        self,
        session_id: str,
        tool_call: schema.ToolCallUpdate,
        options: list[schema.PermissionOption],
        **_: Any,
    ) -> schema.RequestPermissionResponse:
        """One of the options, by policy; where a person is to be asked, the turn ends."""
        title = self._follow(tool_call)
        kind = tool_call.kind or self._kinds.get(tool_call.tool_call_id, "other")
        answer = self._policy.answer(kind, title)
        self._hear(Note(f"asks to {kind}: {title}: {answer}"))
        if answer is Permission.ASK:
            self.request = Request(kind, title)
            self.question = self.request.question
            self.asked.set()
            return _response(None)
        return _response(_chosen(answer, options))

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        """One step of the agent."""
        self.heard_at = time.monotonic()
        if not self.is_listening:
            return
        match update:
            case schema.AgentMessageChunk(content=schema.TextContentBlock(text=text)):
                self.answer += text
                self._hear(Text(text))
            case schema.ToolCallStart() | schema.ToolCallProgress():
                self._follow(update)
            case schema.UsageUpdate(cost=schema.Cost(amount=amount, currency="USD")):
                self.cost_usd = amount
                self._hear(Spent(cost_usd=amount))
            case schema.AgentPlanUpdate(entries=entries):
                self._hear(Note(f"plan: {_plan(entries)}"))

    def _follow(self, call: schema.ToolCall | schema.ToolCallUpdate) -> str:
        """Tell of a call when it is first heard of, and when it ended; its title, which later updates may leave out."""
        known = self._titles.get(call.tool_call_id)
        title = self._titles[call.tool_call_id] = " ".join((call.title or known or "use a tool").split())
        if known is None:
            self.answer = ""  # what it said so far led up to this
            self._kinds[call.tool_call_id] = call.kind or "other"
            self._hear(ToolStarted(title))
        if call.status in ("completed", "failed"):
            self._hear(ToolEnded(title, error="failed" if call.status == "failed" else None))
        return title

    async def read_text_file(
        self,
        session_id: str,
        path: str,
        line: int | None = None,
        limit: int | None = None,
        **_: Any,
    ) -> schema.ReadTextFileResponse:
        try:
            text = within.read_exactly(self._workspace, path)
        except within.NotWithin as refused:
            raise acp.RequestError.invalid_params({"details": str(refused)}) from None
        if line is not None or limit is not None:
            first = max((line or 1) - 1, 0)
            text = "".join(text.splitlines(keepends=True)[first : None if limit is None else first + limit])
        return schema.ReadTextFileResponse(content=text)

    async def write_text_file(
        self,
        session_id: str,
        path: str,
        content: str,
        **_: Any,
    ) -> schema.WriteTextFileResponse:
        try:
            within.write_text(self._workspace, path, content)
        except within.NotWithin as refused:
            raise acp.RequestError.invalid_params({"details": str(refused)}) from None
        return schema.WriteTextFileResponse()

    # What we said at `initialize` that we do not have.

    async def create_terminal(self, *_: Any, **__: Any) -> schema.CreateTerminalResponse:
        raise acp.RequestError.method_not_found("terminal/create")

    async def terminal_output(self, *_: Any, **__: Any) -> schema.TerminalOutputResponse:
        raise acp.RequestError.method_not_found("terminal/output")

    async def release_terminal(self, *_: Any, **__: Any) -> schema.ReleaseTerminalResponse | None:
        raise acp.RequestError.method_not_found("terminal/release")

    async def wait_for_terminal_exit(self, *_: Any, **__: Any) -> schema.WaitForTerminalExitResponse:
        raise acp.RequestError.method_not_found("terminal/wait_for_exit")

    async def kill_terminal(self, *_: Any, **__: Any) -> schema.KillTerminalResponse | None:
        raise acp.RequestError.method_not_found("terminal/kill")

    async def create_elicitation(self, message: str, mode: Any, **_: Any) -> schema.CreateElicitationResponse:
        """A question with a form: nobody is there to fill it in, so the task asks it."""
        self.question = message
        self.asked.set()
        return schema.CancelElicitationResponse(action="cancel")

    async def complete_elicitation(self, elicitation_id: str, **_: Any) -> None:
        pass  # we never begin one

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        raise acp.RequestError.method_not_found(method)

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        pass  # agents tell each other more than the protocol knows

    def on_connect(self, conn: Agent) -> None:
        pass  # we keep the connection where it is made


def _response(option: str | None) -> schema.RequestPermissionResponse:
    if option is None:
        return schema.RequestPermissionResponse(outcome=schema.DeniedOutcome(outcome="cancelled"))
    return schema.RequestPermissionResponse(outcome=schema.AllowedOutcome(outcome="selected", option_id=option))


def _chosen(answer: Permission, options: Sequence[schema.PermissionOption]) -> str | None:
    """None, which the agent takes as a no, when nothing it offers means our answer."""
    for kind in _ORDER[answer]:
        for option in options:
            if option.kind == kind:
                return option.option_id
    return None


def _plan(entries: Sequence[schema.PlanEntry]) -> str:
    marks = {"completed": "x", "in_progress": "…"}
    return "; ".join(f"[{marks.get(entry.status, ' ')}] {' '.join(entry.content.split())}" for entry in entries)
