"""What `missionctl up` costs while nothing happens: processor time and memory, with few agents and with many.

Each agent has a schedule and a task that waits for a person, so there is something to look at and nothing to do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from comparison import arguments, print_table, save
from memory import share_megabytes
from mission import Mission, scratch

from mission_control.app import open_mission
from mission_control.domain.draft import NewTask
from mission_control.squad import NewAgent

MOST_SHARE = 0.005  # of one core
MOST_MEGABYTES = 60.0
SETTLE_SECONDS = 3.0  # what starting costs is no part of it
Figures = Mapping[str, float]


def main() -> None:
    options = arguments(__doc__, seconds=60, agents=1_000)
    with scratch() as folder:
        found = {f"{count} agents": idle(folder / str(count), count, options.seconds) for count in (5, options.agents)}
    show(found, options.seconds)
    save("idle", seconds=options.seconds, figures=found)


def idle(home: Path, agents: int, seconds: float) -> Figures:
    """The share of one core and the memory (PSS), of `up` and of the launcher process that waits beside it."""
    mission = Mission(home)
    fill(home, agents)
    pid = int(mission("up", "--detach", "--no-web"))  # the pages are measured by web.py
    try:
        time.sleep(SETTLE_SECONDS)
        before, begin = processor_seconds(pid), time.monotonic()
        time.sleep(seconds)
        share = (processor_seconds(pid) - before) / (time.monotonic() - begin)
        launcher = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
        return {"share": share, "megabytes": share_megabytes(pid), "launcher_megabytes": share_megabytes(launcher)}
    finally:
        mission("down")


def fill(home: Path, agents: int) -> None:
    opened = open_mission(str(home))
    with opened.board.together():
        for number in range(agents):
            name = f"agent{number}"
            opened.squad.add(NewAgent(name), actor="bench")
            waiting, _ = opened.board.add(NewTask("first", agents=[name], command="true"), actor="bench")
            opened.board.cancel(waiting.id, actor="bench")
            opened.board.add(NewTask("then", agents=[name], command="true", after=[waiting.id]), actor="bench")
    opened.close()


def processor_seconds(pid: int) -> float:
    """User and system time of the process with all its threads, in ticks of the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(found: Mapping[str, Figures], seconds: float) -> None:
    rows = [
        (
            name,
            f"{figures['share']:.2%}",
            f"{figures['megabytes']:.1f}",
            f"{figures['launcher_megabytes']:.1f}",
        )
        for name, figures in found.items()
    ]
    header = ("squad", "of one core", "MB (PSS)", "launcher process, MB")
    print_table(f"missionctl up with nothing to do, {seconds} s", header, rows)
    wanted = f"less than {MOST_SHARE:.1%} of a core and at most {MOST_MEGABYTES:g} MB wanted"
    for name, figures in found.items():
        is_reached = figures["share"] < MOST_SHARE and figures["megabytes"] <= MOST_MEGABYTES
        verdict = "reached" if is_reached else "MISSED"
        print(f"{verdict}: {name}: {figures['share']:.2%} and {figures['megabytes']:.1f} MB, {wanted}")


if __name__ == "__main__":
    main()
