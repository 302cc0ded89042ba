"""A waiting heartbeat whose executors give up on it soon: `python impatient.py SECONDS HOME [stopped]`.

With `stopped` it is stopped as by SIGSTOP before it reads the first word of an executor.
"""

from __future__ import annotations

import os
import signal
import sys

from mission_control.app import open_mission
from mission_control.execution import recorder
from mission_control.execution.attended import Attended
from mission_control.execution.launchers import forking, local

_listen = Attended.listen


def _stop_and_listen(attended: Attended) -> None:
    setattr(Attended, "listen", _listen)  # noqa: B010  only once; mypy knows no methods that are replaced
    os.kill(os.getpid(), signal.SIGSTOP)
    _listen(attended)


def main() -> None:
    seconds, home = sys.argv[1:3]
    recorder.ANSWER_SECONDS = float(seconds)
    if "forked" in sys.argv:
        forking.main()
    local._PROCESS = ("-P", __file__, seconds, home, "forked")  # type: ignore[assignment]  # longer than ours
    if "stopped" in sys.argv:
        setattr(Attended, "listen", _stop_and_listen)  # noqa: B010
    open_mission(home).heartbeat(["ada"], wait=True)


if __name__ == "__main__":
    main()
