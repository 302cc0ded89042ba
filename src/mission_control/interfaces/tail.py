"""Reading files that others still write: their last lines, and what is added to them."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from pathlib import Path

_BLOCK = 1 << 16
_SEQUENCE_CHARACTERS = 128  # no terminal sequence worth waiting for is longer
_BEGUN_KEY = re.compile(r"mck_[\w.-]{0,120}\Z", re.ASCII)  # whoever shows text hides the keys of attempts


def lines_backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file, last first, without their ends. A file that is missing has none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        end = os.fstat(descriptor).st_size
        rest = b""
        at_end = True
        while end > 0:
            start = max(end - _BLOCK, 0)
            rest = os.pread(descriptor, end - start, start) + rest
            if at_end:  # the newline of the last line begins no other
                rest = rest.removesuffix(b"\n")
                at_end = False
            rest, *lines = rest.split(b"\n")
            yield from reversed(lines)
            end = start
        if not at_end:
            yield rest
    finally:
        os.close(descriptor)


class Follower:
    """What is in a file, and what comes to it, read piece by piece.

    The file may not exist yet, may be cut to nothing (then reading starts over) and may have a hole in its middle,
    as the output of an attempt has that outgrew its cap (then `skipped` says how much is missing).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._position = 0
        self._has_successor = False
        self.skipped = 0  # bytes of holes in front of the piece read last

    def read(self) -> bytes:
        """The next piece, at most 64 KiB; empty when there is nothing new."""
        if not self._is_open():
            return b""
        assert self._descriptor is not None
        size = os.fstat(self._descriptor).st_size
        if size < self._position:
            self._position = 0
        data_at = self._skip_hole(self._descriptor, size)
        self.skipped = data_at - self._position
        piece = os.pread(self._descriptor, _BLOCK, data_at)
        self._position = data_at + len(piece)
        return piece

    def to_end(self) -> None:
        """Go on with what comes from now on."""
        if self._is_open():
            assert self._descriptor is not None
            self._position = os.fstat(self._descriptor).st_size

    def turn_to_successor(self) -> bool:
        """Go on with the file that has the name now, when the one that was read was put aside; True when it turned.

        Asked after everything was read. It turns when it is asked the second time: who had the old file open just
        then may have had a line to write.
        """
        if self._descriptor is None or self._is_in_place(self._descriptor):
            return False
        if not self._has_successor:
            self._has_successor = True
            return False
        self.close()
        self._position, self._has_successor = 0, False
        return True

    def _is_in_place(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        except FileNotFoundError:
            return True  # nothing to turn to yet

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _is_open(self) -> bool:
        """The file stays the one first opened: an output that is replaced at its end says nothing new."""
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
        return True

    def _skip_hole(self, descriptor: int, size: int) -> int:
        """Where data begins at or after the position. Some file systems cannot say; then zeros are read."""
        if self._position >= size:
            return self._position
        try:
            return os.lseek(descriptor, self._position, os.SEEK_DATA)
        except OSError:
            return self._position


class TextPieces:
    """Turns pieces of bytes into text whose pieces never end inside a character or a terminal sequence."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""

    def add(self, piece: bytes) -> str:
        """The text that can be shown now; the rest is held until more comes."""
        text = self._held + self._decoder.decode(piece)
        cut = _safe_length(text)
        self._held = text[cut:]
        return text[:cut]

    def finish(self) -> str:
        """What was held, when nothing more comes."""
        return self._held + self._decoder.decode(b"", final=True)


def _safe_length(text: str) -> int:
    """How much surely ends no sequence and no key half way; a carriage return may yet become a line end."""
    escape = text.rfind("\x1b", max(len(text) - _SEQUENCE_CHARACTERS, 0))
    if escape >= 0 and "\n" not in text[escape:]:
        return escape
    if (key := _BEGUN_KEY.search(text)) is not None:
        return key.start()
    return len(text) - 1 if text.endswith("\r") else len(text)
