"""From `task add` to the start of the process, with free slots: through a waiting heartbeat and through `up`.

The started process writes its own clock. Beside it: the same program started directly by Popen. Through the board in
this process, which is what adding costs inside a program; and through the command, whose own start counts.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from comparison import arguments, percentile, print_table, save, take_turns, times
from gate import Gate
from mission import Mission, environment, scratch

from mission_control.app import open_mission
from mission_control.domain.draft import NewTask
from mission_control.interfaces.mission import Mission as OpenMission

PROBE = "date +%s%N"  # nanoseconds of the wall clock, when it has started
POPEN = "Popen of the same program"
BOARD = "board.add, in process; heartbeat --wait"
COMMAND = "missionctl task add; heartbeat --wait"
RESIDENT = "board.add, in process; up"
TARGETS_MILLISECONDS = {0.5: 10.0, 0.99: 50.0}  # of RESIDENT
LOOK_SECONDS = 0.002
PATIENCE_SECONDS = 60.0


def main() -> None:
    options = arguments(__doc__, samples=150, slots=4)
    with scratch() as folder:
        mission = Mission(folder / "mission")
        mission("agent", "add", "ada", "--slots", str(options.slots + 1))
        gate = Gate(folder / "gate")
        # A heartbeat waits for as long as something is live: one task stands before the gate to the end.
        mission.add([{"title": "hold", "agents": ["ada"], "command": " ".join(gate.command)}])
        heartbeat = mission.start("heartbeat", "ada", "--wait")
        gate.wait_for(1)
        opened = open_mission(str(mission.home))
        with resident(folder / "resident") as upheld:
            ways = {
                POPEN: popen_delay,
                BOARD: lambda: board_delay(opened),
                COMMAND: lambda: command_delay(mission),
                RESIDENT: lambda: board_delay(upheld),
            }
            rounds = take_turns(ways, options.samples)
        opened.close()
        gate.open()
        heartbeat.wait()
    show(rounds.values)
    save("latency", milliseconds=rounds.values, loads=rounds.loads)


@contextmanager
def resident(home: Path) -> Iterator[OpenMission]:
    """Another mission, whose one agent is looked after by `up`."""
    mission = Mission(home)
    mission("agent", "add", "ada")
    mission("up", "--detach", "--no-web")
    opened = open_mission(str(home))
    try:
        yield opened
    finally:
        opened.close()
        mission("down")


def popen_delay() -> float:
    """Milliseconds until a program that was started directly says that it runs."""
    since = time.time_ns()
    done = subprocess.run(["/bin/sh", "-c", "--", PROBE], env=environment(), capture_output=True, check=True)
    return (int(done.stdout) - since) / 1_000_000


def board_delay(opened: OpenMission) -> float:
    """Milliseconds from adding a task in this process until its program runs."""
    since = time.time_ns()
    task, _ = opened.board.add(NewTask("probe", agents=["ada"], command=PROBE), actor="bench")
    opened.ring()
    return (_started(opened.folder.attempt(task.id, 1)) - since) / 1_000_000


def command_delay(mission: Mission) -> float:
    """Milliseconds from the start of the command until the task's program runs."""
    since = time.time_ns()
    answer = json.loads(mission("task", "add", "probe", "--to", "ada", "--command", PROBE, "--json"))
    return (_started(mission.home / "runs" / answer["id"] / "1") - since) / 1_000_000


def _started(attempt: Path) -> int:
    """What the program of an attempt said, once the attempt has ended, so that nothing of it disturbs the next."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (attempt / "exit.json").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Nothing was started in {attempt}.")
        time.sleep(LOOK_SECONDS)
    return int((attempt / "output.log").read_text())


def show(delays: Mapping[str, list[float]]) -> None:
    least = percentile(delays[POPEN], 0.5)
    rows = [
        (name, f"{percentile(found, 0.5):.1f}", f"{percentile(found, 0.99):.1f}", times(percentile(found, 0.5) / least))
        for name, found in delays.items()
    ]
    print_table(
        f"Milliseconds until the program runs, {len(delays[POPEN])} samples in turns",
        ("way", "p50", "p99", "p50 beside Popen"),
        rows,
    )
    for share, wanted in TARGETS_MILLISECONDS.items():
        found = percentile(delays[RESIDENT], share)
        verdict = "reached" if found <= wanted else "MISSED"
        print(f"{verdict}: {found:.1f} ms through up at p{share * 100:g}, at most {wanted:g} ms wanted")


if __name__ == "__main__":
    main()
