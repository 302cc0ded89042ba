"""A heartbeat that is killed at one step: `python stricken.py ROLE MODULE:NAME before|after NTH HOME`.

ROLE says whose calls count: those of the `heartbeat` process, of the `launcher` process or of its `executor`s. The
first process that makes the NTH call of the named function gets SIGKILL right before the call or right after it, and
leaves a file `struck` in the mission's folder.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from mission_control.app import open_mission
from mission_control.execution.launchers import forking, local


def strike(target: str, when: str, nth: int, home: Path, counts: Callable[[], bool]) -> None:
    """Let the nth call of `target` be the last that its process makes; a call counts when `counts` says so."""
    module_name, _, name = target.partition(":")
    *owners, name = name.split(".")
    owner: Any = functools.reduce(getattr, owners, importlib.import_module(module_name))
    setattr(owner, name, _stricken(getattr(owner, name), when, nth, home, counts))


def _stricken(
    function: Callable[..., Any], when: str, nth: int, home: Path, counts: Callable[[], bool]
) -> Callable[..., Any]:
    calls = count(1)

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        is_last = counts() and next(calls) == nth and not (home / "struck").exists()
        if is_last and when == "before":
            _die(home)
        answer = function(*arguments, **named)
        if is_last:
            _die(home)
        return answer

    return call


def _die(home: Path) -> None:
    (home / "struck").touch()
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    role, target, when, nth, home = sys.argv[1:6]
    ours = os.getpid()
    if "forked" in sys.argv:
        strike(target, when, int(nth), Path(home), lambda: (os.getpid() == ours) is (role == "launcher"))
        forking.main()
    if role == "heartbeat":
        strike(target, when, int(nth), Path(home), lambda: True)
    else:
        local._PROCESS = ("-P", __file__, *sys.argv[1:6], "forked")  # type: ignore[assignment]  # longer than ours
    open_mission(home).heartbeat(["ada"], wait=True)


if __name__ == "__main__":
    main()
