"""The log file of an attempt: written by the kernel, kept within its cap by the executor.

The runner's stdout and stderr are the file itself, opened for append; nobody relays a byte. When it outgrows its
cap the executor punches a hole between head and tail, which gives the disk back while positions stay what they
were; when the attempt has ended the hole becomes one line that says how much was cut.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path

from mission_control.folder import open_private

_PUNCH_HOLE_KEEP_SIZE = 3  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, see fallocate(2)
_DARWIN_PUNCH_HOLE = 99  # F_PUNCHHOLE, see fcntl(2) of macOS
_BLOCK = 4096
_COPY_BYTES = 1 << 20


class Output:
    """One attempt's output file and its cap."""

    def __init__(self, path: Path | str, cap_bytes: int) -> None:
        """Open the file for appending; raises OSError."""
        self.descriptor = open_private(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self._path = path
        self._head = cap_bytes // 2
        self._tail = cap_bytes - self._head
        self._cut_from = self._head
        self._cut_to = self._head  # the hole is [_cut_from, _cut_to)

    def size(self) -> int:
        """Bytes written so far, cut ones included."""
        return os.fstat(self.descriptor).st_size

    def keep_within_cap(self) -> None:
        """Give back what lies between head and tail. Cheap when there is nothing to cut."""
        end = (self.size() - self._tail) // _BLOCK * _BLOCK
        start = -(-self._cut_from // _BLOCK) * _BLOCK
        if end - self._cut_to < max(self._tail // 4, _BLOCK) or end <= start:
            return
        _punch(self.descriptor, start, end - start)
        self._cut_to = end

    def close(self) -> int:
        """Close the file when nobody writes any more; returns how many bytes were cut.

        A file over its cap is replaced, at once and whole, by head, one line that says what is missing, and tail.
        """
        size = self.size()
        cut = size - self._head - self._tail
        try:
            if cut > 0:
                self._rewrite(size, cut)
        except OSError:
            pass  # no room for the new file: the old one, with a hole between head and tail, stays
        finally:
            os.close(self.descriptor)
        return max(cut, 0)

    def _rewrite(self, size: int, cut: int) -> None:
        aside = f"{self._path}.cut"
        descriptor = open_private(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            self._copy(descriptor, 0, self._head)
            note = f"\n[… {cut} bytes of output cut here: the limit is {self._head + self._tail} bytes …]\n"
            _write_all(descriptor, note.encode())
            self._copy(descriptor, size - self._tail, size)
        finally:
            os.close(descriptor)
        os.rename(aside, self._path)

    def _copy(self, target: int, start: int, end: int) -> None:
        while start < end:
            piece = os.pread(self.descriptor, min(_COPY_BYTES, end - start), start)
            if not piece:
                return
            _write_all(target, piece)
            start += len(piece)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _punch(descriptor: int, start: int, length: int) -> None:
    """Free the blocks of a range; the file keeps its size and reads as zeros there. Raises OSError."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(descriptor, _DARWIN_PUNCH_HOLE, struct.pack("=IIqq", 0, 0, start, length))
        return
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_int(descriptor), _PUNCH_HOLE_KEEP_SIZE, ctypes.c_longlong(start), ctypes.c_longlong(length))
    fallocate = libc.fallocate64 if hasattr(libc, "fallocate64") else libc.fallocate  # musl has one for all sizes
    if fallocate(*arguments) != 0:
        raise OSError(ctypes.get_errno(), "this file system cannot cut a file in the middle")
