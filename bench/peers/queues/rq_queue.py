"""RQ: a worker process a slot, each forks for every task. Results in Redis."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

from redis import Redis
from rq import Queue
from rq.registry import FinishedJobRegistry

queue = Queue("bench", connection=Redis(unix_socket_path=os.environ["BENCH_REDIS"]))
finished = FinishedJobRegistry(queue=queue)


def execute(argv: list[str]) -> float:
    subprocess.run(argv, check=True)
    return time.time()


def submit(argv: list[str]) -> Any:
    return queue.enqueue(execute, argv)


def count_finished() -> int:
    return int(finished.connection.zcard(finished.key))


def ended_at(handle: Any) -> float:
    return float(handle.return_value(refresh=True))
