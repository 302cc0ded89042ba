"""How much one attempt may take, what the kernel enforces of it for each process, and how its end is read.

The kernel bounds CPU time, files and open files for each process; memory, processes and CPU time of the whole tree
are watched (usage.py) or held by a group of the kernel (cgroup.py). Not used, and why: RLIMIT_AS counts addresses,
of which a JavaScript or Go program reserves many times what it uses; RLIMIT_NPROC counts all processes of the
user, so that attempts would fail for what others started, and does nothing for root.
"""

from __future__ import annotations

import math
import resource
import signal
from dataclasses import dataclass, replace

from mission_control.config import Config
from mission_control.domain.attempt import Ending, Outcome

# The kernel's own limit on CPU time is a net for when nobody watches: it counts ticks, and would else come too early.
CPU_NET_DIVISOR = 10
CPU_SECONDS_TO_TIDY_UP = 5  # between SIGXCPU, which a program may answer, and SIGKILL
_SHELL_SIGNAL = 128  # a shell, and bubblewrap, end with this plus the number of the signal that ended their child


@dataclass(frozen=True)
class Limits:
    """Of one attempt; null: unlimited."""

    memory_bytes: int | None
    cpu_seconds: float | None
    processes: int | None
    open_files: int | None
    file_bytes: int | None

    @property
    def of_tree(self) -> bool:
        """Whether there is one that holds for all processes together."""
        return any(limit is not None for limit in (self.memory_bytes, self.cpu_seconds, self.processes))

    def without_those_of_a_group(self) -> Limits:
        """What is left to watch where a group holds the rest."""
        return replace(self, memory_bytes=None, processes=None)

    def apply(self) -> None:
        """Bound the calling process and all that it starts, for good."""

        def bound(which: int, soft: int, hard: int) -> None:
            """A limit of the system that is lower stays: nothing may raise it, and ours is kept within it."""
            highest = resource.getrlimit(which)[1]
            if highest != resource.RLIM_INFINITY:
                soft, hard = min(soft, highest), min(hard, highest)
            resource.setrlimit(which, (soft, hard))

        if self.cpu_seconds is not None:
            whole = math.ceil(self.cpu_seconds)
            beyond = whole + whole // CPU_NET_DIVISOR + 1
            bound(resource.RLIMIT_CPU, beyond, beyond + CPU_SECONDS_TO_TIDY_UP)
        if self.open_files is not None:
            bound(resource.RLIMIT_NOFILE, self.open_files, self.open_files)
        if self.file_bytes is not None:
            bound(resource.RLIMIT_FSIZE, self.file_bytes, self.file_bytes)

    def cause_of(self, ending: Ending) -> str | None:
        """Which limit of each process ended the runner, or the child whose end it passed on. Never a guess."""
        if self.cpu_seconds is not None and _was_ended_by(signal.SIGXCPU, ending):
            return cpu_cause(self.cpu_seconds)
        if self.file_bytes is not None and _was_ended_by(signal.SIGXFSZ, ending):
            return f"file size limit of {self.file_bytes:,} bytes reached"
        return None


def of(config: Config) -> Limits:
    """What the settings say."""
    return Limits(
        memory_bytes=config.max_memory_bytes,
        cpu_seconds=config.max_cpu_seconds,
        processes=config.max_processes,
        open_files=config.max_open_files,
        file_bytes=config.max_file_bytes,
    )


def cpu_cause(seconds: float) -> str:
    return f"CPU time limit of {seconds:g} s reached"


def memory_cause(limit: int) -> str:
    return f"memory limit of {limit:,} bytes reached"


def processes_cause(limit: int) -> str:
    return f"limit of {limit:,} processes reached"


def with_cause(ending: Ending, cause: str | None) -> Ending:
    """The same end, with the limit that is behind it named first."""
    if cause is None or ending.outcome is not Outcome.FAILED:
        return ending
    return replace(ending, error=f"{cause} ({ending.error})" if ending.error else cause)


def _was_ended_by(number: signal.Signals, ending: Ending) -> bool:
    return ending.signal == number or ending.exit_code == _SHELL_SIGNAL + number
