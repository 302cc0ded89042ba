"""Where an agent's program lives: a HOME of its own, and the workspace it works in.

An attempt that goes on with the session of another goes on in its folders, because programs find their sessions by
them, and because what was said of files in there stays true. Its own `state` and `workspace` become links to those.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mission_control.domain.attempt import Attempt
from mission_control.execution.driving.program import About
from mission_control.folder import Folder, make_private_directory

STATE = "state"
WORKSPACE = "workspace"
_RUNNER = ".missionctl-runner"  # in the state: which runner's it is


@dataclass(frozen=True)
class Place:
    """Folders of a program, and the attempt whose session is there to go on with."""

    state: Path
    workspace: Path
    going_on_from: Attempt | None = None


def settle(own: Attempt, tried: Sequence[Attempt], *, runner: str, about: About, folder: Folder, user: Path) -> Place:
    """The place of the attempt `own`. `tried` are all of its task, `user` is the home of whoever runs the mission."""
    attempt_folder = folder.attempt(own.task_id, own.number)
    before = _latest(own, tried) if about.capabilities.resume else None
    if before is not None:
        there = folder.attempt(before.task_id, before.number)
        if _is_of(there / STATE, runner) and (there / WORKSPACE).is_dir():
            _move_in(attempt_folder, there)
            return Place((there / STATE).resolve(), (there / WORKSPACE).resolve(), before)
    state = attempt_folder / STATE
    make_private_directory(state)
    (state / _RUNNER).write_text(runner, encoding="utf-8")
    furnish(state, about, user)
    return Place(state, attempt_folder / WORKSPACE)


def _latest(own: Attempt, tried: Sequence[Attempt]) -> Attempt | None:
    """The attempt right before by the same agent on this machine, when it had a session.

    Only that one: where going on with a session failed before it began, the next attempt starts afresh.
    """
    earlier = [attempt for attempt in tried if attempt.number < own.number and attempt.agent == own.agent]
    last = max(earlier, key=lambda attempt: attempt.number, default=None)
    return last if last is not None and last.session and last.host == own.host else None


def _is_of(state: Path, runner: str) -> bool:
    try:
        return (state / _RUNNER).read_text(encoding="utf-8") == runner
    except OSError:
        return False


def _move_in(attempt_folder: Path, there: Path) -> None:
    os.rmdir(attempt_folder / WORKSPACE)  # the executor has made it, and nobody was there before us
    for name in (WORKSPACE, STATE):
        os.symlink(os.path.relpath((there / name).resolve(), attempt_folder), attempt_folder / name)


def furnish(state: Path, about: About, user: Path) -> None:
    """Let the program find how its user signed in, and have settings of its own to write into."""
    for name in about.credentials:
        if (user / name).is_file():
            make_private_directory((state / name).parent)
            os.symlink(user / name, state / name)  # a token that is renewed is renewed for all
    for name in about.settings:
        if (user / name).is_file():
            make_private_directory((state / name).parent)
            shutil.copyfile(user / name, state / name)
            os.chmod(state / name, 0o600)
