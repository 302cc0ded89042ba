"""Waiting at the border to another process, where no clock can be advanced."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def eventually(condition: Callable[[], Answer], *, within: float = 20.0) -> Answer:
    """The first true answer of `condition`, asked again and again for up to `within` seconds.

    Raises AssertionError when it never becomes true; what `condition` asserts or returned last is then shown.
    """
    end = time.monotonic() + within
    pause = 0.002
    while True:
        fault: AssertionError | None = None
        try:
            if answer := condition():
                return answer
        except AssertionError as refused:
            fault = refused
        if time.monotonic() > end:
            raise AssertionError(f"Not true within {within:g} s; the last answer: {fault or answer!r}") from fault
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def expect(find: Callable[[], Answer | None], *, within: float = 20.0) -> Answer:
    """What `find` finds at last; like `eventually`, for what is not there at first."""
    found = eventually(find, within=within)
    assert found is not None
    return found
