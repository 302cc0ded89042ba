"""Checks of the machine: Python, SQLite, the file system below the mission, room on the disk."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from mission_control.ops.doctor.finding import Finding, fault, ok, warning
from mission_control.store.sqlite import library_version

OLDEST_SQLITE = (3, 51, 3)  # older ones can corrupt a WAL database that two connections write and checkpoint at once
MOUNTS = Path("/proc/self/mountinfo")
# Their locks do not hold, or not in time, between machines; SQLite's WAL needs shared memory besides.
NETWORK_FILE_SYSTEM = re.compile(
    r"(9p|afs|beegfs|ceph|cifs|glusterfs|gpfs|lustre|ncpfs|nfs4?|ocfs2|smb3|smbfs|virtiofs"
    r"|fuse\.(sshfs|s3fs|rclone|gcsfuse|glusterfs|ceph.*|curlftpfs|davfs.*|vmhgfs.*))\Z"
)
MOST_APART = timedelta(seconds=10)
LEAST_FREE_BYTES = 100_000_000
FEW_FREE_BYTES = 1_000_000_000


def examine_programs() -> Iterator[Finding]:
    """What the program runs on."""
    yield ok("python", f"Python {platform.python_version()}")
    version = library_version()
    if tuple(map(int, version.split(".")[:3])) < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        yield fault("sqlite", f"SQLite {version} can corrupt a busy database", f"Update apsw: SQLite {oldest} or newer")
    else:
        yield ok("sqlite", f"SQLite {version}")


def examine_file_system(place: Path) -> Finding:
    """`place` is the database's folder."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ok("file system", "not known on this system")
    kind = file_system_of(place, mounts)
    if NETWORK_FILE_SYSTEM.match(kind):
        return fault(
            "file system",
            f"{place} is on {kind}, a network file system, on which SQLite is not safe",
            "Move the mission to a local disk, or name a Postgres database in mission.toml",
        )
    return ok("file system", f"{kind}, local")


def file_system_of(place: Path, mounts: str) -> str:
    """The type of the file system that holds `place`, by the text of /proc/self/mountinfo; see proc(5)."""
    real = os.path.realpath(place)
    found = ("", "unknown")
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = _unescaped(before.split(" ")[4])
        # Of mounts on the same point the last one is seen.
        if len(point) >= len(found[0]) and (real == point or real.startswith(point.rstrip("/") + "/")):
            found = (point, after.split(" ")[0])
    return found[1]


def _unescaped(point: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point)


def examine_server_clock(server: datetime | None, now: datetime) -> Iterator[Finding]:
    """Leases of other machines end by the database server's clock; `server` null: there is none."""
    if server is None:
        return
    apart = abs(server - now)
    if apart > MOST_APART:
        fact = f"this machine and the database's differ by {apart.total_seconds():,.0f} s"
        yield fault("clock", fact, "Let both keep their time by NTP: leases end by the database's clock")
    else:
        yield ok("clock", "agrees with the database's")


def examine_disk(place: Path) -> Finding:
    """Room for what the mission has to write."""
    disk = os.statvfs(place)
    return judge_room(disk.f_bavail * disk.f_frsize, disk.f_favail if disk.f_files else None)


def judge_room(free_bytes: int, free_files: int | None) -> Finding:
    """`free_files` null: the file system does not count them."""
    free = f"{free_bytes / 1e9:,.1f} GB free"
    if free_bytes < LEAST_FREE_BYTES or free_files == 0:
        free = f"{free_bytes / 1e6:,.0f} MB free" if free_files != 0 else "no more files can be made"
        return fault("disk", free, "Make room: attempts cannot be recorded on a full disk")
    if free_bytes < FEW_FREE_BYTES:
        return warning("disk", free, "Make room soon")
    return ok("disk", free)
