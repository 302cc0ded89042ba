"""Files inside of a workspace, and no others: whatever `..`, an absolute path or a link says.

A path is resolved first and then opened step by step without following links, so that a link put in its way between the
two is refused as well. A program that the agent runs is not held by this; for that there is `isolation`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHOWN_BYTES = 200_000  # of a file that a model is shown
EXACT_BYTES = 16_000_000  # of a file that an agent's own tools work on
LISTED = 500  # names of one folder


class NotWithin(Exception):
    """The message says what is wrong with a path, in words for the agent that named it."""


def read_to_show(workspace: Path, path: str) -> str:
    """The text of a file, or its beginning, which then says so. What is not UTF-8 is replaced. Raises NotWithin."""
    content = _read(workspace, path, SHOWN_BYTES + 1)
    text = content[:SHOWN_BYTES].decode("utf-8", errors="replace")
    return text if len(content) <= SHOWN_BYTES else f"{text}\n[cut: the file is longer than {SHOWN_BYTES} bytes]"


def read_exactly(workspace: Path, path: str) -> str:
    """The text of a file as it is, for those who change it and write it back. Raises NotWithin."""
    content = _read(workspace, path, EXACT_BYTES + 1)
    if len(content) > EXACT_BYTES:
        raise NotWithin(f"{path} is longer than {EXACT_BYTES} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise NotWithin(f"{path} is not a text in UTF-8") from None


def write_text(workspace: Path, path: str, text: str) -> None:
    """A file with this text; missing folders on its way are made. Raises NotWithin."""
    content = text.encode("utf-8", errors="replace")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK
    with _opened(workspace, path, flags, make_folders=True) as opened, open(opened, "wb", closefd=False) as file:
        file.write(content)


def names(workspace: Path, path: str) -> list[str]:
    """The names in a folder, in order, folders with a slash; not more than LISTED. Raises NotWithin."""
    with _opened(workspace, path, os.O_RDONLY | os.O_DIRECTORY) as descriptor, os.scandir(descriptor) as entries:
        found = sorted(f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries)
    return found if len(found) <= LISTED else [*found[:LISTED], f"[cut: {len(found) - LISTED} more]"]


def _read(workspace: Path, path: str, most: int) -> bytes:
    with _opened(workspace, path, os.O_RDONLY | os.O_NONBLOCK) as descriptor:  # a pipe would let us wait for ever
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotWithin(f"{path} is not a file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most)


@contextmanager
def _opened(workspace: Path, path: str, flags: int, *, make_folders: bool = False) -> Iterator[int]:
    try:
        root, parts = _resolved(workspace, path)
        descriptor = _open(root, parts, flags, make_folders=make_folders)
    except (OSError, ValueError) as fault:
        raise NotWithin(f"{path}: {_reason(fault)}") from None
    try:
        yield descriptor
    except OSError as fault:
        raise NotWithin(f"{path}: {_reason(fault)}") from None
    finally:
        os.close(descriptor)


def _reason(fault: Exception) -> str:
    return (isinstance(fault, OSError) and fault.strerror) or str(fault)


def _resolved(workspace: Path, path: str) -> tuple[str, tuple[str, ...]]:
    """The real folder of the workspace, and the steps from there."""
    root = os.path.realpath(workspace)
    real = Path(os.path.realpath(os.path.join(root, path)))
    if not real.is_relative_to(root):
        raise NotWithin(f"{path} is outside of the workspace")
    return root, real.relative_to(root).parts


def _open(root: str, parts: tuple[str, ...], flags: int, *, make_folders: bool) -> int:
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            if make_folders:
                _make_folder(part, here)
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = below
        return os.open(parts[-1] if parts else ".", flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=here)
    finally:
        os.close(here)


def _make_folder(name: str, where: int) -> None:
    try:
        os.mkdir(name, dir_fd=where)
    except FileExistsError:
        pass
