"""Updates lost by a board that is one JSON file, read and written whole, under several writers; beside ours.

The old board worked like this: read the file, change one task, write the file. The imitation below does nothing else,
and replaces the file at once (written aside, renamed), so that nobody ever reads half a file.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

from comparison import arguments, print_table, save
from mission import Mission, scratch

from mission_control.app import open_mission
from mission_control.domain.task import Status

FILE = "one JSON file, read and written whole"
OURS = "Mission Control"

Write = Callable[[Path, int, int], None]  # (where, first task, how many)


def main() -> None:
    options = arguments(__doc__, tasks=10_000, writers=4, imitated=400)
    # The imitation's cost grows with the square of the tasks, so it gets fewer.
    with scratch() as folder:
        old = folder / "board.json"
        imitated = options.imitated // options.writers
        ours = options.tasks // options.writers
        seconds = {FILE: written(edit_file, _seeded(old, imitated * options.writers), options.writers, imitated)}
        mission = Mission(folder / "mission")
        mission.add({"title": "seed"} for _ in range(ours * options.writers))
        seconds[OURS] = written(edit_board, mission.home, options.writers, ours)
        updates = {FILE: imitated * options.writers, OURS: ours * options.writers}
        kept = {FILE: _marked_in_file(old), OURS: _marked_on_board(mission.home)}
    lost = {name: updates[name] - kept[name] for name in updates}
    print_table(
        f"{options.writers} writers, each marks its own tasks, one after the other",
        ("board", "updates", "lost", "updates/s"),
        [
            (
                name,
                f"{updates[name]:,}",
                f"{lost[name]:,} ({lost[name] / updates[name]:.0%})",
                f"{updates[name] / seconds[name]:,.0f}",
            )
            for name in updates
        ],
    )
    print(f"{'reached' if lost[OURS] == 0 else 'MISSED'}: {lost[OURS]} updates lost by ours, 0 wanted")
    save("seed", updates=updates, lost=lost, seconds=seconds)


def written(write: Write, place: Path, writers: int, each: int) -> float:
    """Seconds that so many processes took to mark `each` tasks."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=write, args=(place, number * each, each)) for number in range(writers)]
    since = time.perf_counter()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode != 0:
            raise RuntimeError(f"A writer ended {process.exitcode}.")
    return time.perf_counter() - since


def _seeded(path: Path, tasks: int) -> Path:
    path.write_text(json.dumps([{"title": "seed", "status": "inbox"} for _ in range(tasks)]))
    return path


def edit_file(path: Path, first: int, count: int) -> None:
    """Mark tasks as the old board did."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    for number in range(first, first + count):
        tasks = json.loads(path.read_text())
        tasks[number]["status"] = "cancelled"
        aside.write_text(json.dumps(tasks))
        aside.rename(path)


def edit_board(home: Path, first: int, count: int) -> None:
    """Mark tasks on our board, each in a transaction that is on disk before the next."""
    mission = open_mission(str(home))
    for number in range(first, first + count):
        mission.board.cancel(number + 1, actor="bench")
    mission.close()


def _marked_in_file(path: Path) -> int:
    return sum(task["status"] == "cancelled" for task in json.loads(path.read_text()))


def _marked_on_board(home: Path) -> int:
    mission = open_mission(str(home))
    cancelled = mission.views.status().tasks[Status.CANCELLED]
    mission.close()
    return cancelled


if __name__ == "__main__":
    main()
