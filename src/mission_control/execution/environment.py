"""What an attempt finds in its environment: an allow-list, never everything we were started with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mission_control.execution.execution import Execution, mark

ALLOWED = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL", "SSH_AUTH_SOCK", "TMPDIR", "TZ", "USER")
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


def environment_of(execution: Execution, home: str, ours: Mapping[str, str], also: Iterable[str]) -> dict[str, str]:
    """The environment of the attempt's processes. `ours` is this process's, `also` the names passed on request."""
    names = {*ALLOWED, *also, *(name for name in ours if name.startswith("LC_"))}
    passed = {name: ours[name] for name in names if name in ours}
    passed.setdefault("PATH", DEFAULT_PATH)
    name, _, value = mark(home, execution.name).partition("=")
    return {
        **passed,
        "MISSIONCTL_HOME": home,
        "MISSIONCTL_TASK": execution.task_name,
        "MISSIONCTL_ATTEMPT": execution.name,
        "MISSIONCTL_AGENT": execution.agent,
        name: value,
    }
