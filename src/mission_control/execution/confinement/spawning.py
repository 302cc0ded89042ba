"""Starting the runner's process, in one of two ways.

With nothing to prepare it is posix_spawn, which copies nothing. What must hold for the runner from its first
instruction on, and never for the executor, is prepared in a fork of the executor between fork and exec: no shell or
helper program that would need units, options and quoting, and no moment in which the runner is without it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from mission_control.execution.process import HAS_PROC

SIGNALS_TO_RESET = [number for number in signal.valid_signals() if number not in (signal.SIGKILL, signal.SIGSTOP)]
# Half of all memory: what an attempt holds weighs so much more than it is that executors and dispatchers, which hold
# next to nothing, are never killed before it; and something else on the machine must be huge to be taken for it.
OOM_POINTS = 500
_MOST_OOM_POINTS = 1000
_OOM_FILE = "/proc/self/oom_score_adj"  # see proc(5)

Prepare = Callable[[], None]


class NotConfined(Exception):
    """Something that was asked for cannot be had here, so the runner was not started. Says what and why."""


def spawn(argv: Sequence[str], environment: Mapping[str, str], output: int) -> int:
    """Start the runner with output and errors going to the descriptor `output` and nothing to read; its pid.

    Raises OSError when the program cannot be started.
    """
    before = _become_first_to_be_killed()  # a child has it from the start; we hold it for microseconds
    try:
        return os.posix_spawnp(
            argv[0],
            list(argv),
            dict(environment),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setpgroup=0,
            setsigmask=[],
            setsigdef=SIGNALS_TO_RESET,
        )
    finally:
        _write_oom_points(before)


def spawn_prepared(argv: Sequence[str], environment: Mapping[str, str], output: int, prepare: Prepare) -> int:
    """The same; `prepare` is called in the new process before it becomes the runner.

    Raises NotConfined when that refuses, with its words. Call only from a process with one thread.
    """
    reader, writer = os.pipe()  # closed by a successful exec
    with open(reader, "rb") as told:
        # A signal that comes before the exec waits for the runner: handlers of ours would swallow it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if pid == 0:
                _become_runner(argv, environment, output, prepare, writer)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(writer)
        refusal = told.read().decode()
    if refusal:
        os.waitpid(pid, 0)
        kind, _, text = refusal.partition(":")
        raise NotConfined(text) if kind == "prepare" else OSError(int(text), os.strerror(int(text)))
    return pid


def _become_runner(
    argv: Sequence[str], environment: Mapping[str, str], output: int, prepare: Prepare, writer: int
) -> NoReturn:
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        _become_first_to_be_killed()
        _prepare(prepare, writer)
        for number in SIGNALS_TO_RESET:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execvpe(argv[0], list(argv), dict(environment))  # noqa: S606  the trade
    except OSError as fault:
        os.write(writer, f"exec:{fault.errno}".encode())
    finally:
        os._exit(127)


def _prepare(prepare: Prepare, writer: int) -> None:
    try:
        prepare()
    except Exception as fault:  # noqa: BLE001  whatever it is, the runner must not start without
        os.write(writer, f"prepare:{fault}".encode(errors="replace"))
        os._exit(127)


def _become_first_to_be_killed() -> bytes:
    """Let the kernel, when memory runs out, kill this process before its executor; what stood there before."""
    if not HAS_PROC:
        return b""
    with suppress(OSError):  # a protection that some containers do not give; the attempt is right without it
        descriptor = os.open(_OOM_FILE, os.O_RDWR | os.O_CLOEXEC)
        try:
            before = os.read(descriptor, 16)
            os.pwrite(descriptor, b"%d" % min(int(before) + OOM_POINTS, _MOST_OOM_POINTS), 0)
            return before
        finally:
            os.close(descriptor)
    return b""


def _write_oom_points(points: bytes) -> None:
    """Back to what stood there; everybody may lower what they have raised themselves."""
    if not points:
        return
    with suppress(OSError):  # the runner runs by now, and that its executor dies as early as it does is no fault of it
        descriptor = os.open(_OOM_FILE, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, points)
        finally:
            os.close(descriptor)
