"""Copies of files and folders: private, on disk, with their checksums. Links are never followed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mission_control.folder import make_private_directory, open_private, sync
from mission_control.ops.backup.manifest import File

BYTES_AT_ONCE = 1 << 20
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # without waiting, should it be a pipe


@dataclass
class Copied:
    """What was copied so far, by its path below the target; what was not, because it is no file and no folder."""

    files: dict[str, File] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def copy_folder(source: Path, target: Path, name: str, copied: Copied) -> None:
    """Copy `source`/`name` with all that is in it. What vanishes meanwhile was never there."""
    if os.path.islink(source / name):
        copied.left_out.append(name)
        return
    for place, folders, files, descriptor in os.fwalk(source / name, follow_symlinks=False):
        inside = os.path.relpath(place, source)
        make_private_directory(target / inside)
        copied.folders.append(inside)
        for link in [folder for folder in folders if _is_link(folder, descriptor)]:
            copied.left_out.append(os.path.join(inside, link))
        for file in files:
            copy_file(file, target / inside / file, os.path.join(inside, file), copied, directory=descriptor)


def copy_file(source: str | Path, target: Path, name: str, copied: Copied, *, directory: int | None = None) -> None:
    """Copy one file; `name` is what it is called in `copied`. A link or a pipe is left out."""
    try:
        descriptor = os.open(source, _READ, dir_fd=directory)
    except FileNotFoundError:
        return
    except OSError as fault:
        if fault.errno not in (errno.ELOOP, errno.EMLINK, errno.ENXIO):  # a link; a socket
            raise
        copied.left_out.append(name)
        return
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            copied.left_out.append(name)
            return
        copied.files[name] = _copy_open(descriptor, target, executable=bool(mode & stat.S_IXUSR))
    finally:
        os.close(descriptor)


def _copy_open(source: int, target: Path, *, executable: bool) -> File:
    digest, size = hashlib.sha256(), 0
    with open(open_private(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
        while content := os.read(source, BYTES_AT_ONCE):
            digest.update(content)
            size += file.write(content)
        if executable:
            os.fchmod(file.fileno(), stat.S_IRWXU)
        file.flush()
        os.fsync(file.fileno())
    return File(size, digest.hexdigest(), executable)


def describe(path: Path) -> File:
    """What a file holds. Raises OSError, also for a link."""
    descriptor = os.open(path, _READ)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            digest = hashlib.file_digest(file, "sha256")
        return File(status.st_size, digest.hexdigest(), bool(status.st_mode & stat.S_IXUSR))
    finally:
        os.close(descriptor)


def walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below `folder` by its path inside it, links as themselves."""
    for place, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *files):
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            yield os.path.normpath(os.path.join(os.path.relpath(place, folder), name)), status


def sync_folders(folder: Path) -> None:
    """All names below `folder`, and its own content, are on disk."""
    for place, _, _, _ in os.fwalk(folder, topdown=False, follow_symlinks=False):
        sync(place)


def _is_link(name: str, directory: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
