"""Processes as the operating system shows them: who is alive, who descends from whom, and signals that cannot miss.

Linux reads /proc; other systems ask ps, which is slower and knows start times to the second only.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from mission_control.domain.attempt import ProcessIdentity

_NAMESPACE = "/pid:"
_CANNOT_LOOK = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_PLAIN_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_TIME": "C", "LC_CTYPE": "UTF-8", "TZ": "UTC"}
HAS_PROC = os.path.exists("/proc/self/stat")


@dataclass(frozen=True)
class Process:
    """One line of the process table. `started` is opaque and compared for equality."""

    pid: int
    parent: int
    session: int
    started: str
    is_zombie: bool


@cache
def boot() -> str:
    """Within what a pid means something: this boot of the machine and, on Linux, this pid namespace."""
    if HAS_PROC:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return f"{file.read().strip()}{_NAMESPACE}{os.stat('/proc/self/ns/pid').st_ino}"
    # Not kern.boottime: it moves whenever the clock is set, and every attempt would seem to be of another boot.
    return _output_of(["sysctl", "-n", "kern.bootsessionuuid"]).strip()


def has_rebooted_since(known: ProcessIdentity) -> bool:
    """Whether this machine was restarted after `known` was seen on it; that of a container alone does not count."""
    return known.boot.partition(_NAMESPACE)[0] != boot().partition(_NAMESPACE)[0]


def identity(pid: int) -> ProcessIdentity | None:
    """The process that has this pid now; None when nothing alive has it."""
    process = _look(pid)
    if process is None or process.is_zombie:
        return None
    return ProcessIdentity(pid, process.started, boot())


def session_leader(pid: int) -> ProcessIdentity | None:
    """The process that has this pid now, if it leads a session, as executors do."""
    process = _look(pid)
    return identity(pid) if process is not None and process.session == pid else None


def own_identity() -> ProcessIdentity:
    """Of the calling process."""
    return _identity_of_living(os.getpid())


@cache
def _identity_of_living(pid: int) -> ProcessIdentity:
    """Of a process that lives for as long as anybody asks, so it is looked up once."""
    own = identity(pid)
    assert own is not None
    return own


def is_alive(known: ProcessIdentity) -> bool:
    """Whether exactly this process still runs on this machine; a later one with its pid does not count."""
    return known.boot == boot() and identity(known.pid) == known


def table() -> dict[int, Process]:
    """All processes by pid, zombies included."""
    if not HAS_PROC:
        return _ps_table(["-A"])
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (process := _read_proc(int(name))):
            found[process.pid] = process
    return found


def descendants(ancestors: Iterable[int], processes: Mapping[int, Process]) -> list[Process]:
    """Children of `ancestors`, their children and so on, without the ancestors themselves and without zombies."""
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process)
    found: dict[int, Process] = {}
    todo = list(ancestors)
    while todo:
        for child in children.get(todo.pop(), []):
            if child.pid not in found:
                found[child.pid] = child
                todo.append(child.pid)
    return [process for process in found.values() if not process.is_zombie]


def leftovers(
    executors: Mapping[str, ProcessIdentity | None], beginning: str, outputs: Mapping[str, str]
) -> dict[str, list[Process]]:
    """What is left of attempts whose executor is gone, by name, for those of which something is.

    It is the executor's session, all that have `beginning` and then the attempt's name as an entry of their environment
    (see execution.mark), all whose output goes to the file that `outputs` has for the attempt (path to name), and
    what descends from those. One look at the process table for all attempts.
    """
    processes = table()
    roots: dict[str, set[int]] = {name: set() for name in executors}
    for process, name in _marked(processes, beginning):
        if name in roots:
            roots[name].add(process.pid)
    for process in processes.values():
        roots.get(outputs.get(_output_file(process.pid), ""), set()).add(process.pid)
    sessions: dict[int, set[int]] = {}
    for process in processes.values():
        sessions.setdefault(process.session, set()).add(process.pid)
    for name, executor in executors.items():
        if executor is not None and _is_its_session(executor, processes):
            roots[name] |= sessions.get(executor.pid, set())
    left = {name: _with_descendants(pids - {os.getpid()}, processes) for name, pids in roots.items() if pids}
    return {name: found for name, found in left.items() if found}


def _with_descendants(pids: set[int], processes: Mapping[int, Process]) -> list[Process]:
    roots = [processes[pid] for pid in pids if not processes[pid].is_zombie]
    return roots + [process for process in descendants(pids, processes) if process.pid not in pids]


def marked(beginning: str) -> list[tuple[Process, str]]:
    """Living processes whose environment has an entry that starts so, each with the rest of that entry."""
    return list(_marked(table(), beginning))


def _marked(processes: Mapping[int, Process], beginning: str) -> Iterator[tuple[Process, str]]:
    for process in processes.values():
        if not process.is_zombie and (rest := _rest_of_entry(process.pid, beginning)) is not None:
            yield process, rest


def _is_its_session(executor: ProcessIdentity, processes: Mapping[int, Process]) -> bool:
    """False when the number of the executor's session belongs to somebody else by now."""
    leader = processes.get(executor.pid)
    return executor.boot == boot() and (leader is None or leader.started == executor.started)


