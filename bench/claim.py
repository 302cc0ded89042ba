"""Claiming a task, and an idle heartbeat, in a small and in a large mission: the size must not matter.

Nine of ten tasks are done, the others wait in the inboxes of 100 agents. Each claim is a whole transaction on disk
(synchronous=FULL); the claimed task is given back outside the measured time.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from comparison import arguments, percentile, print_table, save, say, times
from mission import scratch

from mission_control.app import create_mission
from mission_control.domain.attempt import Ending, Outcome, ProcessIdentity
from mission_control.interfaces.mission import Mission
from mission_control.squad import NewAgent

AGENTS = 100
IDLE = "idle"  # an agent without tasks
SMALL = 1_000
WARMING_ROUNDS = 100
TARGET = 2.0  # p99 of the large one beside that of the small one, at most
US = ProcessIdentity(os.getpid(), started="0", boot="bench")


@dataclass
class Board:
    """One mission and what was measured there, in milliseconds."""

    mission: Mission
    tasks: int
    claims: list[float] = field(default_factory=list)
    heartbeats: list[float] = field(default_factory=list)

    def measure(self, agent: str) -> None:
        """One claim and one idle heartbeat."""
        since = time.perf_counter()
        (claim,) = self.mission.board.claim(agent, claimer=US, most=1)
        self.claims.append((time.perf_counter() - since) * 1000)
        self.mission.board.finish(claim.lease, Ending(Outcome.RELEASED))
        since = time.perf_counter()
        self.mission.heartbeat([IDLE])
        self.heartbeats.append((time.perf_counter() - since) * 1000)

    def forget(self) -> None:
        """What was measured so far was only to warm up."""
        self.claims.clear()
        self.heartbeats.clear()


def main() -> None:
    options = arguments(__doc__, tasks=1_000_000, rounds=2_000)
    with scratch() as folder:
        boards = [
            Board(filled(folder / name, size), size) for name, size in (("small", SMALL), ("large", options.tasks))
        ]
        for number in range(WARMING_ROUNDS + options.rounds):
            for board in boards if number % 2 else reversed(boards):
                if number == WARMING_ROUNDS:
                    board.forget()
                board.measure(_agent(number % AGENTS))
        for board in boards:
            board.mission.close()
    show(*boards)


def _agent(number: int) -> str:
    return f"agent-{number}"


def filled(home: Path, size: int) -> Mission:
    """A mission with so many tasks; each that is done has its attempt and its line of history."""
    say(f"filling a mission with {size:,} tasks …")
    mission = create_mission(home)
    for name in (IDLE, *(_agent(number) for number in range(AGENTS))):
        mission.squad.add(NewAgent(name=name), actor="bench")
    with mission.board.together():
        mission.store.script(FILL.format(size=size, agents=AGENTS))
    mission.store.script("PRAGMA wal_checkpoint(TRUNCATE)")
    return mission


# Every tenth task waits. Triggers keep the counts per status and the agents' queues, as in life.
FILL = """
CREATE TEMP TABLE made AS
  WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {size})
  SELECT id, id % 10 = 0 AS waits, 'agent-' || (id / 10 % {agents}) AS agent,
         strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1767225600 + id, 'unixepoch') AS at
    FROM n;

INSERT INTO task (id, title, status, command, max_attempts, timeout_seconds, token, rank, created_at, updated_at)
SELECT id, 'Task ' || id, iif(waits, 'inbox', 'done'), 'true', 3, 1800, iif(waits, 0, id), id, at, at FROM made;

INSERT INTO assignment (task_id, agent, position) SELECT id, agent, 0 FROM made;

INSERT INTO attempt (task_id, number, token, agent, host, claimer_pid, claimer_started, claimer_boot, pid, pid_started,
                     pid_boot, claimed_at, started_at, lease_expires_at, ended_at, outcome, exit_code,
                     queue_wait_seconds, duration_seconds)
SELECT id, 1, id, agent, 'here', 1, '1', 'boot', 2, '2', 'boot', at, at, at, at, 'succeeded', 0, 1.0, 1.0
  FROM made WHERE NOT waits;

INSERT INTO activity (at, kind, task_id, attempt, agent, actor, from_status, to_status)
SELECT at, 'succeeded', id, 1, agent, agent, 'in_progress', 'done' FROM made WHERE NOT waits;

UPDATE counter SET value = {size};
DROP TABLE made;
"""


def show(small: Board, large: Board) -> None:
    rows = []
    for what, ours, theirs in (
        ("claim", small.claims, large.claims),
        ("idle heartbeat, in process", small.heartbeats, large.heartbeats),
    ):
        for share in (0.5, 0.99):
            a, b = percentile(ours, share), percentile(theirs, share)
            rows.append((f"{what}, p{share * 100:.0f}", f"{a:.2f}", f"{b:.2f}", times(b / a)))
    print_table(
        f"Milliseconds, {len(small.claims)} rounds in turns",
        ("what", f"{small.tasks:,} tasks", f"{large.tasks:,} tasks", "large beside small"),
        rows,
    )
    ratio = percentile(large.claims, 0.99) / percentile(small.claims, 0.99)
    print(f"{'reached' if ratio <= TARGET else 'MISSED'}: {times(ratio)} for the p99 of a claim, at most {TARGET:g} x")
    save(
        "claim",
        **{f"{board.tasks}": {"claims": board.claims, "heartbeats": board.heartbeats} for board in (small, large)},
    )


if __name__ == "__main__":
    main()
