"""Memory of one executor with many at work: its proportional share (PSS), as the kernel counts it.

Beside it the least that this design can weigh: as many forks of a bare Python that only wait for a child.
With `--executors 512` it asks what a large machine asks.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from comparison import arguments, print_table, save, times
from mission import Mission, environment, scratch

from mission_control.app import open_mission
from mission_control.domain.attempt import Attempt

LEFT = "executor, after its heartbeat has ended"
ATTENDED = "executor, while its heartbeat waits"
THROUGH_UP = "executor, while the dispatcher is up"
BARE = "fork of a bare Python"
LEAVES = ("heartbeat", "ada")  # the words of what ends before its executors do
TARGET_MB = 2.0
PATIENCE_SECONDS = 120.0

# Prints the pids of its forks, then waits for the end of its input.
FORKS = """
import os, sys
for _ in range(int(sys.argv[1])):
    pid = os.fork()
    if pid == 0:
        child = os.posix_spawn("/bin/sleep", ["sleep", "600"], {})
        os.waitpid(child, 0)
        os._exit(0)
    print(pid, flush=True)
sys.stdin.read()
"""


def main() -> None:
    options = arguments(__doc__, executors=64)
    count = options.executors
    with scratch() as folder:
        found = {
            BARE: bare_shares(count),
            LEFT: our_shares(folder / "left", count, *LEAVES),
            ATTENDED: our_shares(folder / "attended", count, "heartbeat", "ada", "--wait"),
            THROUGH_UP: our_shares(folder / "up", count, "up"),
        }
    show(found, count)
    save("memory", megabytes=found)


def bare_shares(count: int) -> list[float]:
    """PSS of each fork, in MB."""
    parent = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", FORKS, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    assert parent.stdout is not None
    try:
        pids = [int(parent.stdout.readline()) for _ in range(count)]
        _wait_until(lambda: all(children(pid) for pid in pids))
        return [share_megabytes(pid) for pid in pids]
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.communicate()


def our_shares(home: Path, count: int, *words: str) -> list[float]:
    """PSS of each executor that `missionctl WORDS` starts, in MB; the mission's one agent has so many slots."""
    mission = Mission(home)
    mission("agent", "add", "ada", "--slots", str(count))
    mission.add([{"title": "wait", "agents": ["ada"], "command": "exec sleep 600"}] * count)
    starter = mission.start(*words)
    opened = open_mission(str(home))
    try:
        _wait_until(lambda: len(_executors(opened.board.live())) == count)
        pids = _executors(opened.board.live())
        _wait_until(lambda: all(children(pid) for pid in pids))
        if words == LEAVES:
            starter.wait()
        return [share_megabytes(pid) for pid in pids]
    finally:
        for attempt in opened.board.live():
            opened.board.cancel(attempt.task_id, actor="bench")
            opened.tell(attempt)
        _wait_until(lambda: not opened.board.live())
        opened.close()
        if words == ("up",):
            mission("down")
        starter.wait()


def _executors(live: Sequence[Attempt]) -> list[int]:
    return [attempt.executor.pid for attempt in live if attempt.executor is not None]


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def share_megabytes(pid: int) -> float:
    """The process's pages, each divided by how many processes share it."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1_000_000
    raise RuntimeError(f"The kernel does not say what process {pid} shares.")


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("The programs did not start or end in time.")
        time.sleep(0.05)


def show(found: Mapping[str, list[float]], count: int) -> None:
    least = statistics.median(found[BARE])
    rows = [
        (name, f"{statistics.median(shares):.2f}", f"{max(shares):.2f}", times(statistics.median(shares) / least))
        for name, shares in found.items()
    ]
    print_table(f"{count} at work, MB each (PSS)", ("process", "median", "largest", "beside the fork"), rows)
    for name in (LEFT, ATTENDED, THROUGH_UP):
        median = statistics.median(found[name])
        verdict = "reached" if median <= TARGET_MB else "MISSED"
        print(f"{verdict}: {median:.2f} MB for an {name}, at most {TARGET_MB:g} MB wanted")


if __name__ == "__main__":
    main()
