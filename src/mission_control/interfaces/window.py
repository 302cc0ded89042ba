"""Windows on a file that others still write: some lines at its end, before a place, or what comes after one.

Each reads a bounded number of bytes, so a log of a gigabyte opens as fast as a small one.
"""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass
from pathlib import Path

LINES = 500
MOST_BYTES = 256 * 1024


@dataclass(frozen=True)
class Window:
    """The text from byte `begin` to byte `end` of a file that has `size` bytes."""

    begin: int
    end: int
    size: int
    text: str


EMPTY = Window(0, 0, 0, "")


def latest(path: Path, lines: int = LINES) -> Window:
    """The last lines, as far as MOST_BYTES reach."""
    return before(path, None, lines)


def before(path: Path, end: int | None, lines: int = LINES) -> Window:
    """The lines that end at this place (null: at the end of the file); it begins at the start of a line."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return EMPTY
    try:
        size = os.fstat(descriptor).st_size
        end = size if end is None else min(end, size)
        start = max(end - MOST_BYTES, 0)
        piece = os.pread(descriptor, end - start, start)
    finally:
        os.close(descriptor)
    if start > 0:  # the first line is not whole, unless it is the only one
        start += piece.find(b"\n") + 1
        piece = piece[-(end - start) :] if end > start else b""
    start += (skipped := _start_of_last(piece, lines))
    return _whole(piece[skipped:], start, size)


def after(path: Path, begin: int) -> Window:
    """What stands from this place on. A file that became shorter is read from its start."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return EMPTY
    try:
        size = os.fstat(descriptor).st_size
        begin = 0 if begin > size else begin
        return _whole(os.pread(descriptor, MOST_BYTES, begin), begin, size)
    finally:
        os.close(descriptor)


def _start_of_last(piece: bytes, lines: int) -> int:
    """Where the last lines of a piece begin; what follows the last line feed is one, too."""
    at = len(piece) - 1 if piece.endswith(b"\n") else len(piece)
    for _ in range(lines):
        at = piece.rfind(b"\n", 0, at)
        if at < 0:
            return 0
    return at + 1


def _whole(piece: bytes, begin: int, size: int) -> Window:
    """As text that does not end inside a character; what is no text becomes the sign for that."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(piece)
    pending, _ = decoder.getstate()
    return Window(begin, begin + len(piece) - len(pending), size, text)
