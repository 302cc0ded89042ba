"""What a plain model may do: read, write and list files of its workspace, and run commands there.

What goes wrong with a tool is told to the model, which may know better; it is no fault of the attempt.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mission_control.execution import process
from mission_control.execution.protocols import within

OUTPUT_BYTES = 30_000  # of a command, as the model sees it: so much of its head, so much of its tail
AFTER_EXIT_SECONDS = 0.2  # what it left running may still print


class ToolFault(Exception):
    """What a tool could not do, in words for the model."""


@dataclass(frozen=True)
class Tool:
    """One tool as the model is offered it."""

    name: str
    description: str
    parameters: Mapping[str, str]  # name -> what it means; all are texts and required
    use: Callable[..., str]

    def specification(self) -> dict[str, Any]:
        """As a chat endpoint wants it."""
        properties = {name: {"type": "string", "description": meaning} for name, meaning in self.parameters.items()}
        schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": schema},
        }


class Toolbox:
    """The tools of one attempt."""

    def __init__(self, workspace: Path, *, environment: Mapping[str, str], command_seconds: float) -> None:
        """`environment` is what commands get; one that takes longer than `command_seconds` is ended."""
        self._workspace = workspace
        self._environment = environment
        self._command_seconds = command_seconds
        path = "Path inside of the workspace, relative to it."
        limit = f"It is ended after {command_seconds:g} seconds."
        offered = (
            Tool("read_file", "The text of a file.", {"path": path}, self._read),
            Tool(
                "write_file",
                "Make or replace a file; folders on the way are made.",
                {"path": path, "content": "The whole new text."},
                self._write,
            ),
            Tool("list_files", "The names in a folder; `.` is the workspace.", {"path": path}, self._list),
            Tool(
                "run_command",
                f"Run a command with /bin/sh in the workspace; its output and exit status. {limit}",
                {"command": "The command line."},
                self._run,
            ),
        )
        self._tools = {tool.name: tool for tool in offered}

    def specifications(self) -> list[dict[str, Any]]:
        return [tool.specification() for tool in self._tools.values()]

    def use(self, name: str, arguments: str) -> str:
        """What the tool `name` says, given `arguments` as the model wrote them. Raises ToolFault."""
        tool = self._tools.get(name)
        if tool is None:
            raise ToolFault(f"there is no tool {name!r}; there are {', '.join(self._tools)}")
        words = _checked(tool, arguments)
        try:
            return tool.use(**words)
        except within.NotWithin as refused:
            raise ToolFault(str(refused)) from None

    def _read(self, path: str) -> str:
        return within.read_to_show(self._workspace, path)

    def _write(self, path: str, content: str) -> str:
        within.write_text(self._workspace, path, content)
        return f"wrote {len(content)} characters to {path}"

    def _list(self, path: str) -> str:
        return "\n".join(within.names(self._workspace, path)) or "[empty]"

    def _run(self, command: str) -> str:
        if "\0" in command:
            raise ToolFault("a command cannot hold a NUL character")
        return _Command(command, self._workspace, self._environment).run(self._command_seconds)


def _checked(tool: Tool, arguments: str) -> dict[str, str]:
    try:
        words = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        raise ToolFault("the arguments are not valid JSON") from None
    if not isinstance(words, dict) or set(words) != set(tool.parameters):
        raise ToolFault(f"{tool.name} takes exactly {', '.join(tool.parameters)}")
    if not all(isinstance(word, str) for word in words.values()):
        raise ToolFault(f"the arguments of {tool.name} must be texts")
    return words


class _Command:
    """One command of the model, in a process group of its own."""

    def __init__(self, command: str, workspace: Path, environment: Mapping[str, str]) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._cut = 0
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", "--", command],
            cwd=workspace,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    def run(self, seconds: float) -> str:
        """Its output and how it ended. What it leaves behind in the background goes on until the attempt ends."""
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            self._listen(pipe.fileno(), time.monotonic() + seconds)
        if self._process.returncode is None:
            self._end()
            return f"{self._output()}[ended: it took longer than {seconds:g} seconds]"
        return f"{self._output()}[exit status {self._process.returncode}]"

    def _listen(self, pipe: int, deadline: float) -> None:
        """Until it has ended and has said all, or until the deadline."""
        while (left := deadline - time.monotonic()) > 0:
            if select.select([pipe], [], [], min(left, 0.05))[0]:
                if not (piece := os.read(pipe, 65_536)):
                    self._wait(left)
                    return
                self._keep(piece)
            if self._process.poll() is not None:
                deadline = min(deadline, time.monotonic() + AFTER_EXIT_SECONDS)

    def _wait(self, seconds: float) -> None:
        """It closed its output; that is not its end."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass  # seen by its missing exit status

    def _keep(self, piece: bytes) -> None:
        room = OUTPUT_BYTES // 2 - len(self._head)
        self._head += piece[: max(room, 0)]
        self._tail += piece[max(room, 0) :]
        surplus = max(len(self._tail) - OUTPUT_BYTES // 2, 0)
        self._cut += surplus
        del self._tail[:surplus]

    def _output(self) -> str:
        middle = f"\n[cut: {self._cut} bytes]\n".encode() if self._cut else b""
        text = (bytes(self._head) + middle + bytes(self._tail)).decode("utf-8", errors="replace")
        return text if not text or text.endswith("\n") else f"{text}\n"

    def _end(self) -> None:
        """It and all it started, also what changed its session."""
        process.send(process.descendants([self._process.pid], process.table()), signal.SIGKILL)
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # ended in this moment
        self._process.wait()
