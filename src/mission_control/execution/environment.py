"""What an attempt finds in its environment: an allow-list, never everything we were started with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping

from mission_control.execution.execution import Execution, mark
from mission_control.execution.runners import Settings, find, names

ALLOWED = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL", "SSH_AUTH_SOCK", "TMPDIR", "TZ", "USER")
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
SETTINGS = "MISSIONCTL_SETTINGS"  # all of them, for our driver alone; the agent's program does not get it


def inheritable(ours: Mapping[str, str], also: Iterable[str]) -> dict[str, str]:
    """What attempts may have of the environment `ours`; `also` are the names passed on request."""
    names = {*ALLOWED, *also, *(name for name in ours if name.startswith("LC_"))}
    passed = {"PATH": DEFAULT_PATH, **{name: ours[name] for name in names if name in ours}}
    return {**passed, "PATH": _with_missionctl(passed["PATH"])}


def _with_missionctl(path: str) -> str:
    """PATH with the place of our command at its end, where it stands beside our Python: agents report by it."""
    own = os.path.dirname(sys.executable)
    if own in path.split(os.pathsep) or not os.path.exists(os.path.join(own, "missionctl")):
        return path
    return f"{path}{os.pathsep}{own}"


def inheritable_by_runner(ours: Mapping[str, str], settings: Settings) -> dict[str, dict[str, str]]:
    """What attempts of each runner may have besides, such as the key of its vendor and of nobody else."""
    runners = [runner for name in names(settings) if (runner := find(name, settings))]
    return {runner.name: {name: ours[name] for name in runner.passes if name in ours} for runner in runners}


def environment_of(execution: Execution, home: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of an attempt's processes: what it inherits and who it is."""
    name, _, value = mark(home, execution.name).partition("=")
    return {
        **inherited,
        "MISSIONCTL_HOME": home,
        "MISSIONCTL_TASK": execution.task_name,
        "MISSIONCTL_ATTEMPT": execution.name,
        "MISSIONCTL_AGENT": execution.agent,
        "MISSIONCTL_KEY": execution.key,
        name: value,
    }
