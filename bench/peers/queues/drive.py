"""Runs in the peers' environment: queue gates and tasks, say so, then say when the last task had ended."""

from __future__ import annotations

import importlib
import sys
import time


def main() -> None:
    """Arguments: the queue's module, slots, tasks, then the command of the gate."""
    queue = importlib.import_module(sys.argv[1])
    slots, tasks, gate = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    for _ in range(slots):
        queue.submit(gate)
    handles = [queue.submit(["/bin/true"]) for _ in range(tasks)]
    print("queued", flush=True)
    while queue.count_finished() < slots + tasks:
        time.sleep(0.05)  # each asks for one number, so that watching costs the queue nothing
    print(max(queue.ended_at(handle) for handle in handles), flush=True)


main()
