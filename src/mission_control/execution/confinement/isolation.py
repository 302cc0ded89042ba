"""The levels of isolation beyond a process of its own, and whether they can be had on this machine.

Both let an attempt read the system and what `readable_paths` name, and change its workspace, a folder for temporary
files of its own and what `writable_paths` name. The network stays open: agents live from it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from mission_control.execution.confinement.spawning import NotConfined
from mission_control.settings_checks import Isolation

# What programs need to start, to find names and to trust certificates; no home of anybody, no data of services.
SYSTEM_PATHS = (
    "/bin",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/opt",
    "/run/systemd/resolve",
    "/sbin",
    "/usr",
)
_DEVICES_READ = ("/proc", "/dev/random", "/dev/urandom")
_DEVICES_CHANGED = ("/dev/full", "/dev/null", "/dev/zero")
_BUBBLEWRAP = "bwrap"
_INSTALL_LANDLOCK = "pip install 'mission-control-agents[landlock]'"


@dataclass(frozen=True)
class Places:
    """Where an isolated attempt may be."""

    workspace: str
    temporary: str  # its own /tmp
    output: str  # its log, which scripts open anew as /dev/stdout
    readable: tuple[str, ...]
    writable: tuple[str, ...]

    def check(self) -> None:
        """Raises NotConfined where a path that somebody named is not there: without it all would be different."""
        for path in (*self.readable, *self.writable):
            if not os.path.exists(path):
                raise NotConfined(f"there is no {path}, which readable_paths or writable_paths name")


def why_not(level: Isolation, search_path: str) -> str | None:
    """Why this level cannot be had here, with what to do about it; None when it can, as far as can be seen."""
    match level:
        case Isolation.PROCESS:
            return None
        case Isolation.LANDLOCK:
            return _why_no_landlock()
        case Isolation.BUBBLEWRAP:
            return _why_no_bubblewrap(search_path)


def _why_no_landlock() -> str | None:
    if sys.platform != "linux":
        return "isolation landlock needs Linux"
    try:
        import sandlock  # 40 ms and some MB, which executors do without
    except ImportError:
        return f"isolation landlock needs the package sandlock. Install it with: {_INSTALL_LANDLOCK}"
    has, needs = sandlock.landlock_abi_version(), sandlock.min_landlock_abi()
    if has < needs:
        return f"isolation landlock needs Landlock {needs} (Linux 6.12); this kernel has {max(has, 0) or 'none'}"
    return None


def _why_no_bubblewrap(search_path: str) -> str | None:
    if sys.platform != "linux":
        return "isolation bubblewrap needs Linux"
    if find_program(_BUBBLEWRAP, search_path) is None:
        return "isolation bubblewrap needs the program bwrap. On Debian or Ubuntu: apt-get install bubblewrap"
    return None


def find_program(name: str, search_path: str) -> str | None:
    """Where a program lies. Like shutil.which, whose import costs every executor more than this."""
    for folder in search_path.split(os.pathsep):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def confine_by_landlock(places: Places) -> None:
    """Take from the calling process, for good, what it is not to touch. Raises NotConfined."""
    if reason := _why_no_landlock():
        raise NotConfined(reason)
    places.check()
    from sandlock import Sandbox, SandlockError, confine

    readable = [path for path in (*SYSTEM_PATHS, *_DEVICES_READ, *places.readable) if os.path.exists(path)]
    writable = [*_DEVICES_CHANGED, *places.writable, places.workspace, places.temporary, places.output]
    try:
        confine(Sandbox(fs_readable=readable, fs_writable=writable))
    except SandlockError as fault:
        raise NotConfined(f"isolation landlock cannot be had: {fault}") from fault


def bubblewrapped(argv: Sequence[str], places: Places, status: int) -> list[str]:
    """The command line that runs `argv` in namespaces of its own. `status` is a descriptor for bubblewrap's reports.

    Not `--die-with-parent`: SIGTERM to the tree would end bubblewrap first, and with it, at once, a runner that wants
    its grace. What an executor that was killed leaves is found by recovery, as at every level.
    """
    words = [_BUBBLEWRAP, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    words += ["--cap-drop", "ALL"]  # root, too, would otherwise mount what is read-only anew
    words += _mounts("--ro-bind-try", SYSTEM_PATHS)
    words += ["--proc", "/proc", "--dev", "/dev", "--bind", places.temporary, "/tmp"]  # noqa: S108  its own
    words += _mounts("--ro-bind", places.readable)
    words += [*_mounts("--bind", (*places.writable, places.workspace)), "--remount-ro", "/"]
    return [*words, "--chdir", places.workspace, "--json-status-fd", str(status), "--", *argv]


def _mounts(kind: str, paths: Sequence[str]) -> list[str]:
    return [word for path in paths for word in (kind, path, path)]
