"""Memory of the dispatcher and of its launcher process over 100,000 tasks: /bin/true, through `missionctl up`.

Both are weighed each time another tenth of the tasks is done. What grows with every task would show: flat means that
the last tenth weighs hardly more than the second, before which caches and pools are still filling. Runs for minutes.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from comparison import arguments, print_table, save, say
from memory import children, share_megabytes
from mission import Mission, scratch
from spawning import TRUE

from mission_control.app import open_mission
from mission_control.domain.task import Status
from mission_control.interfaces.mission import Mission as OpenMission

STEPS = 10
MOST_QUEUED = 2_000  # so many are added at a time: what weighs here is work done, not a long queue
MOST_MEGABYTES = 60.0
MOST_GROWTH = 0.05  # from the second weighing to the last, as a share
PATIENCE_SECONDS = 600.0  # for one tenth


@dataclass(frozen=True)
class Weighing:
    """Megabytes (PSS) after so many tasks, and how fast the last ones were done."""

    done: int
    dispatcher: float
    launcher: float
    tasks_a_second: float


def main() -> None:
    options = arguments(__doc__, tasks=100_000, slots=16)
    with scratch() as folder:
        weighings = endure(folder / "mission", options.tasks, options.slots)
        show(weighings, options.slots)
        save("endurance", slots=options.slots, weighings=[vars(weighing) for weighing in weighings])


def endure(home: Path, tasks: int, slots: int) -> list[Weighing]:
    """Let so many tasks be executed, and weigh at every tenth."""
    mission = Mission(home)
    mission("agent", "add", "ada", "--slots", str(slots))
    pid = int(mission("up", "--detach"))
    opened = open_mission(str(home))
    try:
        return [_work(mission, opened, pid, done) for done in _tenths(tasks)]
    finally:
        opened.close()
        mission("down")


def _tenths(tasks: int) -> Iterable[tuple[int, int]]:
    """From how many to how many tasks each step goes."""
    ends = [tasks * step // STEPS for step in range(STEPS + 1)]
    return [(before, after) for before, after in itertools.pairwise(ends) if after > before]


def _work(mission: Mission, opened: OpenMission, pid: int, step: tuple[int, int]) -> Weighing:
    before, after = step
    began = time.monotonic()
    added = before
    while added < after:
        batch = min(MOST_QUEUED, after - added)
        mission.add([{"title": "endures", "agents": ["ada"], "command": TRUE}] * batch)
        added += batch
        _wait_until_done(opened, added, began)
    seconds = time.monotonic() - began
    say(f"{after:,} tasks are done")
    launcher = sum(share_megabytes(int(child)) for child in children(pid) if _is_launcher(child))
    return Weighing(after, share_megabytes(pid), launcher, (after - before) / seconds)


def _is_launcher(pid: str) -> bool:
    return b"mission_control.execution.launchers" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _wait_until_done(opened: OpenMission, expected: int, began: float) -> None:
    while opened.views.status().tasks[Status.DONE] < expected:
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise TimeoutError(f"Not all of {expected:,} tasks were done in time; see {opened.folder.home}")
        time.sleep(0.05)


def growth(weighings: Sequence[Weighing]) -> float:
    """Of the dispatcher, from the second weighing to the last, as a share."""
    settled = weighings[min(1, len(weighings) - 1)]
    return weighings[-1].dispatcher / settled.dispatcher - 1


def show(weighings: Sequence[Weighing], slots: int) -> None:
    rows = [(f"{w.done:,}", f"{w.dispatcher:.1f}", f"{w.launcher:.1f}", f"{w.tasks_a_second:,.0f}") for w in weighings]
    header = ("tasks done", "dispatcher MB", "launcher MB", "tasks/s")
    print_table(f"{weighings[-1].done:,} x {TRUE} through up, {slots} at once (PSS)", header, rows)
    largest, grown = max(w.dispatcher for w in weighings), growth(weighings)
    print(f"{_verdict(grown <= MOST_GROWTH)}: it grew by {grown:.1%} since the second weighing, at most 5 % wanted")
    print(f"{_verdict(largest <= MOST_MEGABYTES)}: {largest:.1f} MB at most, at most {MOST_MEGABYTES:g} MB wanted")


def _verdict(reached: bool) -> str:  # noqa: FBT001  it is what is told
    return "reached" if reached else "MISSED"


if __name__ == "__main__":
    main()
