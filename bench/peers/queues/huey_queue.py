"""huey on SQLite: one consumer with threads or processes that live on. Queue and results in one file."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

from huey import SqliteHuey

huey = SqliteHuey(filename=os.environ["BENCH_DATABASE"])


@huey.task()
def execute(argv: list[str]) -> float:
    subprocess.run(argv, check=True)
    return time.time()


def submit(argv: list[str]) -> Any:
    return execute(argv)


def count_finished() -> int:
    return int(huey.result_count())


def ended_at(handle: Any) -> float:
    return float(handle.get())
