"""One file of the old system, read row by row: each with its fields and its own text, or a fault that says where.

Stricter than json: what it would let pass or silently change (NaN, a key that stands twice, a number too large for
a float) is a fault of its row. Broken JSON ends the file.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from mission_control.errors import InvalidInput
from mission_control.ops.legacy.faults import Fault, Faults, kind_of, shown

MOST_ROWS = 500_000
MOST_LEVELS = 100  # of objects and lists inside one another

_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True)
class Row:
    """One object of one file; `text` is its JSON letter for letter."""

    file: str
    number: int  # from 1
    fields: dict[str, Any]
    text: str


def scan(file: str, text: str, faults: Faults) -> list[Row]:
    """All rows of the list that `text` must be; their faults are collected. Raises InvalidInput for broken JSON."""
    return _Scan(file, text, faults).rows()


class _Scan:
    """Where the reading stands."""

    def __init__(self, file: str, text: str, faults: Faults) -> None:
        self._file = file
        self._text = text
        self._faults = faults
        self._found: list[Row] = []
        self._number = 0  # of the row that is being read, from 1
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_constant=self._constant,
            parse_float=self._float,
            parse_int=self._integer,
        )

    def rows(self) -> list[Row]:
        position = self._expect_list()
        if not self._is_at("]", position):
            position = self._read_rows(position)
        if (rest := self._skip_space(position + 1)) != len(self._text):
            raise self._broken("something follows after the end of the list", rest)
        return self._found

    def _expect_list(self) -> int:
        start = self._skip_space(0)
        if start == len(self._text):
            raise InvalidInput("it is empty; a list without rows is []")
        if self._is_at("{", start):
            raise InvalidInput("a list of rows is expected; an object was found")
        if not self._is_at("[", start):
            raise self._broken("a list of rows is expected", start)
        return self._skip_space(start + 1)

    def _read_rows(self, position: int) -> int:
        """Where the list ends."""
        while True:
            position = self._read_row(position)
            if self._is_at("]", position):
                return position
            if not self._is_at(",", position):
                raise self._broken("a comma or the end of the list is missing", position)
            position = self._skip_space(position + 1)

    def _read_row(self, start: int) -> int:
        """Where the next sign after the row stands."""
        self._number += 1
        if self._number > MOST_ROWS:
            raise InvalidInput(f"it has more than {MOST_ROWS:,} rows")
        try:
            value, end = self._decoder.raw_decode(self._text, start)
        except json.JSONDecodeError as fault:
            raise self._broken(fault.msg, fault.pos) from None
        except RecursionError:
            raise InvalidInput(f"row {self._number}: it is nested deeper than {MOST_LEVELS} levels") from None
        if not isinstance(value, dict):
            self._blame(f"an object is expected; {kind_of(value)} was found")
        elif _is_deeper(value, MOST_LEVELS):
            self._blame(f"it is nested deeper than {MOST_LEVELS} levels")
        else:
            self._found.append(Row(self._file, self._number, value, self._text[start:end]))
        return self._skip_space(end)

    def _is_at(self, sign: str, position: int) -> bool:
        return self._text.startswith(sign, position)

    def _skip_space(self, position: int) -> int:
        found = _SPACE.match(self._text, position)
        assert found is not None
        return found.end()

    def _broken(self, reason: str, position: int) -> InvalidInput:
        line = self._text.count("\n", 0, position) + 1
        column = position - self._text.rfind("\n", 0, position)
        row = f"row {self._number}, " if self._number else ""
        is_cut_off = position >= len(self._text.rstrip()) or reason.startswith("Unterminated string")
        cut_off = "; the file seems to be cut off" if is_cut_off else ""
        return InvalidInput(f"{row}line {line}, column {column}: not JSON: {reason}{cut_off}")

    def _blame(self, reason: str) -> None:
        self._faults.add(Fault(reason, self._file, self._number))

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                self._blame(f"the key {shown(name)} stands twice in one object")
            found[name] = value
        return found

    def _constant(self, name: str) -> None:
        self._blame(f"{name} is not JSON")

    def _float(self, text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            self._blame(f"the number {shown(text)} is too large")
        return value

    def _integer(self, text: str) -> int:
        try:
            return int(text)
        except ValueError:  # Python reads no more than 4,300 digits
            self._blame(f"a number has {len(text):,} digits")
            return 0


def _is_deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        inner: list[Any] = []
        for outer in level:
            if isinstance(outer, dict):
                inner.extend(outer.values())
            elif isinstance(outer, list):
                inner.extend(outer)
        if not inner:
            return False
        level = inner
    return any(isinstance(outer, dict | list) for outer in level)
