"""Events as agents' programs print them: one JSON object a line. What is missing or of another kind is null."""

from __future__ import annotations

import json
import math
from typing import Any

Event = dict[str, Any]


def event_of(line: str) -> Event | None:
    """The object on this line; None when it is something else, e.g. half of one."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def at(event: Any, path: str) -> Any:
    """What stands at a dotted path: `at(event, "result.usage.input_tokens")`, `at(event, "payloads.0.text")`."""
    for name in path.split("."):
        if isinstance(event, dict):
            event = event.get(name)
        elif isinstance(event, list) and name.isdigit() and int(name) < len(event):
            event = event[int(name)]
        else:
            return None
    return event


def text_at(event: Any, path: str) -> str | None:
    found = at(event, path)
    return found if isinstance(found, str) else None


def count_at(event: Any, path: str) -> int | None:
    found = at(event, path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def amount_at(event: Any, path: str) -> float | None:
    found = at(event, path)
    is_amount = isinstance(found, (int, float)) and not isinstance(found, bool) and math.isfinite(found)
    return float(found) if is_amount else None


def plain(said: str) -> str:
    """What an error says, where it is JSON as it came from a model's service."""
    event = event_of(said[max(said.find("{"), 0) :])
    return text_at(event, "error.message") or text_at(event, "message") or said


def total(known: int | None, more: int | None) -> int | None:
    """Both together; unknown stays unknown and never becomes zero."""
    return more if known is None else known + (more or 0)


def on_one_line(text: str, most: int = 300) -> str:
    """Its beginning, as fits into a line of the log."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
