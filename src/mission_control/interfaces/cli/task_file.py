"""Many tasks from a file of JSON lines, added in one transaction: all or none."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from mission_control.domain import limits
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Priority, Task
from mission_control.errors import Conflict, InvalidInput, NotFound
from mission_control.interfaces.cli.context import Session

LINE_BYTES = 4_000_000  # above the largest legal task with every character escaped twice


@dataclass(frozen=True)
class Line:
    """One task of the file; `after` names tasks on the board or keys of earlier lines."""

    number: int
    new: NewTask
    after: tuple[str, ...]


def add_from_file(session: Session, source: str) -> list[tuple[Task, bool]]:
    """Add every line of `source` (`-`: standard input); False marks those whose key was known.

    Raises InvalidInput, NotFound or Conflict with the line's number and has then added nothing.
    """
    lines = _read(source, session.now)
    if not lines:
        raise InvalidInput(f"{_shown(source)} holds no tasks. Give one JSON object a line.")
    mission, actor = session.mission, session.actor
    by_key: dict[str, int] = {}
    added = []
    with mission.board.together():
        for line in lines:
            with _blaming(source, line.number):
                after = [by_key[name] if name in by_key else mission.views.resolve_task(name) for name in line.after]
                task, is_new = mission.board.add(replace(line.new, after=after), actor=actor)
            if task.key is not None:
                by_key[task.key] = task.id
            added.append((task, is_new))
    mission.ring()
    return added


def _read(source: str, now: datetime) -> list[Line]:
    if source == "-":
        return list(_lines(sys.stdin.buffer, source, now))
    try:
        with open(source, "rb") as file:
            return list(_lines(file, source, now))
    except OSError as fault:
        raise InvalidInput(f"{source} cannot be read: {fault.strerror}.") from None


def _lines(file: BinaryIO, source: str, now: datetime) -> Iterator[Line]:
    number = 0
    while raw := file.readline(LINE_BYTES + 1):
        number += 1
        with _blaming(source, number):
            if len(raw) > LINE_BYTES:
                raise InvalidInput(f"longer than {LINE_BYTES:,} bytes")
            if text := _decoded(raw if number > 1 else raw.removeprefix(b"\xef\xbb\xbf")).strip():
                yield _line(number, _record(text), now)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("not valid UTF-8") from None


def _record(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except json.JSONDecodeError as fault:
        raise InvalidInput(f"not JSON: {fault.msg} at column {fault.colno}") from None
    except RecursionError:
        raise InvalidInput("nested too deeply") from None
    except ValueError:  # an integer of thousands of digits
        raise InvalidInput("a number is too long") from None
    if not isinstance(record, dict):
        raise InvalidInput("not a JSON object")
    return record


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InvalidInput("a key stands twice in one object")
    return found


def _refuse_constant(name: str) -> None:
    raise InvalidInput(f"{name} is not JSON")


def _line(number: int, record: Mapping[str, Any], now: datetime) -> Line:
    """The task of one object; a null is as good as nothing."""
    given = {name: value for name, value in record.items() if value is not None}
    if unknown := sorted(given.keys() - _READERS.keys() - {"after"}):
        known = ", ".join([*_READERS, "after"])
        raise InvalidInput(f"{unknown[0]!a} cannot be given; known are {known}")
    after = tuple(limits.key(name) for name in _texts("after", given.pop("after", []), now))
    fields: dict[str, Any] = {"title": ""}
    for name, value in given.items():
        field, read = _READERS[name]
        fields[field] = read(name, value, now)
    return Line(number, NewTask(**fields), after)


def _text(name: str, value: Any, _: datetime) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{name} must be a text")
    return value


def _texts(name: str, value: Any, _: datetime) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise InvalidInput(f"{name} must be a list of texts")
    return tuple(value)


def _agents(name: str, value: Any, now: datetime) -> tuple[str, ...]:
    return tuple(limits.agent_name(word) for word in _texts(name, value, now))


def _priority(name: str, value: Any, now: datetime) -> Priority:
    try:
        return Priority(_text(name, value, now))
    except ValueError:
        raise InvalidInput(f"{name} must be one of {', '.join(Priority)}") from None


def _whole(name: str, value: Any, _: datetime) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"{name} must be a whole number")
    return value


def _seconds(name: str, value: Any, _: datetime) -> timedelta:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidInput(f"{name} must be a number")
    try:
        return limits.timeout(timedelta(seconds=value))
    except OverflowError:
        raise InvalidInput(f"{name} is out of range") from None


def _instant(name: str, value: Any, now: datetime) -> datetime:
    return limits.instant(_text(name, value, now), now)


def _truth(name: str, value: Any, _: datetime) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"{name} must be true or false")
    return value


# Key in the file -> field of NewTask, and how it is read.
_READERS: Mapping[str, tuple[str, Callable[[str, Any, datetime], Any]]] = {
    "title": ("title", _text),
    "description": ("description", _text),
    "agents": ("agents", _agents),
    "command": ("command", _text),
    "priority": ("priority", _priority),
    "max_attempts": ("max_attempts", _whole),
    "timeout_seconds": ("timeout", _seconds),
    "not_before": ("not_before", _instant),
    "review": ("review", _truth),
    "key": ("key", _text),
}


@contextmanager
def _blaming(source: str, number: int) -> Iterator[None]:
    """Say in which line it was."""
    try:
        yield
    except (InvalidInput, NotFound, Conflict) as fault:
        raise type(fault)(f"{_shown(source)}, line {number}: {str(fault).rstrip('.')}. Nothing was added.") from None


def _shown(source: str) -> str:
    return "Standard input" if source == "-" else source
