"""A process that races others for tasks: `python racer.py ADDRESS AGENT MOST`, started by the race tests.

Waits for a line on stdin, then claims up to MOST tasks at a time and finishes them, until nothing has been ready
for it and nothing is live. Prints one JSON list of the attempts it won.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mission_control.board import Board
from mission_control.clock import SystemClock
from mission_control.config import Config
from mission_control.domain.attempt import Ending, Outcome, ProcessIdentity
from mission_control.store import attempts
from mission_control.store.schema import open_store


def race(address: str, agent: str, most: int) -> list[tuple[int, int, int]]:
    """(task, attempt's number, token) of everything won."""
    store = open_store(address)
    config = Config(home=Path.cwd(), host="here", machine_slots=12)
    board = Board(store, SystemClock(), config, refuses=lambda _runner, _command: None)
    claimer = ProcessIdentity(pid=1, started="1", boot="1")
    won = []
    while True:
        claims = board.claim(agent, claimer=claimer, most=most)
        live = attempts.live(store)
        assert len(live) <= 12, live
        assert sum(attempt.agent == agent for attempt in live) <= 8, live
        with board.together():
            for claim in claims:
                board.finish(claim.lease, Ending(Outcome.SUCCEEDED, exit_code=0))
                won.append((claim.lease.task_id, claim.lease.number, claim.lease.token))
        if not claims and not live:
            return won


if __name__ == "__main__":
    sys.stdin.readline()
    json.dump(race(sys.argv[1], sys.argv[2], int(sys.argv[3])), sys.stdout)