def send(processes: Iterable[Process], number: signal.Signals) -> int:
    """Signal each process that is still the one we saw; how many were reached."""
    return sum(_send_one(process, number) for process in processes)


def _send_one(process: Process, number: signal.Signals) -> bool:
    """A pidfd holds the process while its start time is compared, so that a reused pid is never hit."""
    try:
        descriptor = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else None
    except OSError:
        return False
    try:
        now = _look(process.pid)
        if now is None or now.started != process.started:
            return False
        if descriptor is None:
            os.kill(process.pid, number)
        else:
            signal.pidfd_send_signal(descriptor, number)
        return True
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _look(pid: int) -> Process | None:
    return _read_proc(pid) if HAS_PROC else _ps_table(["-p", str(pid)]).get(pid)


def _read_proc(pid: int) -> Process | None:
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as fault:
        if fault.errno in _CANNOT_LOOK:
            raise  # or whoever has no file left to open would take everybody for dead
        return None
    try:
        text = os.read(descriptor, 4096)
    except ProcessLookupError:
        return None
    finally:
        os.close(descriptor)
    # The name, in parentheses, may hold anything; the fields are counted from its end. See proc(5).
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        started=fields[19].decode(),
        is_zombie=fields[0] in (b"Z", b"X"),
    )


def _rest_of_entry(pid: int, beginning: str) -> str | None:
    if not HAS_PROC:
        # Entries stand behind the command with a space between; a home may have spaces, the name after it has none.
        _, found, rest = _command_and_environment(pid).partition(f" {beginning}")
        return rest.partition(" ")[0].strip() if found else None
    for entry in _environment(pid):
        if entry.startswith(beginning.encode()):
            return entry.removeprefix(beginning.encode()).decode(errors="replace")
    return None


def _output_file(pid: int) -> str:
    """Where its standard output goes, or else its standard error; empty when that is no file or not to be seen."""
    for descriptor in (1, 2):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
        except OSError:
            continue
        if target.startswith("/"):
            return target
    return ""


def _environment(pid: int) -> list[bytes]:
    """The entries a process was started with; none when we may not see them."""
    if HAS_PROC:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                return file.read().split(b"\0")
        except OSError:
            return []
    return _command_and_environment(pid).encode().split()


def _command_and_environment(pid: int) -> str:
    return _output_of(["ps", "-E", "-ww", "-o", "command=", "-p", str(pid)])


def _ps_table(which: list[str]) -> dict[int, Process]:
    found = {}
    for line in _output_of(["ps", *which, "-o", "pid=,ppid=,state=,lstart="]).splitlines():
        pid, parent, state, started = line.split(maxsplit=3)
        found[int(pid)] = Process(
            pid=int(pid),
            parent=int(parent),
            session=_session_of(int(pid)),
            started=started.strip(),
            is_zombie=state.startswith(("Z", "X")),
        )
    return found


def columns(pids: Iterable[int], which: str) -> list[str]:
    """What ps shows of these processes, a line each; of those that have ended, none. `which` as in `rss=,time=`."""
    wanted = ",".join(map(str, pids))
    return _output_of(["ps", "-o", which, "-p", wanted]).splitlines() if wanted else []


def _session_of(pid: int) -> int:
    """Asked of the kernel, because ps of macOS shows no number for it; 0 when the process is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _output_of(argv: list[str]) -> str:
    """What a program of the system prints, said in the same words whoever asks: cron has neither our zone nor PATH."""
    # Imported here: 10 ms that systems with /proc never pay.
    import subprocess

    done = subprocess.run(argv, env=_PLAIN_ENVIRONMENT, capture_output=True, check=False)
    return done.stdout.decode(errors="replace")
