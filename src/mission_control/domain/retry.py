"""When to try again, and when to stop trying."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with a ceiling. See docs/decisions/0004-retries.md."""

    base: timedelta = timedelta(seconds=30)
    ceiling: timedelta = timedelta(minutes=15)

    def backoff(self, failures: int) -> timedelta:
        """Longest wait after the `failures`-th failure, counted from 1: doubles from `base` up to `ceiling`.

        Raises ValueError below 1.
        >>> RetryPolicy(base=timedelta(seconds=10)).backoff(3)
        datetime.timedelta(seconds=40)
        """
        if failures < 1:
            raise ValueError(f"failures counts from 1, got {failures}")
        doublings = min(failures - 1, 40)  # 2**40 x any base is beyond every ceiling
        seconds = min(self.base.total_seconds() * 2**doublings, self.ceiling.total_seconds())
        return timedelta(seconds=seconds)

    def wait(self, failures: int, jitter: float) -> timedelta:
        """The wait actually taken: `jitter` (0 to 1) of the backoff, so that a herd of failures spreads out."""
        if not 0 <= jitter <= 1:
            raise ValueError(f"jitter lies between 0 and 1, got {jitter}")
        return self.backoff(failures) * jitter
