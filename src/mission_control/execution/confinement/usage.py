"""What all processes of an attempt take together, looked at now and then.

Exact where it decides: memory that several processes share is counted once before an attempt is ended for it, and
CPU time of processes that have ended counts with whoever waited for them, in the end with the executor.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from mission_control.execution import process
from mission_control.execution.confinement.limits import Limits, cpu_cause, memory_cause, processes_cause

LOOK_SECONDS = 1.0
FAST_LOOK_SECONDS = 0.1  # while something grows fast
FAST_SHARE = 1 / 16  # of its limit, from one look to the next
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGESIZE")


@dataclass(frozen=True)
class Usage:
    """What a tree took when it was looked at."""

    processes: int = 0  # and threads, as the kernel counts them in a group; without /proc only processes
    memory_bytes: int = 0
    cpu_seconds: float = 0


class Watch:
    """Compares what the executor's descendants take with the limits. Call only from the executor."""

    def __init__(self, limits: Limits) -> None:
        """Begins with what the executor's former children have used up."""
        self._limits = limits
        self._before = _of_ended_children()
        self._seen = Usage()
        self.pause = FAST_LOOK_SECONDS  # until the next look

    def reached(self) -> str | None:
        """The limit that the tree has reached, in words, or None."""
        ended = _of_ended_children() - self._before  # before the living: what ends meanwhile is counted once or not yet
        tree = process.descendants([os.getpid()], process.table())
        usage = _usage_of([found.pid for found in tree], ended)
        self.pause = FAST_LOOK_SECONDS if self._grows_fast(usage) else LOOK_SECONDS
        self._seen = usage
        return self._judge(usage, [found.pid for found in tree])

    def _judge(self, usage: Usage, pids: Sequence[int]) -> str | None:
        limits = self._limits
        if limits.processes is not None and usage.processes > limits.processes:
            return f"{processes_cause(limits.processes)}: {usage.processes:,} live"
        if limits.cpu_seconds is not None and usage.cpu_seconds >= limits.cpu_seconds:
            return cpu_cause(limits.cpu_seconds)
        if limits.memory_bytes is not None and usage.memory_bytes > limits.memory_bytes:
            held = _memory_held(pids)
            if held > limits.memory_bytes:
                return f"{memory_cause(limits.memory_bytes)}: {held:,} held"
        return None

    def _grows_fast(self, usage: Usage) -> bool:
        limits, seen = self._limits, self._seen
        return (
            (usage.memory_bytes - seen.memory_bytes) > (limits.memory_bytes or float("inf")) * FAST_SHARE
            or (usage.processes - seen.processes) > (limits.processes or float("inf")) * FAST_SHARE
            or (usage.cpu_seconds - seen.cpu_seconds) > (limits.cpu_seconds or float("inf")) * FAST_SHARE
        )


def _of_ended_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _usage_of(pids: Sequence[int], cpu_seconds: float) -> Usage:
    """`pids` are in an order in which parents stand before their children."""
    if not process.HAS_PROC:
        return _usage_by_ps(pids, cpu_seconds)
    processes = memory = 0
    for pid in pids:
        text = _read(pid, "stat")
        if text:
            fields = text[text.rindex(b")") + 2 :].split()
            cpu_seconds += sum(map(int, fields[11:15])) / _TICKS  # its own, and that of children it has waited for
            processes += int(fields[17])  # its threads
            memory += _resident(pid)
    return Usage(processes, memory, cpu_seconds)


def _resident(pid: int) -> int:
    text = _read(pid, "statm")
    return int(text.split()[1]) * _PAGE if text else 0


def _memory_held(pids: Sequence[int]) -> int:
    """What they hold, with pages that they share counted once (PSS); resident memory where that cannot be seen."""
    return sum(_share_of(pid) for pid in pids)


def _share_of(pid: int) -> int:
    for line in _read(pid, "smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return _resident(pid) if process.HAS_PROC else _usage_by_ps([pid], 0).memory_bytes


def _read(pid: int, name: str) -> bytes:
    """Empty when the process has ended or does not let us see it."""
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _usage_by_ps(pids: Sequence[int], cpu_seconds: float) -> Usage:
    memory = 0
    for line in process.columns(pids, "rss=,time="):
        resident, used = line.split()
        memory += int(resident) * 1024
        cpu_seconds += _seconds_of(used)
    return Usage(len(pids), memory, cpu_seconds)


def _seconds_of(text: str) -> float:
    """`1-02:03:04.5` as ps prints it: days, hours, minutes, seconds."""
    days, _, clock = text.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return int(days or 0) * 86_400 + seconds
