"""A waiting heartbeat whose executors give up on it soon: `python impatient.py SECONDS HOME`."""

from __future__ import annotations

import sys

from mission_control.app import open_mission
from mission_control.execution import recorder
from mission_control.execution.launchers import forking, local


def main() -> None:
    seconds, home = sys.argv[1:3]
    recorder.ANSWER_SECONDS = float(seconds)
    if "forked" in sys.argv:
        forking.main()
    local._PROCESS = ("-P", __file__, seconds, home, "forked")  # type: ignore[assignment]  # longer than ours
    open_mission(home).heartbeat(["ada"], wait=True)


if __name__ == "__main__":
    main()
