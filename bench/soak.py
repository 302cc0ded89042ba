"""A mission at work for as long as you like, while whoever works in it is killed at random (`--chaos`).

`missionctl up` runs, `missionctl heartbeat --all` is given beside it as cron would, and tasks of every kind arrive:
quick, slow, failing, with children that leave their session, waiting for others, cancelled while they run. At the end
the kills stop, everything comes to rest, and the counts that matter are printed: tasks lost, tasks executed twice at
once, attempts started twice, processes left over. All must be 0.
"""

from __future__ import annotations

import json
import random
import shlex
import statistics
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from chaos import DISPATCHER, HEARTBEAT, Chaos, Residents
from comparison import arguments, print_table, save, say
from memory import share_megabytes
from mission import Mission, environment, scratch

from mission_control.app import open_mission
from mission_control.domain.draft import NewTask
from mission_control.errors import MissionControlError
from mission_control.interfaces.mission import Mission as OpenMission

WITNESS = Path(__file__).parents[1] / "tests" / "support" / "witness.py"
AGENTS = ("ada", "bob", "eve")
SETTINGS = "backoff_base_seconds = 0.5\nbackoff_cap_seconds = 2\ngrace_seconds = 1\nlease_seconds = 10\n"
TASKS_A_SECOND = 6
KILLS_A_SECOND = 2
MOST_OPEN = 60  # no more are added while so many are unfinished
REST_SECONDS = 240.0  # how long the end may take


def main() -> None:
    options = arguments(__doc__, "chaos", minutes=10.0, seed=random.randrange(1, 10**6), slots=6)
    say(f"To repeat the same kills: --seed {options.seed}")
    with scratch() as folder:
        mission = Mission(folder / "mission")
        (mission.home / "mission.toml").write_text(SETTINGS)
        for agent in AGENTS:
            mission("agent", "add", agent, "--slots", str(options.slots), "--schedule", "* * * * *")
        soak = Soak(mission, options.seed)
        soak.run(options.minutes * 60, chaos=options.chaos)
        found = soak.come_to_rest()
    show(found, soak)
    save("soak", minutes=options.minutes, chaos=options.chaos, seed=options.seed, found=found)
    sys.exit(any(found[count] for count in MUST_BE_ZERO))


MUST_BE_ZERO = ("lost", "executed twice at once", "attempts started twice", "unfinished", "left over processes")


