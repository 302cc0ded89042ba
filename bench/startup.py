"""What short commands cost as whole processes, beside `python -c pass` of the same interpreter.

Processor time is what a busy machine pays and what can be compared; wall time is what a person waits.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial

from comparison import Rounds, arguments, print_table, save, take_turns, times
from mission import Mission, environment, scratch

PASS = "python -c pass"
TARGETS = {"heartbeat, nothing to do": 8.0, "task list --json, 20 tasks": 10.0, "task add": 10.0}  # processor time
WARMING_RUNS = 3  # compile what has changed, and bring all files into memory


def main() -> None:
    options = arguments(__doc__, rounds=30)
    with scratch() as folder:
        idle, listed, growing = (Mission(folder / name) for name in ("idle", "listed", "growing"))
        for mission in (idle, listed, growing):
            mission("agent", "add", "ada")
        listed.add({"title": f"Task {number}", "agents": ["ada"], "command": "true"} for number in range(20))
        commands = {
            PASS: [sys.executable, "-c", "pass"],
            "heartbeat, nothing to do": idle.arguments("heartbeat", "ada"),
            "task list --json, 20 tasks": listed.arguments("task", "list", "--json"),
            "task add": growing.arguments("task", "add", "One more", "--to", "ada", "--command", "true"),
            "version": idle.arguments("version"),
        }
        for argv in commands.values():
            for _ in range(WARMING_RUNS):
                _cost(argv)
        walls: dict[str, list[float]] = {name: [] for name in commands}
        ways = {name: partial(_processor_milliseconds, argv, walls[name]) for name, argv in commands.items()}
        rounds = take_turns(ways, options.rounds)
    show(rounds, Rounds(walls))
    save("startup", processor_ms=rounds.values, wall_ms=walls, loads=rounds.loads)


def _processor_milliseconds(argv: Sequence[str], walls: list[float]) -> float:
    processor, wall = _cost(argv)
    walls.append(wall)
    return processor


def _cost(argv: Sequence[str]) -> tuple[float, float]:
    """Processor and wall time of one process and what it waited for, in milliseconds."""
    since = time.perf_counter()
    process = subprocess.Popen(
        argv, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - since
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.stderr is not None
    with process.stderr as errors:
        if process.returncode != 0:
            raise RuntimeError(f"{argv} ended {process.returncode}: {errors.read().decode()}")
    return (usage.ru_utime + usage.ru_stime) * 1000, wall * 1000


def show(processor: Rounds, wall: Rounds) -> None:
    rows = []
    for name in processor.values:
        ratio, limit = processor.ratio(name, PASS), TARGETS.get(name)
        verdict = "" if limit is None else f"at most {limit:g} x: {'reached' if ratio <= limit else 'MISSED'}"
        rows.append(
            (
                name,
                f"{processor.median(name):.1f}",
                times(ratio),
                f"{wall.median(name):.1f}",
                times(wall.ratio(name, PASS)),
                verdict,
            )
        )
    header = ("process", "processor ms", "beside pass", "wall ms", "beside pass", "target")
    print_table(f"Whole processes, {len(processor.loads)} rounds in turns", header, rows)


if __name__ == "__main__":
    main()
