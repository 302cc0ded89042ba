"""RQ, Celery and huey: a task runs the program by subprocess.run and returns when that ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from gate import Gate
from mission import environment

from peers.installing import find_program, python
from peers.peer import Peer
from peers.running import running

QUEUES = Path(__file__).parent / "queues"
REDIS_SECONDS = 10.0

Workers = Callable[[str, int], Sequence[str]]  # (redis socket, slots) -> what follows `python` to start the workers


def _rate(queue: str, workers: Workers, folder: Path, *, redis: bool, tasks: int, slots: int) -> float:
    places = {"BENCH_REDIS": str(folder / "redis.sock"), "BENCH_DATABASE": str(folder / "huey.db")}
    around = environment() | places | {"PYTHONPATH": str(QUEUES), "PYTHONDONTWRITEBYTECODE": "1"}
    gate = Gate(folder / "gate")
    with ExitStack() as started:
        if redis:
            _start_redis(started, folder)
        words = workers(places["BENCH_REDIS"], slots)
        started.enter_context(running([python(), *words], folder, around))
        drive: list[str | Path] = [python(), QUEUES / "drive.py", queue, str(slots), str(tasks), *gate.command]
        driver = started.enter_context(running(drive, folder, around))
        assert driver.stdout is not None
        if driver.stdout.readline() != "queued\n":
            raise RuntimeError(f"{queue} could not queue: {(folder / 'stderr').read_text()[-2000:]}")
        gate.wait_for(slots)
        opened = gate.open()
        return tasks / (float(driver.stdout.readline()) - opened)


def _start_redis(started: ExitStack, folder: Path) -> None:
    """A server that listens on a socket in `folder` only, as durable as Redis users have it: an fsync a second."""
    socket = folder / "redis.sock"
    server = find_program("redis-server", "redis-server")
    words = ["--port", "0", "--unixsocket", str(socket), "--appendonly", "yes", "--save", "", "--dir", str(folder)]
    started.enter_context(running([server, *words], folder, environment()))
    deadline = time.monotonic() + REDIS_SECONDS
    while not socket.exists():
        if time.monotonic() > deadline:
            raise TimeoutError("redis-server did not come up.")
        time.sleep(0.01)


def _rq(socket: str, slots: int) -> Sequence[str]:
    return ["-m", "rq.cli", "worker-pool", "bench", "--num-workers", str(slots), "--url", f"unix://{socket}", "--quiet"]


def _celery(_: str, slots: int) -> Sequence[str]:
    quick = ["-O", "fair", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    return ["-m", "celery", "-A", "celery_queue", "worker", "-c", str(slots), "-l", "ERROR", *quick]


def _huey(kind: str) -> Workers:
    return lambda _, slots: ["-m", "huey.bin.huey_consumer", "huey_queue.huey", "-w", str(slots), "-k", kind, "-q"]


def _with_redis() -> None:
    python()
    find_program("redis-server", "redis-server")


IN_REDIS = "results in Redis (fsync once a second)"
IN_SQLITE = "results in SQLite, at most once: what a killed worker did is lost"

PYTHON_QUEUES = (
    Peer("RQ", f"{IN_REDIS}; fork a task", _with_redis, partial(_rate, "rq_queue", _rq, redis=True)),
    Peer(
        "Celery prefork",
        f"{IN_REDIS}; shared processes",
        _with_redis,
        partial(_rate, "celery_queue", _celery, redis=True),
    ),
    Peer("huey, threads", IN_SQLITE, python, partial(_rate, "huey_queue", _huey("thread"), redis=False)),
    Peer("huey, processes", IN_SQLITE, python, partial(_rate, "huey_queue", _huey("process"), redis=False)),
)
