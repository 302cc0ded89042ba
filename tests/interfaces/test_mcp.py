"""The tools of an agent at work, called by the real client of the protocol: over a process, and over HTTP."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import uvicorn
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from mission_control.app import open_mission
from mission_control.board import Claim
from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Status
from mission_control.interfaces.mcp import http_tools
from mission_control.squad import NewAgent
from mission_control.store import attempts, history, reporting
from support.command import COMMAND
from support.factories import PERSON, ending, process
from support.real_mission import RealMission

TOOLS = {
    "progress",
    "comment",
    "ask",
    "hand_off",
    "add_subtask",
    "attach",
    "remember",
    "show_task",
    "list_tasks",
}


@pytest.fixture
def claim(mission: RealMission) -> Iterator[Claim]:
    """An attempt that is live without an executor."""
    task = mission.add("true")
    claim = mission.board.claim_task(task.id, "ada", claimer=process())
    mission.board.start(claim.lease, process())
    yield claim
    with contextlib.suppress(Exception):  # a test may have ended it
        mission.board.finish(claim.lease, ending(Outcome.CANCELLED))


def environment(mission: RealMission, key: str) -> dict[str, str]:
    return {"MISSIONCTL_HOME": str(mission.home), "MISSIONCTL_KEY": key, "PATH": "/usr/bin:/bin"}


@contextlib.asynccontextmanager
async def over_stdio(mission: RealMission, key: str) -> AsyncIterator[Client]:
    server = StdioServerParameters(command=str(COMMAND), args=["mcp"], env=environment(mission, key))
    async with Client(stdio_client(server)) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> tuple[bool, str]:
    """Whether it was refused, and what the model reads."""
    answer = await client.call_tool(tool, arguments)
    (content,) = answer.content
    assert content.type == "text"
    return bool(answer.is_error), content.text


def test_an_agent_reports_through_the_tools_of_a_process(mission: RealMission, claim: Claim) -> None:
    mission.opened.squad.add(NewAgent(name="bob"), actor=PERSON)
    workspace = mission.folder.workspace(1, 1)
    workspace.mkdir(parents=True)
    (workspace / "report.txt").write_text("42")

    async def speak() -> None:
        async with over_stdio(mission, claim.key) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == TOOLS
            assert all(tool.description and "ctx" not in tool.input_schema["properties"] for tool in tools.values())
            assert await call(client, "progress", text="half", percent=50) == (False, "Noted for T-1/1.")
            assert await call(client, "comment", text="Found it, @max") == (False, "Written into the thread.")
            added = await call(client, "add_subtask", title="Check", agent="bob", command="true", after=["T-1"])
            assert added == (False, "T-2")
            assert await call(client, "attach", path="report.txt") == (False, "report.txt is kept, 2 bytes.")
            assert await call(client, "remember", text="nemo") == (False, "WORKING.md has 4 characters now.")
            refused, text = await call(client, "show_task")
            page = json.loads(text)
            assert (refused, page["id"], page["attempts"][0]["progress"]) == (False, "T-1", "half")
            assert [subtask["id"] for subtask in page["subtasks"]] == ["T-2"]
            listed = json.loads((await call(client, "list_tasks", agent="bob"))[1])
            assert [task["id"] for task in listed] == ["T-2"]
            assert "Stop here now" in (await call(client, "ask", question="Which?"))[1]

    anyio.run(speak)
    store = mission.opened.store
    assert attempts.of_task(store, 1)[0].progress_percent == 50
    assert [file.name for file in reporting.attachments(store, 1)] == ["report.txt"]
    assert [entry.author for entry in history.thread(store, 1)] == ["ada", "ada"]
    assert mission.board.finish(claim.lease, ending()).status is Status.BLOCKED


def test_what_is_refused_is_told_to_the_model_and_changes_nothing(mission: RealMission, claim: Claim) -> None:
    other = mission.add("true")

    async def speak() -> None:
        async with over_stdio(mission, claim.key) as client:
            for tool, arguments, told in (
                ("progress", {"text": "x", "percent": 101}, "less than or equal to 100"),
                ("progress", {"text": " "}, "There is no progress"),
                ("comment", {"text": "x", "task": other.name}, "is not yours"),
                ("hand_off", {"agent": "nobody", "note": "x"}, "no agent"),
                ("attach", {"path": "missing"}, "cannot be read"),
                ("show_task", {"task": "T-99"}, "no task"),
            ):
                refused, text = await call(client, tool, **arguments)
                assert refused and told in text, (tool, text)
            mission.board.finish(claim.lease, ending())
            refused, text = await call(client, "progress", text="still here")
            assert refused and "has ended" in text

    anyio.run(speak)
    assert history.thread(mission.opened.store, other.id) == []


@contextlib.contextmanager
def served(mission: RealMission) -> Iterator[str]:
    """Our application on loopback, as a web server would run it; its address."""
    tools = http_tools(partial(open_mission, str(mission.home)))
    listening = socket.create_server(("127.0.0.1", 0))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await tools.app(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", ws="none"))

    async def serve() -> None:
        async with tools.lifespan():
            await server.serve(sockets=[listening])

    thread = threading.Thread(target=anyio.run, args=(serve,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def test_over_http_a_key_opens_what_is_its_own_and_no_other_file_of_the_machine(
    mission: RealMission, claim: Claim, tmp_path: Path
) -> None:
    mission.folder.workspace(1, 1).mkdir(parents=True)
    (tmp_path / "secret").write_text("x")

    async def speak(address: str) -> None:
        headers = {"Authorization": f"Bearer {claim.key}"}
        async with (
            httpx_client(headers) as http,
            Client(streamable_http_client(address, http_client=http)) as client,
        ):
            assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
            assert await call(client, "progress", text="over HTTP") == (False, "Noted for T-1/1.")
            refused, text = await call(client, "attach", path=str(tmp_path / "secret"))
            assert refused and "outside of the attempt's workspace" in text

    with served(mission) as address:
        anyio.run(speak, address)
        for headers in ({}, {"Authorization": f"Bearer {claim.key}0"}, {"Authorization": claim.key}):
            answer = httpx.post(address, headers=headers, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert claim.key not in answer.text
    assert attempts.of_task(mission.opened.store, 1)[0].progress == "over HTTP"


def httpx_client(headers: dict[str, str]) -> Any:
    from mcp.shared._httpx_utils import create_mcp_http_client

    return create_mcp_http_client(headers=headers)


def test_without_the_key_of_a_live_attempt_no_server_starts(
    mission: RealMission, claim: Claim, make_mission: Callable[..., RealMission]
) -> None:
    told = mission.command("mcp", expect=6)
    assert "Only an agent at work" in told.err and not told.out
    mission.board.finish(claim.lease, ending())
    told = mission.command("mcp", expect=6, MISSIONCTL_KEY=claim.key)
    assert "has ended" in told.err and not told.out
