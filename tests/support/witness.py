"""The program of tasks that may be killed at any moment: `python witness.py SECONDS`, started by their command.

Notes START and END of its attempt, and OVERLAP when another attempt at the task is alive: it holds a lock that the
system lets go of only when its last process is gone.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time

home, task, attempt = (os.environ[f"MISSIONCTL_{name}"] for name in ("HOME", "TASK", "ATTEMPT"))
lock = os.open(os.path.join(home, f"{task}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
os.set_inheritable(lock, True)
notes = os.open(os.path.join(home, "testimony"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def note(word: str) -> None:
    os.write(notes, f"{word} {attempt}\n".encode())


try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    note("OVERLAP")
note("START")
time.sleep(float(sys.argv[1]))
note("END")
