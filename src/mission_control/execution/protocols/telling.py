"""What a protocol's program tells while it works, and how its turn ends: one line of JSON an event.

Both ends are here: the program writes with `tell`, whoever started it reads with `told`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from mission_control.execution.report import Judgement


@dataclass(frozen=True)
class Text:
    """The agent says something; pieces of one message come one after the other."""

    piece: str


@dataclass(frozen=True)
class ToolStarted:
    title: str


@dataclass(frozen=True)
class ToolEnded:
    title: str
    error: str | None = None


@dataclass(frozen=True)
class Spent:
    """What the whole turn has used so far; null: not told."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True)
class Session:
    """By which the conversation can be gone on with."""

    name: str


@dataclass(frozen=True)
class Note:
    """Something that whoever reads the log should know."""

    line: str


@dataclass(frozen=True)
class Closing:
    """How a turn ended. `answer` with a success, `question` when a person must answer first, else `error`."""

    verdict: Judgement
    answer: str | None = None
    error: str | None = None
    question: str | None = None
    retry_at: datetime | None = None  # when a rate limit is over; null: not told


Event = Text | ToolStarted | ToolEnded | Spent | Session | Note | Closing
Tell = Callable[[Event], None]
_KINDS: Mapping[str, type[Any]] = {
    kind.__name__: kind for kind in (Text, ToolStarted, ToolEnded, Spent, Session, Note, Closing)
}


class TurnEnded(Exception):
    """Nothing more comes of this turn; `closing` says why."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(closing.error or closing.question or closing.verdict)
        self.closing = closing


def failed(error: str) -> TurnEnded:
    """To be raised where a turn cannot go on."""
    return TurnEnded(Closing(Judgement.FAILED, error=error))


def tell(event: Event) -> None:
    """Write one event to stdout, whole and at once. Nobody there to read it: the turn is nobody's any more."""
    fields = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(event).items()
    }
    line = json.dumps({"event": type(event).__name__, **fields}).encode() + b"\n"
    while line:
        line = line[os.write(1, line) :]


def told(line: str) -> Event | None:
    """The event on this line; None when it is something else."""
    try:
        fields = json.loads(line)
        kind = _KINDS[fields.pop("event")]
        if kind is Closing:
            at = fields["retry_at"]
            fields |= {"verdict": Judgement(fields["verdict"]), "retry_at": at and datetime.fromisoformat(at)}
        event: Event = kind(**fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return event
