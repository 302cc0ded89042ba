"""The crontab of this user as text, saved with a backup. Nothing here changes it."""

from __future__ import annotations

import shutil
import subprocess

PATIENCE_SECONDS = 10


def read() -> bytes | None:
    """The whole crontab; None where there is none, or no `crontab` program that answers."""
    program = shutil.which("crontab")
    if program is None:
        return None
    try:
        answer = subprocess.run(
            [program, "-l"], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PATIENCE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None
