"""Files that agents hand in: copies in the folder of an attempt, and WORKING.md."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mission_control.errors import Conflict, InvalidInput, NotFound, NotPermitted
from mission_control.folder import make_private_directory, open_private, sync, write_private

MOST_FILES = 100  # of one attempt
MEMORY_BYTES = 200_000
NAME_CHARACTERS = 150
_PIECE = 1 << 20


@dataclass(frozen=True)
class Copy:
    """A whole and durable copy that has no name of its own yet."""

    name: str  # of the original
    size: int
    sha256: str
    aside: Path

    def keep_as(self, name: str) -> None:
        """Give it its name, beside which it is kept."""
        os.rename(self.aside, self.aside.parent / name)
        sync(self.aside.parent)


@contextmanager
def copied(path: str, place: Path, *, most: int, start: Path, within: Path | None) -> Iterator[Copy]:
    """A private copy of this file in `place`; without `keep_as` it is gone after the block.

    A path that is not whole starts at `start`. Raises NotFound, InvalidInput for what is no file or too large, and
    NotPermitted for what lies, all links followed, elsewhere than `within`.
    """
    source = _open(os.path.join(start, path), path, within)
    try:
        make_private_directory(place)
        aside = place / f".{os.getpid()}.{os.urandom(4).hex()}.new"
        try:
            size, sha256 = _copy(source, aside, path, most)
            yield Copy(_legible(os.path.basename(path)), size, sha256, aside)
        finally:
            with suppress(FileNotFoundError):  # it has its name
                os.unlink(aside)
    finally:
        os.close(source)


def _open(whole: str, shown: str, within: Path | None) -> int:
    try:
        real = os.path.realpath(whole)
        if within is not None and not Path(real).is_relative_to(os.path.realpath(within)):
            raise NotPermitted(f"{shown!r} lies outside of the attempt's workspace. Copy it there first.")
        # Never waits for a pipe, and does not follow a link that took the place of what was just looked at.
        descriptor = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except (OSError, ValueError) as fault:
        raise NotFound(f"{shown!r} cannot be read: {getattr(fault, 'strerror', None) or fault}.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidInput(f"{shown!r} is no file. Attach files one by one, or pack a folder first.")
    return descriptor


def _copy(source: int, aside: Path, shown: str, most: int) -> tuple[int, str]:
    """How many bytes they are, and their SHA-256."""
    from hashlib import sha256  # 3 ms that only this costs

    digest, size = sha256(), 0
    with open(open_private(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as target:
        while piece := os.read(source, _PIECE):
            size += len(piece)
            if size > most:
                raise InvalidInput(f"{shown!r} has more than {most:,} bytes, which are allowed (max_attachment_bytes).")
            digest.update(piece)
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())
    return size, digest.hexdigest()


def _legible(name: str) -> str:
    """A name that no shell, terminal or page stumbles over."""
    clean = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in name).strip().lstrip(".-")
    stem, suffix = os.path.splitext(clean)
    return (stem[: NAME_CHARACTERS - len(suffix)] + suffix)[:NAME_CHARACTERS] or "file"


def free_name(name: str, taken: Collection[str]) -> str:
    """`name`, or where that is taken `report-2.pdf` for `report.pdf`."""
    stem, suffix = os.path.splitext(name)
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{stem}-{number}{suffix}"
    return found


def read_memory(path: Path) -> str:
    """What WORKING.md says; nothing when there is none. Raises Conflict for one that cannot be kept."""
    try:
        with open(path, "rb") as file:
            content = file.read(5 * MEMORY_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as fault:
        raise Conflict(f"{path.name} cannot be read: {fault.strerror}.") from None
    if len(content) > 5 * MEMORY_BYTES:
        raise Conflict(f"{path.name} has more than {5 * MEMORY_BYTES:,} bytes. A person must move it away first.")
    return content.decode("utf-8", "replace").replace("\0", "\ufffd")


def write_memory(path: Path, body: str) -> None:
    """Rewrite WORKING.md, whole or not at all."""
    make_private_directory(path.parent)
    write_private(path, body.encode())
