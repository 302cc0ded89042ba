"""What an attempt finds in its environment: an allow-list, never everything we were started with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mission_control.execution.execution import Execution, mark

ALLOWED = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL", "SSH_AUTH_SOCK", "TMPDIR", "TZ", "USER")
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


def inheritable(ours: Mapping[str, str], also: Iterable[str]) -> dict[str, str]:
    """What attempts may have of the environment `ours`; `also` are the names passed on request."""
    names = {*ALLOWED, *also, *(name for name in ours if name.startswith("LC_"))}
    return {"PATH": DEFAULT_PATH, **{name: ours[name] for name in names if name in ours}}


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
