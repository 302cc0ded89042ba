"""The process of an agent that speaks ACP over its input and output."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import acp
from acp.client.connection import ClientSideConnection
from acp.interfaces import Client

LINE_BYTES = 16 << 20  # of one message, before it is put together from pieces
GOODBYE_SECONDS = 1.0  # between closing its input, SIGTERM and SIGKILL


@asynccontextmanager
async def started(
    argv: Sequence[str], workspace: str, environment: Mapping[str, str], ours: Client
) -> AsyncIterator[tuple[ClientSideConnection, subprocess.Popen[bytes]]]:
    """A connection to the agent, and its process; its errors go where ours do. In the end it goes, or is made to.

    Not by asyncio's own subprocesses, which do not see an end before all who got the pipes have ended, too.
    """
    with _start(argv, workspace, environment) as process:
        try:
            async with _streams(process) as (writer, reader):
                agent = acp.connect_to_agent(ours, writer, reader)
                try:
                    yield agent, process
                finally:
                    with suppress(ConnectionError):  # it hung up first
                        await agent.close()
        finally:
            await asyncio.to_thread(_end, process)


def _start(argv: Sequence[str], workspace: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, cwd=workspace, env=dict(environment))


@asynccontextmanager
async def _streams(
    process: subprocess.Popen[bytes],
) -> AsyncIterator[tuple[asyncio.StreamWriter, asyncio.StreamReader]]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    receiving, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
    flow = asyncio.StreamReaderProtocol(asyncio.StreamReader())  # nothing is read; it knows when to wait with writing
    sending, _ = await loop.connect_write_pipe(lambda: flow, process.stdin)
    try:
        yield asyncio.StreamWriter(sending, flow, None, loop), reader
    finally:
        sending.close()
        receiving.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Its input is closed, which asks it to go, as the protocol has it."""
    for insist in (process.terminate, process.kill):
        try:
            process.wait(GOODBYE_SECONDS)
            return
        except subprocess.TimeoutExpired:
            insist()
    process.wait()


def how_it_ended(process: subprocess.Popen[bytes]) -> str:
    """Why it hung up."""
    try:
        status = process.wait(GOODBYE_SECONDS)
    except subprocess.TimeoutExpired:
        return "it closed its output, or printed what is no message, in the middle of its turn"
    how = f"with exit status {status}" if status >= 0 else f"by {signal.Signals(-status).name}"
    return f"it ended {how} in the middle of its turn"
