"""The seat of a mission's one resident process: a file that it keeps locked for as long as it lives.

The system gives the lock back when the process ends, however it ends, so a seat is never held by the dead.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from mission_control.domain.attempt import ProcessIdentity
from mission_control.errors import Conflict, Unavailable
from mission_control.execution import process
from mission_control.folder import Folder, make_private_directory, open_private

PATIENCE_SECONDS = 0.5  # whoever only looks who sits there holds the lock for a moment
LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Occupant:
    """Who holds the seat: a process of the machine that the board knows as `host`."""

    process: ProcessIdentity
    host: str
    since: datetime
    url: str | None = None  # where its pages are; null: it has none

    @property
    def pid(self) -> int:
        return self.process.pid


class Seat:
    """Taken by this process until it is left, or until the process ends."""

    def __init__(self, descriptor: int, occupant: Occupant) -> None:
        """See `take`."""
        self._descriptor = descriptor
        self.occupant = occupant

    def leave(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


Listen = Callable[[str | None], str]  # (the address of a predecessor who was killed) -> the address of the pages


def take(folder: Folder, host: str, now: datetime, listen: Listen | None = None) -> Seat:
    """The seat for this process. Raises Conflict and says who holds it.

    `listen` is called once the seat is taken, before anybody can read who holds it; what it raises gives it back.
    """
    try:
        make_private_directory(folder.seat.parent)
        descriptor = open_private(folder.seat, os.O_RDWR | os.O_CREAT)
    except OSError as fault:
        raise Unavailable(f"{folder.seat} cannot be made: {fault.strerror}. See: missionctl doctor") from fault
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _lock(descriptor, fcntl.LOCK_EX):
        if time.monotonic() >= deadline:
            holder = _read(descriptor)
            os.close(descriptor)
            raise Conflict(f"This mission has a resident process already{_words(holder)}. End it: missionctl down")
        time.sleep(LOOK_SECONDS)
    try:
        occupant = Occupant(process.own_identity(), host, now, _url(listen, _read(descriptor)))
    except BaseException:
        os.close(descriptor)
        raise
    _write(descriptor, occupant)
    return Seat(descriptor, occupant)


def _url(listen: Listen | None, killed: Occupant | None) -> str | None:
    """Who leaves in good order leaves nothing behind, so whoever can still be read was killed."""
    return None if listen is None else listen(None if killed is None else killed.url)


def occupant(folder: Folder) -> Occupant | None:
    """Who holds the seat now; None when nobody does."""
    try:
        descriptor = open_private(folder.seat, os.O_RDONLY)
    except OSError:
        return None
    try:
        return None if _lock(descriptor, fcntl.LOCK_SH) else _read(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(descriptor: int, occupant: Occupant) -> None:
    content = {
        **vars(occupant.process),
        "host": occupant.host,
        "since": occupant.since.isoformat(),
        "url": occupant.url,
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(content).encode(), 0)


def _read(descriptor: int) -> Occupant | None:
    """None in the moment between taking the seat and saying so."""
    try:
        content = json.loads(os.pread(descriptor, 4096, 0))
        identity = ProcessIdentity(content["pid"], content["started"], content["boot"])
        return Occupant(identity, content["host"], datetime.fromisoformat(content["since"]), content.get("url"))
    except (ValueError, KeyError, TypeError):
        return None


def _words(holder: Occupant | None) -> str:
    if holder is None:
        return ""
    return f": pid {holder.pid} on {holder.host}, since {holder.since:%Y-%m-%d %H:%M:%S} UTC"
