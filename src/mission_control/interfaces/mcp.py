"""The tools of an agent at work, over MCP: on standard input and output, or as an application to be mounted at /mcp.

The same deeds as the commands progress, ask, hand-off, attach, remember, task add, comment, show and list, with the
same key: from the environment, or as the bearer of each HTTP request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Annotated, Any, NamedTuple

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import Field
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mission_control import __version__
from mission_control.domain.draft import NewTask
from mission_control.domain.limits import agent_name
from mission_control.domain.report import Speaker
from mission_control.domain.task import Priority, Status
from mission_control.errors import MissionControlError, NotPermitted
from mission_control.interfaces import shapes
from mission_control.interfaces.mission import Mission
from mission_control.store.tasks import Filter

NAME = "mission_control"
INSTRUCTIONS = (
    "You are at work on a task of a shared board. Say how far you are with `progress`. If you cannot go on without a "
    "person, call `ask` once and then stop. Your answer at the end is kept with the task."
)
MOST_TASKS = 50

OpenMission = Callable[[], Mission]
Ctx = Context[Any, Any]

Text = Annotated[str, Field(min_length=1)]
TaskId = Annotated[str, Field(description="Id of a task, e.g. T-12")]


class HttpTools(NamedTuple):
    """What a web application mounts: `app` at /mcp, and `lifespan` around its own life."""

    app: ASGIApp
    lifespan: Callable[[], AbstractAsyncContextManager[None]]


def serve_stdio(open_mission: OpenMission, key: str) -> None:
    """Serve the holder of this key until standard input ends."""
    _server(open_mission, key).run("stdio")


def http_tools(open_mission: OpenMission) -> HttpTools:
    """The same over HTTP: each request shows its key as `Authorization: Bearer mck_…`, or is answered with 401.

    Files are taken from the attempt's workspace alone: whoever calls need not be a process of this machine.
    """
    server = _server(open_mission, None)
    # Whoever rebinds a name to this address has no key; and people may put a proxy in front.
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = server.streamable_http_app(
        streamable_http_path="/", stateless_http=True, json_response=True, transport_security=security
    )
    return HttpTools(_Gate(app, open_mission), server.session_manager.run)


def tools_json() -> list[dict[str, Any]]:
    """The tools with their descriptions and schemas, as a client is told of them."""
    server = _server(_nothing, "")
    tools = anyio.run(server.list_tools)
    return [{"name": t.name, "description": t.description, "parameters": t.input_schema} for t in tools]


def _nothing() -> Mission:
    raise AssertionError


def _server(open_mission: OpenMission, key: str | None) -> MCPServer[Any]:
    server: MCPServer[Any] = MCPServer(NAME, version=__version__, instructions=INSTRUCTIONS, log_level="ERROR")
    tools = _Tools(open_mission, key)
    for tool in (
        tools.progress,
        tools.comment,
        tools.ask,
        tools.hand_off,
        tools.add_subtask,
        tools.attach,
        tools.remember,
        tools.show_task,
        tools.list_tasks,
    ):
        server.add_tool(tool, structured_output=False)  # in threads, for all of them are synchronous
    return server


class _Tools:
    """Each method is a tool; its docstring is what the model reads. A mission is opened for each call."""

    def __init__(self, open_mission: OpenMission, key: str | None) -> None:
        """`key` null: each request brings its own."""
        self._open = open_mission
        self._key = key

    def progress(
        self,
        ctx: Ctx,
        text: Annotated[str, Field(min_length=1, description="One line: what is done, what comes next")],
        percent: Annotated[int | None, Field(ge=0, le=100, description="How much of the task is done")] = None,
    ) -> str:
        """Say how far your task is. Do this at each step that matters; people watch it."""
        with self._inside(ctx) as (mission, key):
            return f"Noted for {mission.reporting.progress(key, text, percent).name}."

    def comment(
        self,
        ctx: Ctx,
        text: Annotated[str, Field(min_length=1, description="@name calls an agent or a person")],
        task: Annotated[
            str | None, Field(description="A subtask or the parent of your task. Default: your task")
        ] = None,
    ) -> str:
        """Write into the thread of your task, of the task it is a part of, or of a subtask you added."""
        with self._inside(ctx) as (mission, key):
            task_id = None if task is None else mission.views.resolve_task(task)
            mission.reporting.comment(key, text, task_id)
            return "Written into the thread."

    def ask(self, ctx: Ctx, question: Annotated[str, Field(min_length=1, description="All a person must know")]) -> str:
        """Ask a person when you cannot go on. Then stop: you get the task back together with the answer."""
        with self._inside(ctx) as (mission, key):
            mission.reporting.ask(key, question)
            return "Asked. Stop here now: the task is blocked until somebody answers, and then it comes back to you."

    def hand_off(
        self,
        ctx: Ctx,
        agent: Annotated[str, Field(description="Name of the agent who is to go on")],
        note: Annotated[str, Field(min_length=1, description="What is done and what is left")],
    ) -> str:
        """Give your task to another agent. Then stop."""
        with self._inside(ctx) as (mission, key):
            to = mission.views.resolve_agent(agent_name(agent))
            task = mission.reporting.hand_off(key, to, note)
            return f"{task.name} goes to {to} when you have stopped. Stop here now."

    def add_subtask(
        self,
        ctx: Ctx,
        title: Annotated[str, Field(min_length=1, max_length=500)],
        *,
        description: Annotated[str, Field(description="All that is needed to do it")] = "",
        agent: Annotated[str | None, Field(description="Who does it. Default: you")] = None,
        command: Annotated[str | None, Field(description="Only for agents that run shell commands")] = None,
        after: Annotated[list[str] | None, Field(description="Ids of tasks that must be done first")] = None,
        key: Annotated[str | None, Field(description="Adding again with the same key adds nothing")] = None,
    ) -> str:
        """Put a part of your task on the board, for another agent or for later. Gives its id."""
        with self._inside(ctx) as (mission, own):
            new = NewTask(
                title,
                agents=() if agent is None else (mission.views.resolve_agent(agent_name(agent)),),
                description=description,
                command=command,
                priority=Priority.NORMAL,
                after=[mission.views.resolve_task(task) for task in after or ()],
                key=key,
            )
            task, is_new = mission.reporting.add_subtask(own, new)
            mission.ring()
            return task.name if is_new else f"{task.name} was there already under this key."

    def attach(self, ctx: Ctx, path: Annotated[str, Field(description="A file, from your workspace")]) -> str:
        """Hand a file in: a copy is kept with the task."""
        with self._inside(ctx) as (mission, key):
            kept = mission.reporting.attach(key, path, inside_workspace=self._key is None)
            return f"{kept.name} is kept, {kept.size:,} bytes."

    def remember(self, ctx: Ctx, text: Annotated[str, Field(description="All of it, in Markdown")]) -> str:
        """Rewrite your memory (WORKING.md), which stands in each of your prompts. What you leave out is forgotten."""
        with self._inside(ctx) as (mission, key):
            return f"WORKING.md has {len(mission.reporting.remember(key, text).body):,} characters now."

    def show_task(
        self, ctx: Ctx, task: Annotated[str | None, Field(description="E.g. T-12. Default: yours")] = None
    ) -> str:
        """Read a task with its thread, attempts, subtasks and files, as JSON."""
        with self._inside(ctx) as (mission, key):
            own = mission.reporting.speaker(key).task_id
            view = mission.views.task(own if task is None else mission.views.resolve_task(task))
            return json.dumps(shapes.task_page_json(view), ensure_ascii=False)

    def list_tasks(
        self,
        ctx: Ctx,
        status: Annotated[Status | None, Field(description="Default: all that are unfinished")] = None,
        agent: Annotated[str | None, Field(description="Only those of this agent")] = None,
        search: Annotated[str | None, Field(description="Only those with this in title or description")] = None,
    ) -> str:
        """List tasks of the board, as JSON, at most 50."""
        with self._inside(ctx) as (mission, key):
            mission.reporting.speaker(key)
            wanted = Filter(status, None if agent is None else mission.views.resolve_agent(agent_name(agent)), search)
            views = mission.views.tasks(wanted, limit=MOST_TASKS)
            return json.dumps([shapes.task_json(view, with_attempts=False) for view in views], ensure_ascii=False)

    @contextmanager
    def _inside(self, ctx: Ctx) -> Iterator[tuple[Mission, str]]:
        """An open mission and the caller's key. What is refused is told to the model, in words that help it on."""
        key = _bearer(ctx.headers or {}) if self._key is None else self._key
        try:
            mission = self._open()
            try:
                yield mission, key
            finally:
                mission.close()
        except MissionControlError as refused:
            raise ToolError(str(refused)) from None


class _Gate:
    """Lets in who shows the key of a live attempt."""

    def __init__(self, app: ASGIApp, open_mission: OpenMission) -> None:
        self._app = app
        self._open = open_mission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                await anyio.to_thread.run_sync(self._check, Headers(scope=scope))
            except MissionControlError as refused:
                status = 401 if isinstance(refused, NotPermitted) else 503
                response = JSONResponse({"error": str(refused)}, status, headers={"WWW-Authenticate": "Bearer"})
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, headers: Mapping[str, str]) -> Speaker:
        mission = self._open()
        try:
            return mission.reporting.speaker(_bearer(headers))
        finally:
            mission.close()


def _bearer(headers: Mapping[str, str]) -> str:
    """The key that a request shows."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise NotPermitted("Show the key of your attempt: Authorization: Bearer $MISSIONCTL_KEY")
    return key.strip()