class Soak:
    """One mission, its residents, who adds and who kills."""

    def __init__(self, mission: Mission, seed: int) -> None:
        self._mission = mission
        self._random = random.Random(seed)
        self._complaints = (mission.home / "complaints").open("ab")
        self._opened: OpenMission = open_mission(str(mission.home))
        self.residents = Residents(self._start, (DISPATCHER, HEARTBEAT))
        self.chaos = Chaos(mission.home, self.residents, seed)
        self.megabytes: list[float] = []
        self._added: list[int] = []

    def _start(self, kind: str) -> subprocess.Popen[bytes]:
        words = {DISPATCHER: ("up", "--no-web"), HEARTBEAT: ("heartbeat", "--all")}[kind]
        return subprocess.Popen(
            self._mission.arguments(*words),
            env=environment() | {"BENCH_MISSION": str(self._mission.home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
        )

    def run(self, seconds: float, *, chaos: bool) -> None:
        """Add tasks, and kill, for so long."""
        end = time.monotonic() + seconds
        since_added = since_killed = since_looked = 0.0
        while (now := time.monotonic()) < end:
            self.residents.look_after()
            if now - since_added > 1 / TASKS_A_SECOND:
                since_added = now
                self._add()
            if chaos and now - since_killed > 1 / KILLS_A_SECOND:
                since_killed = now
                self.chaos.strike()
            if now - since_looked > 5:
                since_looked = now
                self._measure()
            time.sleep(0.05)

    def _measure(self) -> None:
        try:
            self.megabytes.append(share_megabytes(self.residents.running[DISPATCHER].pid))
        except (OSError, RuntimeError):
            pass  # it was killed just now

    def _add(self) -> None:
        counts = self._opened.views.status().tasks
        if counts["inbox"] + counts["in_progress"] > MOST_OPEN:
            return
        after = self._random.sample(self._added[-20:], 1) if self._added and self._random.random() < 0.1 else []
        new = NewTask(
            title="soak",
            agents=(self._random.choice(AGENTS),),
            command=self._command(),
            after=tuple(after),
            max_attempts=4,
            timeout=timedelta(seconds=5),
        )
        task, _ = self._opened.board.add(new, actor="soak")
        self._added.append(task.id)
        self._opened.ring()
        if self._random.random() < 0.03:
            self._cancel(self._random.choice(self._added[-10:]))

    def _command(self) -> str:
        """Mostly short work; some fails, some leaves children behind, some runs into its time limit."""
        work = shlex.join([sys.executable, "-I", "-S", str(WITNESS), f"{self._random.expovariate(4):.2f}"])
        behind = "setsid sh -c 'trap \"\" TERM; sleep 300' & "
        return self._random.choices([work, f"{behind}{work}", f"{work}; exit 3", f"{work}; sleep 300"], [80, 10, 8, 2])[
            0
        ]

    def _cancel(self, task_id: int) -> None:
        try:
            self._opened.board.cancel(task_id, actor="soak")
        except MissionControlError:
            return  # it is finished
        for live in self._opened.views.status().live:
            if live.attempt.task_id == task_id:
                self._opened.tell(live.attempt)

    def come_to_rest(self) -> dict[str, int]:
        """Without kills and new tasks, wait until everything has ended; then count."""
        end = time.monotonic() + REST_SECONDS
        while self._unfinished() and time.monotonic() < end:
            self.residents.look_after()
            time.sleep(0.2)
        self._mission("down")
        for running in self.residents.running.values():
            running.wait()
        while self.chaos.left_over() and time.monotonic() < end:
            time.sleep(0.1)
        return self._count()

    def _unfinished(self) -> int:
        """Tasks that will still be executed; one that waits for a blocked or cancelled one never will."""
        counts = self._opened.views.status().tasks
        return counts["in_progress"] + counts["inbox"] - len(self._in_dead_ends())

    def _in_dead_ends(self) -> set[str]:
        """Tasks in the inbox that wait for what never will be done, or for one that itself does."""
        listed = json.loads(self._mission("task", "list", "--status", "inbox", "--limit", "1000", "--json"))
        dead: set[str] = set()
        for task in sorted(listed, key=lambda task: int(task["id"].removeprefix("T-"))):  # they wait for older ones
            for waited_for in task["waiting_for"]:
                name, *_ = waited_for.split()
                if name in dead or waited_for.endswith(("blocked", "cancelled")):
                    dead.add(task["id"])
        return dead

    def _count(self) -> dict[str, int]:
        listed = json.loads(self._mission("task", "list", "--all", "--limit", "1000000", "--attempts", "--json"))
        present = {task["id"] for task in listed}
        attempts = Counter(attempt["outcome"] for task in listed for attempt in task["attempts"])
        statuses = Counter(task["status"] for task in listed)
        noted = [line.split() for line in (self._mission.home / "testimony").read_text().splitlines()]
        started = Counter(attempt for word, attempt in noted if word == "START")
        return {
            "tasks added": len(self._added),
            **{f"tasks {status}": count for status, count in sorted(statuses.items())},
            **{f"attempts {outcome}": count for outcome, count in sorted(attempts.items(), key=str)},
            "lost": len({f"T-{number}" for number in self._added} - present),
            "executed twice at once": sum(word == "OVERLAP" for word, _ in noted),
            "attempts started twice": sum(count > 1 for count in started.values()),
            "unfinished": max(self._unfinished(), 0),
            "left over processes": len(self.chaos.left_over()),
        }


def show(found: dict[str, int], soak: Soak) -> None:
    kills = [(f"kill -9 of a {kind}", count) for kind, count in sorted(soak.chaos.killed.items())]
    counts = [(name, f"{count}{'  (must be 0)' if name in MUST_BE_ZERO else ''}") for name, count in found.items()]
    print_table("Soak", ("what", "count"), [*kills, *counts])
    if soak.megabytes:
        third = max(len(soak.megabytes) // 3, 1)
        first, last = statistics.median(soak.megabytes[:third]), statistics.median(soak.megabytes[-third:])
        print(f"The dispatcher weighs {first:.1f} MB in the first third and {last:.1f} MB in the last (PSS).")
    print("reached: all counts that must be 0 are" if not any(found[c] for c in MUST_BE_ZERO) else "MISSED")


if __name__ == "__main__":
    main()
