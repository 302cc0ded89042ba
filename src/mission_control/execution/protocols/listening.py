"""What a protocol's program tells, as it goes into the report and the log of the attempt."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from mission_control.execution.driving.events import on_one_line
from mission_control.execution.driving.program import Start, Turn
from mission_control.execution.protocols.telling import (
    Closing,
    Event,
    Note,
    Session,
    Spent,
    Text,
    ToolEnded,
    ToolStarted,
    told,
)
from mission_control.execution.report import Report
from mission_control.folder import write_private

TURN_NAME = "turn.json"  # in the attempt's folder: what the program is told


def start(protocol: str, turn: Turn, fields: Mapping[str, Any]) -> Start:
    """How the program of this protocol is started; `fields` are those of its Turn."""
    path = turn.prompt_file.parent / TURN_NAME
    write_private(path, json.dumps(fields).encode())
    argv = [sys.executable, "-P", "-m", f"{__package__}.{protocol}", str(path)]
    return Start(argv, stdin=turn.prompt_file)


class Listener:
    """Listens to one turn."""

    def __init__(self) -> None:
        self._line = ""  # what the agent says and has not ended yet

    def read(self, line: str, report: Report) -> Iterator[str]:
        """Take one line of the program's output into the report; gives the lines a person may want to see."""
        event = told(line)
        if event is None:
            yield from self._flush()
            yield line
        elif isinstance(event, Text):
            *lines, self._line = (self._line + event.piece).split("\n")
            yield from lines
        else:
            yield from self._flush()
            yield from _take(event, report)

    def end(self, report: Report) -> None:
        """The closing event has said all; a program that ended without one is judged by its last words."""

    def _flush(self) -> Iterator[str]:
        if self._line.strip():
            yield self._line
        self._line = ""


def _take(event: Event, report: Report) -> Iterator[str]:
    match event:
        case Session(name=name):
            report.session = name
        case Spent():
            report.tokens_in = report.tokens_in if event.tokens_in is None else event.tokens_in
            report.tokens_out = report.tokens_out if event.tokens_out is None else event.tokens_out
            report.cost_usd = report.cost_usd if event.cost_usd is None else event.cost_usd
        case ToolStarted(title=title):
            yield f"→ {on_one_line(title)}"
        case ToolEnded(title=title, error=error) if error is not None:
            yield f"✗ {on_one_line(title, 60)}: {on_one_line(error)}"
        case Note(line=note):
            yield note
        case Closing():
            report.verdict, report.answer, report.error = event.verdict, event.answer, event.error
            report.question, report.retry_at = event.question, event.retry_at
            if event.question is not None:
                yield f"asks: {event.question}"
