"""The baseline of everything that starts processes: a bare loop that starts, waits, and keeps nothing."""

from __future__ import annotations

import os
import time

TRUE = "/bin/true"


def spawn_rate(argv: list[str], *, tasks: int, slots: int) -> float:
    """Programs per second with `slots` at once, by posix_spawn and waitpid."""
    environment = dict(os.environ)
    begun = live = 0
    since = time.perf_counter()
    while begun < tasks or live:
        while live < slots and begun < tasks:
            os.posix_spawn(argv[0], argv, environment)
            begun += 1
            live += 1
        os.waitpid(-1, 0)
        live -= 1
    return tasks / (time.perf_counter() - since)
