"""task-spooler: a small C program; its queue lives in the memory of one process."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from gate import Gate
from mission import environment
from spawning import TRUE

from peers.installing import find_program
from peers.peer import Peer


def _program() -> str:
    return find_program("tsp", "task-spooler")


def _rate(folder: Path, *, tasks: int, slots: int) -> float:
    around = environment() | {
        "TS_SOCKET": str(folder / "socket"),
        "TS_SLOTS": str(slots),
        "TMPDIR": str(folder),  # where it keeps outputs
        "TS_MAXCONN": str(tasks + slots + 100),
    }

    def spool(*words: str) -> str:
        done = subprocess.run(
            [_program(), *words], env=around, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout.strip()

    gate = Gate(folder / "gate")
    try:
        for _ in range(slots):
            spool(*gate.command)
        ids = [spool(TRUE) for _ in range(tasks)]
        # The last to start need not be the last to end, but the last is among as many as there are slots.
        waits = [[_program(), "-w", number] for number in ids[-slots:]]
        waiting = [subprocess.Popen(wait, env=around, stdout=subprocess.DEVNULL) for wait in waits]
        gate.wait_for(slots)
        opened = gate.open()
        for wait in waiting:
            wait.wait()
        return tasks / (time.time() - opened)
    finally:
        spool("-K")


TASK_SPOOLER = Peer("task-spooler", "queue and results in memory; processes forked when queued", _program, _rate)
