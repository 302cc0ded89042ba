"""Three terminals give heartbeats in loops while heartbeats, launchers and executors are killed at random."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

import pytest

from mission_control.domain.task import Status
from mission_control.execution import process
from mission_control.store import tasks
from support.command import COMMAND
from support.database import ask
from support.real_mission import RealMission
from support.testimony import check_testimony, witness

AGENTS = ("ada", "bob", "cyd")
TERMINALS = (("heartbeat", "--all"), ("heartbeat", "--all"), ("heartbeat", "--all", "--wait"))
SHARES = {"heartbeat": 2, "launcher": 1, "executor": 8}  # of the kills aimed at each kind
KILLS_A_SECOND = 10
MOST_SECONDS = 500  # far more than it takes; a machine may be busy
needs_proc = pytest.mark.skipif(not process.HAS_PROC, reason="whom to kill is found by /proc")


class Chaos:
    """Terminals that start anew whatever ends, and somebody who kills what they started."""

    def __init__(self, mission: RealMission, seed: int) -> None:
        self._mission = mission
        self._random = random.Random(seed)
        self._home = f"HOME={mission.home.parent}".encode()
        self.complaints = mission.home / "complaints"
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.killed: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()

    def keep_terminals_busy(self) -> None:
        for number, arguments in enumerate(TERMINALS):
            running = self._running.get(number)
            if running is None or running.poll() is not None:
                if running is not None:
                    self.codes[running.returncode] += 1
                self._running[number] = self._start(arguments)

    def _start(self, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
        with self.complaints.open("ab") as complaints:
            return subprocess.Popen(
                [COMMAND, *arguments],
                cwd=self._mission.home,
                env=self._mission.command._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
            )

    def kill_somebody(self) -> None:
        """SIGKILL for one process of a kind drawn by lot; for nobody when none of that kind is alive now."""
        (wanted,) = self._random.choices([*SHARES], [*SHARES.values()])
        victims = [entry for entry in process.table().values() if self._role(entry) == wanted]
        if victims:
            self.killed[wanted] += process.send([self._random.choice(victims)], signal.SIGKILL)

    def _role(self, entry: process.Process) -> str | None:
        terminals = {running.pid for running in self._running.values()}
        if entry.pid in terminals:
            return "heartbeat"
        words = process._environment(entry.pid)
        if self._home not in words or any(word.startswith(b"MISSIONCTL_MARK=") for word in words):
            return None
        return "launcher" if entry.parent in terminals else "executor"

    def end(self) -> None:
        for running in self._running.values():
            running.wait(timeout=60)
            self.codes[running.returncode] += 1


def survive(mission: RealMission, count: int, *, kills: int) -> None:
    """Bring so many tasks to their end while so many kills fall, and check what became of them."""
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))
    sys.stdout.write(f"To repeat: CHAOS_SEED={seed}\n")
    with mission.board.together():
        for number in range(count):
            mission.add(witness(), to=AGENTS[number % 3], max_attempts=4)
    chaos = Chaos(mission, seed)
    end = time.monotonic() + MOST_SECONDS
    while is_open(mission):
        assert time.monotonic() < end, f"{tasks.counts(mission.opened.store)} {chaos.killed} {chaos.codes}"
        chaos.keep_terminals_busy()
        if chaos.killed.total() < kills:
            chaos.kill_somebody()
        time.sleep(1 / KILLS_A_SECOND)  # the pace of the kills; nothing is waited for
    chaos.end()
    outcomes = ask(mission.opened.store, "SELECT outcome, count(*) AS attempts FROM attempt GROUP BY outcome")
    sys.stdout.write(f"{chaos.killed}, exit codes {chaos.codes}, {outcomes}\n")
    counts = tasks.counts(mission.opened.store)
    assert counts[Status.DONE] + counts[Status.BLOCKED] == count
    assert all(chaos.killed[role] for role in ("heartbeat", "executor")), chaos.killed
    assert set(chaos.codes) <= {0, 5, -signal.SIGKILL}, chaos.complaints.read_text()
    check_testimony(mission)


def is_open(mission: RealMission) -> bool:
    counts = tasks.counts(mission.opened.store)
    return bool(counts[Status.INBOX] or counts[Status.IN_PROGRESS])


@needs_proc
@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.timeout(MOST_SECONDS + 100)
def test_a_thousand_tasks_come_to_their_end_in_three_terminals_whoever_is_killed(mission: RealMission) -> None:
    survive(mission, 1_000, kills=100)


@needs_proc
@pytest.mark.slow
@pytest.mark.timeout(MOST_SECONDS + 100)
@pytest.mark.parametrize("address", ["postgres"], indirect=True)
def test_tasks_come_to_their_end_in_three_terminals_on_postgres(
    address: str, make_mission: Callable[..., RealMission]
) -> None:
    survive(make_mission(database=address), 60, kills=30)
