"""A group of the kernel (cgroup v2) for an attempt with limits on memory or processes, where one can be made.

It holds what a watch can only notice: no process of it forks or takes memory beyond the limit, not for a moment, and
all of it dies in one step. Made in the folder that the setting `cgroup` names, else in the group that systemd has
delegated to us. Version 1 is left out: it has no cgroup.kill, and no current distribution starts with it.
Source: Documentation/admin-guide/cgroup-v2.rst of the kernel.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from mission_control.domain.attempt import ProcessIdentity
from mission_control.execution import process
from mission_control.execution.confinement.limits import Limits, memory_cause, processes_cause

MOUNTS = "/proc/self/mountinfo"
OWN_GROUPS = "/proc/self/cgroup"
_PREFIX = "mission-control-"  # and then pid and start time of the executor
_REMOVE_SECONDS = 1.0  # what was killed leaves its group a moment later


@dataclass(frozen=True)
class Group:
    """The group of one attempt."""

    path: str
    limits: Limits

    def enter(self) -> None:
        """Put the calling process, and so all that it starts, into the group. Raises OSError."""
        _write(self.path, "cgroup.procs", "0")

    def reached(self) -> str | None:
        """The limit that the kernel has enforced on the group, in words, or None."""
        if self.limits.memory_bytes is not None and _count(self.path, "memory.events", "oom_kill"):
            return memory_cause(self.limits.memory_bytes)
        if self.limits.processes is not None and _count(self.path, "pids.events", "max"):
            return processes_cause(self.limits.processes)
        return None

    def kill(self) -> None:
        """SIGKILL to all of it in one step."""
        with suppress(FileNotFoundError):
            _write(self.path, "cgroup.kill", "1")

    def end(self) -> None:
        """Kill what is left and remove the group; one that cannot be removed yet is removed by a later attempt."""
        self.kill()
        deadline = time.monotonic() + _REMOVE_SECONDS
        while not _removed(self.path) and time.monotonic() < deadline:
            time.sleep(0.01)


def make_group(parent: str, limits: Limits) -> Group:
    """A group for the attempt that this executor is about to start. Raises OSError."""
    _remove_those_of_the_dead(parent)
    group = Group(_path_of(parent, process.own_identity()), limits)
    os.mkdir(group.path)
    try:
        if limits.memory_bytes is not None:
            _write(group.path, "memory.max", str(limits.memory_bytes))
            _write(group.path, "memory.oom.group", "1")  # all of it or nothing, as when a watch ends it
            with suppress(FileNotFoundError):  # a kernel without swap
                _write(group.path, "memory.swap.max", "0")
        if limits.processes is not None:
            _write(group.path, "pids.max", str(limits.processes))
    except OSError:
        os.rmdir(group.path)
        raise
    return group


def parent_for(named: str | None, limits: Limits) -> str | None:
    """Where groups with such limits are to be made; None when they need none, or nobody gave us a place.

    Raises OSError when the place does not allow such limits.
    """
    wanted = [
        controller
        for controller, limit in (("memory", limits.memory_bytes), ("pids", limits.processes))
        if limit is not None
    ]
    parent = named or delegated()
    if not wanted or parent is None:
        return None
    _enable(parent, wanted)
    return parent


def kill_left_behind(parent: str | None, executor: ProcessIdentity) -> None:
    """Kill all of the attempt whose executor was killed, if it had a group."""
    if parent is not None:
        Group(_path_of(parent, executor), _NONE).end()


_NONE = Limits(None, None, None, None, None)


@cache
def delegated() -> str | None:
    """The nearest group above us that systemd says is ours to divide, e.g. by `Delegate=yes`."""
    mount = _mount_point()
    if mount is None:
        return None
    with open(OWN_GROUPS, encoding="utf-8") as file:
        own = next((line[3:].strip() for line in file if line.startswith("0::")), "/")
    while own not in ("/", ""):
        if _is_delegated(mount + own):
            return mount + own
        own = os.path.dirname(own)
    return None


def _mount_point() -> str | None:
    if not process.HAS_PROC:
        return None
    with open(MOUNTS, encoding="utf-8", errors="replace") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            if after.startswith("cgroup2 "):
                return before.split(" ")[4]
    return None


def _is_delegated(path: str) -> bool:
    for name in ("user.delegate", "trusted.delegate"):  # see systemd's docs/CGROUP_DELEGATION.md
        with suppress(OSError):
            if os.getxattr(path, name) == b"1":
                return os.access(path, os.W_OK)
    return False


def why_useless(place: str) -> str | None:
    """Why no group for an attempt can be made there, as far as can be seen without trying; None when one can."""
    try:
        missing = {"memory", "pids"} - set(_words(place, "cgroup.controllers"))
        enabled = {"memory", "pids"} <= set(_words(place, "cgroup.subtree_control"))
        occupied = "cgroup.type" in os.listdir(place) and bool(_words(place, "cgroup.procs"))  # the root has no type
    except OSError as refused:
        return f"{place} is no group of cgroup v2 that we can look into: {refused.strerror}"
    if missing:
        return f"{place} has no {' and no '.join(sorted(missing))}"
    if not os.access(place, os.W_OK):
        return f"{place} is not ours to change"
    if occupied and not enabled:
        return f"{place} holds processes itself, so the kernel lets no group in it have limits"
    return None


def _words(path: str, name: str) -> list[str]:
    with open(os.path.join(path, name), encoding="ascii") as file:
        return file.read().split()


def _enable(parent: str, wanted: list[str]) -> None:
    """Let groups in `parent` have these controllers. The kernel refuses while a process is in `parent` itself."""
    missing = set(wanted) - set(_words(parent, "cgroup.subtree_control"))
    if missing:
        _write(parent, "cgroup.subtree_control", " ".join(f"+{controller}" for controller in sorted(missing)))


def _path_of(parent: str, executor: ProcessIdentity) -> str:
    return os.path.join(parent, f"{_PREFIX}{executor.pid}-{executor.started}")


def _remove_those_of_the_dead(parent: str) -> None:
    for name, pid in _groups_in(parent):
        if process.identity(pid) is None:
            _removed(os.path.join(parent, name))


def _groups_in(parent: str) -> Iterator[tuple[str, int]]:
    for name in os.listdir(parent):
        pid = name.removeprefix(_PREFIX).partition("-")[0]
        if name.startswith(_PREFIX) and pid.isdigit():
            yield name, int(pid)


def _removed(path: str) -> bool:
    """False while something is in it."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _count(path: str, name: str, event: str) -> int:
    with open(os.path.join(path, name), encoding="ascii") as file:
        return next((int(line.split()[1]) for line in file if line.split()[0] == event), 0)


def _write(path: str, name: str, text: str) -> None:
    descriptor = os.open(os.path.join(path, name), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
