"""A command that is killed at one step: `python stricken_command.py MODULE:NAME before|after NTH HOME WORD…`.

The NTH call of the named function is the last that the process makes, see stricken.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

from faults.stricken import strike
from mission_control import app


def main() -> None:
    target, when, nth, home, *words = sys.argv[1:]
    strike(target, when, int(nth), Path(home), lambda: True)
    sys.argv[1:] = words
    app.main()


if __name__ == "__main__":
    main()
