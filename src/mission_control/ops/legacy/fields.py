"""The fields of one row, each read as what it must be. Faults are collected, so that all are told at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from mission_control.domain import limits
from mission_control.errors import InvalidInput
from mission_control.ops.legacy.faults import Fault, Faults, kind_of, shown
from mission_control.ops.legacy.scan import Row

Choice = TypeVar("Choice")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_IN_NAMES = re.compile(r"[^a-z0-9_-]+")


class Fields:
    """Reads one row. After a fault an answer is only a stand-in: the import is refused in the end."""

    def __init__(self, row: Row, faults: Faults) -> None:
        self.row = row
        self.notes: list[str] = []  # what was changed on the way
        self.id = ""
        self._faults = faults
        self.id = self.required_reference("id")

    def blame(self, reason: str) -> None:
        self._faults.add(Fault(reason, self.row.file, self.row.number, self.id))

    def required_reference(self, name: str) -> str:
        """The id of a row, which must be there. A number counts as its digits."""
        if self.row.fields.get(name) is None:
            self.blame(f"it has no {name}")
        return self.reference(name) or ""

    def reference(self, name: str) -> str | None:
        """The id of another row, or null."""
        value = self.row.fields.get(name)
        return None if value is None else self._id_of(name, value)

    def references(self, name: str) -> tuple[str, ...]:
        """A list of ids, without repetitions."""
        values = self.row.fields.get(name)
        if values is None:
            return ()
        if not isinstance(values, list):
            self.blame(f"{name} must be a list; {kind_of(values)} was found")
            return ()
        return tuple(dict.fromkeys(self._id_of(name, value) for value in values))

    def _id_of(self, name: str, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int):
            self.blame(f"{name} must be a text or a whole number; {kind_of(value)} was found")
            return ""
        return self._checked(name, str(value), limits.key)

    def text(self, name: str, check: Callable[[str], str], *, default: str | None = None) -> str:
        """A text that passes `check`. Without a default it must be there."""
        value = self.row.fields.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            self.blame(f"it has no {name}" if value is None else f"{name} must be a text; {kind_of(value)} was found")
            return ""
        return self._checked(name, value, check)

    def long_text(self, name: str) -> str:
        """A text of several lines; empty where there is none."""
        return self.text(name, lambda value: limits.long_text(value, name), default="")

    def _checked(self, name: str, value: str, check: Callable[[str], str]) -> str:
        try:
            return check(value)
        except InvalidInput as fault:
            self.blame(f"{name}: {str(fault).rstrip('.')}")
            return ""

    def choice(self, name: str, known: Mapping[str, Choice], default: Choice) -> Choice:
        """One of the known words; the default where the row says nothing."""
        word = self.row.fields.get(name)
        if isinstance(word, str) and word in known:
            return known[word]
        if word is not None:
            found = shown(word) if isinstance(word, str) else kind_of(word)
            self.blame(f"{name} must be one of {', '.join(known)}; {found} was found")
        return default

    def truth(self, name: str) -> bool:
        """True or false; false where the row says nothing."""
        value = self.row.fields.get(name)
        if value is not None and not isinstance(value, bool):
            self.blame(f"{name} must be true or false; {kind_of(value)} was found")
        return value is True

    def count(self, name: str) -> int:
        """A whole number from 0; 0 where the row says nothing."""
        value = self.row.fields.get(name)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            found = value if isinstance(value, int | float) and not isinstance(value, bool) else kind_of(value)
            self.blame(f"{name} must be a whole number from 0; {shown(str(found))} was found")
            return 0
        return value

    def instant(self, name: str) -> datetime | None:
        """An ISO 8601 time (without a zone: UTC) or milliseconds since 1970, in UTC; null where there is none."""
        value = self.row.fields.get(name)
        if value is None:
            return None
        try:
            return instant_of(value)
        except InvalidInput as fault:
            self.blame(f"{name} {fault}")
            return None

    def agent_name(self) -> str:
        """A legal name as close as possible to the row's name, or to its id where it has none."""
        given = self.text("name", str, default="") or self.id
        plain = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode().strip().lower()
        name = _NOT_IN_NAMES.sub("_", plain).strip("_").lstrip("-")[:64]
        if not name:
            self.blame(f"no legal agent name can be made of {shown(given)}. Names have a-z, 0-9, _ and -")
        elif name not in (given, self.id):
            self.notes.append(f"is called {name} here")
        return name


def instant_of(value: Any) -> datetime:
    """Raises InvalidInput; the reason follows the field's name."""
    try:
        match value:
            case bool():
                raise InvalidInput("must be a time; true or false was found")
            case str():
                moment = datetime.fromisoformat(value.strip())
                moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
                least = 1970
            case int() | float():
                moment = _EPOCH + timedelta(milliseconds=value)
                least = 2000  # or seconds since 1970 would pass as a day in January 1970
            case _:
                raise InvalidInput(f"must be a time; {kind_of(value)} was found")
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"is {shown(str(value))}; a time is written e.g. 2026-02-06T10:00:00Z, or in milliseconds since 1970"
        ) from None
    if not least <= moment.year <= 9000:
        raise InvalidInput(f"is {shown(str(value))}; the year must lie between {least} and 9000")
    return moment
