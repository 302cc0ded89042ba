"""`python -m mission_control.execution.protocols.acp TURN.json`: any agent that speaks ACP does a task.

In order: start its program, say hello, sign in where that is wanted, open a session or go on with one, give the prompt,
answer what it asks, and end it. SIGTERM cancels its turn as the protocol has it, so that it can tidy up.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import acp
from acp import schema
from acp.client.connection import ClientSideConnection
from pydantic import ValidationError

import mission_control
from mission_control.config import process_environment
from mission_control.execution.protocols.acp_client import OurSide
from mission_control.execution.protocols.acp_process import how_it_ended, started
from mission_control.execution.protocols.permissions import Permission, Policy, Request, Rule
from mission_control.execution.protocols.telling import (
    Closing,
    Note,
    Session,
    Spent,
    Tell,
    TurnEnded,
    failed,
    tell,
)
from mission_control.execution.report import Judgement

CANCEL_SECONDS = 3.0  # an agent has so long to answer that its turn is cancelled
SILENCE_SECONDS = 0.5  # after which an agent has told all of the past
LONGEST_SILENCE_SECONDS = 10.0  # in which we wait for that
SIGN_IN = -32000  # the protocol's error for an agent that is not signed in
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Turn:
    """What this program is told, as the file it gets has it."""

    argv: Sequence[str]  # the agent
    workspace: str
    session: str | None = None  # to go on with; null: a new one
    asked_file: str | None = None  # where a request for a person is kept between two turns of a session
    decided: str | None = None  # what the person said to it
    permissions: str = Permission.ALLOW
    rules: Sequence[Mapping[str, str]] = ()
    mode: str | None = None  # of the session, one that the agent offers
    sign_in_by: str | None = None  # a way of the agent's own, asked for before the session
    mcp_servers: Sequence[Mapping[str, Any]] = ()
    hello_seconds: float = 60  # an agent that does not answer for so long is none
    session_seconds: float = 120

    @property
    def policy(self) -> Policy:
        rules = [Rule(**{**rule, "answer": Permission(rule["answer"])}) for rule in self.rules]  # type: ignore[arg-type]
        policy = Policy(Permission(self.permissions), rules)
        if self.decided is None or self.asked_file is None:
            return policy
        request = Request.kept(Path(self.asked_file))
        return policy if request is None else policy.with_decision(request, self.decided)


def main() -> int:
    """One turn; the exit status."""
    turn = Turn(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    prompt = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    logging.basicConfig(format="acp: %(message)s", handlers=[_OneLine()])
    try:
        closing = asyncio.run(Drive(turn, prompt, process_environment(), tell).run())
    except TurnEnded as ended:
        closing = ended.closing
    except OSError as fault:
        closing = Closing(Judgement.FAILED, error=_not_started(turn.argv[0], fault))
    tell(closing)
    return 0 if closing.verdict is Judgement.SUCCEEDED else 1


def _not_started(program: str, fault: OSError) -> str:
    if isinstance(fault, FileNotFoundError):
        return f"there is no program {program} on PATH. Install it, or name another."
    return f"{program} cannot be started: {fault.strerror or fault}"


class _OneLine(logging.StreamHandler[Any]):
    """What the library complains about, e.g. output that is no message, without its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        fault = record.exc_info[1] if record.exc_info else None
        return f"acp: {record.getMessage()}" + (f": {str(fault)[:300]}" if fault else "")


