"""Celery: one parent with a pool of forked processes that live on. Broker and results in Redis."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

from celery import Celery
from redis import Redis

socket = os.environ["BENCH_REDIS"]
app = Celery("celery_queue", broker=f"redis+socket://{socket}", backend=f"redis+socket://{socket}?virtual_host=1")
app.conf.worker_prefetch_multiplier = 1
results = Redis(unix_socket_path=socket, db=1)


@app.task
def execute(argv: list[str]) -> float:
    subprocess.run(argv, check=True)
    return time.time()


def submit(argv: list[str]) -> Any:
    return execute.delay(argv)


def count_finished() -> int:
    return int(results.dbsize())


def ended_at(handle: Any) -> float:
    return float(handle.get())
