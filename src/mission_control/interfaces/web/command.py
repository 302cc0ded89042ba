"""What needs a process of its own is done by the command, with words of ours alone."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from mission_control.errors import Conflict, InvalidInput, MissionControlError, NotFound, Unavailable
from mission_control.interfaces.mission import Mission

PATIENCE_SECONDS = 120.0
_UNHEALTHY = 7  # an answer, not a refusal
_OF_CODE: dict[int, type[MissionControlError]] = {2: InvalidInput, 3: NotFound, 4: Conflict}


def run_command(mission: Mission, *words: str) -> Any:
    """The JSON that `missionctl WORDS --json` prints. Raises what its exit code means.

    The process ends by itself also when ours does; `words` that come from outside must not be options.
    """
    command = [sys.executable, "-P", "-m", "mission_control", "--home", str(mission.folder.home), "--json", *words]
    try:
        done = subprocess.run(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=PATIENCE_SECONDS,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"`missionctl {words[0]}` has not ended within {PATIENCE_SECONDS:g} s.") from None
    if done.returncode in (0, _UNHEALTHY):
        return json.loads(done.stdout)
    said = done.stderr.decode("utf-8", "replace").strip().removeprefix("missionctl: ")
    raise _OF_CODE.get(done.returncode, Unavailable)(said or f"`missionctl {words[0]}` ended {done.returncode}.")