@dataclass
class Drive:
    """One turn of one agent."""

    turn: Turn
    prompt: str
    environment: Mapping[str, str]  # of the agent
    hear: Tell
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> Closing:
        """Raises TurnEnded or OSError where it comes to nothing."""
        if not self.turn.argv:
            raise failed('no agent is named: set its command in mission.toml, e.g. command = ["opencode", "acp"]')
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stopped.set)
        ours = OurSide(Path(self.turn.workspace), self.turn.policy, self.hear)
        async with started(self.turn.argv, self.turn.workspace, self.environment, ours) as (agent, process):
            try:
                hello = await self._hello(agent)
                session = await self._session(agent, hello)
                if self.turn.session is not None:
                    await _silence(ours)
                ours.is_listening = True
                return self._closing(await self._work(agent, session, ours), ours)
            except acp.RequestError as fault:
                _explain(fault)
            except ConnectionError:
                raise failed(how_it_ended(process)) from None
            except ValidationError as fault:
                raise failed(f"it sent an answer that is not as ACP has it: {_first(fault)}") from None

    async def _hello(self, agent: ClientSideConnection) -> schema.InitializeResponse:
        files = schema.FileSystemCapabilities(read_text_file=True, write_text_file=True)
        hello = await self._within(
            self.turn.hello_seconds,
            "hello (initialize)",
            agent.initialize(
                protocol_version=acp.PROTOCOL_VERSION,
                client_capabilities=schema.ClientCapabilities(fs=files, terminal=False),
                client_info=schema.Implementation(
                    name="mission-control", title="Mission Control", version=mission_control.__version__
                ),
            ),
        )
        if hello.protocol_version != acp.PROTOCOL_VERSION:
            raise failed(f"it speaks version {hello.protocol_version} of ACP, we speak {acp.PROTOCOL_VERSION}")
        if hello.agent_info is not None:
            self.hear(Note(f"{hello.agent_info.name} {hello.agent_info.version}"))
        if self.turn.sign_in_by is not None:
            await self._within(self.turn.session_seconds, "sign-in", agent.authenticate(method_id=self.turn.sign_in_by))
        return hello

    async def _session(self, agent: ClientSideConnection, hello: schema.InitializeResponse) -> str:
        """The id of the session, told to whoever may want to go on with it, if the agent can."""
        can = hello.agent_capabilities or schema.AgentCapabilities()
        can_resume = bool(can.session_capabilities and can.session_capabilities.resume)
        place: Any = {"cwd": self.turn.workspace, "mcp_servers": [_server(server) for server in self.turn.mcp_servers]}
        if (known := self.turn.session) is not None:
            if not (can_resume or can.load_session):
                raise failed(f"it cannot go on with its session {known} any more; the next attempt starts afresh")
            go_on = agent.resume_session if can_resume else agent.load_session
            opened: Any = await self._within(self.turn.session_seconds, "its session", go_on(session_id=known, **place))
            session = known
        else:
            opened = await self._within(self.turn.session_seconds, "a session", agent.new_session(**place))
            session = opened.session_id
        if self.turn.mode is not None:
            _check_mode(self.turn.mode, opened.modes)
            chosen = agent.set_session_mode(session_id=session, mode_id=self.turn.mode)
            await self._within(self.turn.session_seconds, "its mode", chosen)
        if can_resume or can.load_session:
            self.hear(Session(session))
        return session

    async def _work(self, agent: ClientSideConnection, session: str, ours: OurSide) -> schema.PromptResponse:
        """The agent's answer to the prompt, also when it was cancelled because of a signal or a question."""
        work = asyncio.ensure_future(agent.prompt(session_id=session, prompt=[acp.text_block(self.prompt)]))
        interrupts = [asyncio.ensure_future(event.wait()) for event in (self.stopped, ours.asked)]
        await asyncio.wait([work, *interrupts], return_when=asyncio.FIRST_COMPLETED)
        for interrupt in interrupts:
            interrupt.cancel()
        if work.done():
            return work.result()
        await agent.cancel(session_id=session)
        try:
            return await asyncio.wait_for(work, CANCEL_SECONDS)
        except (TimeoutError, acp.RequestError):  # some answer that with an error
            return schema.PromptResponse(stop_reason="cancelled")

    def _closing(self, response: schema.PromptResponse, ours: OurSide) -> Closing:
        if (usage := response.usage) is not None:
            read = usage.input_tokens + (usage.cached_read_tokens or 0) + (usage.cached_write_tokens or 0)
            self.hear(Spent(read, usage.output_tokens + (usage.thought_tokens or 0), ours.cost_usd))
        if ours.question is not None:
            if ours.request is not None and self.turn.asked_file is not None:
                ours.request.keep(Path(self.turn.asked_file))
            return Closing(Judgement.ASKS, question=ours.question)
        return closing_of(response.stop_reason, ours.answer.strip(), was_stopped=self.stopped.is_set())

    async def _within(self, seconds: float, what: str, answer: Awaitable[Answer]) -> Answer:
        """Its answer, if it comes in time and before we are told to stop."""
        waiting, stopped = asyncio.ensure_future(answer), asyncio.ensure_future(self.stopped.wait())
        await asyncio.wait([waiting, stopped], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        if self.stopped.is_set():
            raise failed("it was told to stop")
        raise failed(f"no answer to {what} for {seconds:g} s: is {self.turn.argv[0]} an agent that speaks ACP?")


def closing_of(reason: schema.StopReason, answer: str, *, was_stopped: bool) -> Closing:
    """What it means that a turn ended for this reason."""
    match reason:
        case "end_turn":
            return Closing(Judgement.SUCCEEDED, answer=answer)
        case "max_tokens":
            error = "its answer was cut at the model's token limit"
        case "max_turn_requests":
            error = "it stopped at its own limit of questions to the model"
        case "refusal":
            error = f"it refused: {' '.join(answer.split())[:300] or 'no reason given'}"
        case "cancelled":
            error = "it was told to stop" if was_stopped else "it cancelled its own turn"
    return Closing(Judgement.FAILED, error=error)


async def _silence(ours: OurSide) -> None:
    """Some agents go on repeating the past of a session after they have said that it is loaded."""
    until = time.monotonic() + LONGEST_SILENCE_SECONDS
    while (now := time.monotonic()) < until and (left := ours.heard_at + SILENCE_SECONDS - now) > 0:  # noqa: ASYNC110  silence is no event
        await asyncio.sleep(left)


def _check_mode(wanted: str, modes: schema.SessionModeState | None) -> None:
    """Agents answer a mode that they do not have with nothing, or with an error that does not name those they have."""
    if modes is not None and wanted not in (offered := [mode.id for mode in modes.available_modes]):
        raise failed(f"it has no mode {wanted!r}; it has {', '.join(offered)}")


def _explain(fault: acp.RequestError) -> NoReturn:
    """What an error of the protocol means for people; rate limits are known by their words, by whoever started us."""
    said = _details(fault)
    if fault.code == SIGN_IN:
        raise failed(f"not signed in: {said}. Start the agent once by hand and sign in, or set its key") from None
    raise failed(f"it answered with an error: {said}") from None


def _details(fault: acp.RequestError) -> str:
    """Its message and what stands in its data, where agents put the model's own words."""
    if not fault.data:
        return str(fault)
    details = fault.data.get("details") or fault.data.get("message") if isinstance(fault.data, dict) else None
    text = details if isinstance(details, str) else json.dumps(fault.data, default=str)
    return " ".join(f"{fault}: {text}".split())[:500]


def _first(fault: ValidationError) -> str:
    error = fault.errors()[0]
    return f"{fault.title}.{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"


def _server(fields: Mapping[str, Any]) -> schema.McpServerStdio:
    """An MCP server for this session, as its standard configuration has it."""
    variables = [schema.EnvVariable(name=name, value=value) for name, value in fields.get("env", {}).items()]
    return schema.McpServerStdio(
        name=fields["name"], command=fields["command"], args=list(fields.get("args", ())), env=variables
    )


if __name__ == "__main__":
    sys.exit(main())
