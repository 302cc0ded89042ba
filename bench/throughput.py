"""Tasks per second: /bin/true, several at once, through `missionctl up` and through one waiting heartbeat; beside a
bare loop and other queues.

Everything is queued first and every slot is held at a gate; the time runs from the opening of the gate to the end of
the last task, so that neither anybody's start-up nor the adding counts.
"""

from __future__ import annotations

import itertools
import json
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from comparison import Measure, Rounds, arguments, print_table, save, take_turns, times
from gate import Gate
from mission import Mission, scratch
from peers.installing import Missing
from peers.peer import Peer
from peers.python_queues import PYTHON_QUEUES
from peers.task_spooler import TASK_SPOOLER
from spawning import TRUE, spawn_rate

from mission_control.app import open_mission
from mission_control.domain.task import Status

OURS = "Mission Control, up"
ONE_SHOT = "Mission Control, heartbeat --wait"
BARE = "bare posix_spawn + wait"
SHELL = "the same through sh -c"
PEERS = (*PYTHON_QUEUES, TASK_SPOOLER)
KEPT = {
    BARE: "nothing",
    SHELL: "nothing",
    OURS: "every step in SQLite (FULL), exit file; tree ended; an executor outlives us",
    ONE_SHOT: "the same",
}
BARE_TASKS = 4  # times as many for the bare loops, which would be over too soon to meet the same load as the others
# What we are to reach, as a multiple of each.
TARGETS = {
    OURS: {BARE: 0.2, **{peer.name: 1.0 for peer in PEERS}},
    ONE_SHOT: {BARE: 0.15, "RQ": 3.0},
}
PATIENCE_SECONDS = 300.0


def main() -> None:
    options = arguments(__doc__, "without-peers", tasks=500, rounds=5, slots=8)
    size = {"tasks": options.tasks, "slots": options.slots}
    peers, missing = ([], {}) if options.without_peers else prepare(PEERS)
    with scratch() as folder:
        places = (folder / str(number) for number in itertools.count(1))
        longer = size | {"tasks": options.tasks * BARE_TASKS}
        ways: dict[str, Measure] = {
            BARE: partial(spawn_rate, [TRUE], **longer),
            SHELL: partial(spawn_rate, ["/bin/sh", "-c", "--", TRUE], **longer),
            OURS: lambda: our_rate(next(places), "up", "--no-web", **size),
            ONE_SHOT: lambda: our_rate(next(places), "heartbeat", "ada", "--wait", **size),
            **{peer.name: partial(_in_next, places, peer, **size) for peer in peers},
        }
        rounds = take_turns(ways, options.rounds)
    show(rounds, KEPT | {peer.name: peer.guarantees for peer in peers}, missing, **size)


def prepare(peers: Iterable[Peer]) -> tuple[list[Peer], dict[str, str]]:
    """Those that can be had here, installed; and for each of the others why not."""
    found, missing = [], {}
    for peer in peers:
        try:
            peer.prepare()
            found.append(peer)
        except Missing as reason:
            missing[peer.name] = str(reason)
    return found, missing


def _in_next(places: Iterable[Path], peer: Peer, *, tasks: int, slots: int) -> float:
    place = next(iter(places))
    place.mkdir()
    return peer.rate(place, tasks=tasks, slots=slots)


def our_rate(home: Path, *words: str, tasks: int, slots: int) -> float:
    """Tasks per second of `missionctl WORDS`, until the end of the last one is recorded."""
    mission = Mission(home)
    mission("agent", "add", "ada", "--slots", str(slots))
    gate = Gate(home / "gate")
    commands = [shlex.join(gate.command)] * slots + [TRUE] * tasks
    mission.add({"title": "measured", "agents": ["ada"], "command": command} for command in commands)
    resident = mission.start(*words)
    gate.wait_for(slots)
    opened = gate.open()
    _wait_until_done(home, len(commands))
    if words[0] == "up":
        mission("down")
    resident.wait()
    return tasks / (max(_ends(mission, len(commands))) - opened)


def _wait_until_done(home: Path, expected: int) -> None:
    """Look at the board's counters now and then, which costs next to nothing."""
    board = open_mission(str(home))
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while board.views.status().tasks[Status.DONE] < expected:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Not all of {expected} tasks were done in time; see {home}")
            time.sleep(0.1)
    finally:
        board.close()


def _ends(mission: Mission, expected: int) -> list[float]:
    """When the attempts ended; all tasks must have been done at the first."""
    listed = json.loads(mission("task", "list", "--status", "done", "--attempts", "--limit", str(expected), "--json"))
    ended = [attempt["ended_at"] for task in listed for attempt in task["attempts"]]
    if len(ended) != expected:
        raise RuntimeError(f"{len(ended)} of {expected} tasks were done at their first attempt; see {mission.home}")
    return [datetime.fromisoformat(moment).timestamp() for moment in ended]


def show(rounds: Rounds, kept: Mapping[str, str], missing: Mapping[str, str], *, tasks: int, slots: int) -> None:
    names = sorted(rounds.values, key=rounds.median, reverse=True)
    rows: list[Sequence[object]] = [
        (name, f"{rounds.median(name):,.0f}", times(rounds.ratio(name, BARE)), _ours_beside(rounds, name), kept[name])
        for name in names
    ]
    rows.extend((name, "missing", "", "", reason) for name, reason in missing.items())
    print_table(
        f"{tasks} x {TRUE}, {slots} at once, {len(rounds.loads)} rounds in turns",
        ("way", "tasks/s", "beside bare", "ours beside it", "what it keeps"),
        rows,
    )
    for ours, targets in TARGETS.items():
        for name in targets.keys() & rounds.values.keys():
            reached, least = rounds.ratio(ours, name), targets[name]
            verdict = "reached" if reached >= least else "MISSED"
            print(f"{verdict}: {ours} {times(reached)} {name}, at least {least:g} x wanted")
    save(f"throughput-{slots}", tasks=tasks, slots=slots, rates=rounds.values, loads=rounds.loads, missing=missing)


def _ours_beside(rounds: Rounds, name: str) -> str:
    return "" if name == OURS else times(rounds.ratio(OURS, name))


if __name__ == "__main__":
    main()
