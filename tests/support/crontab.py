"""Stand-ins of the program `crontab`: small real programs on a PATH of their own, each with one fault or none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.command import SCRIPTS

# What each does instead of storing what it was given; `$spool` is the file, `$1` is -l or -.
FAULTS: Mapping[str, str] = {
    "works": "",
    "fails": '[ "$1" = -l ] || { cat >/dev/null; echo "crontab: no space left" >&2; exit 1; }',
    "fails once after writing": '[ "$1" = -l ] || [ -e "$spool.x" ] || { touch "$spool.x"; cat >"$spool"; exit 1; }',
    "cannot be read": 'echo "You are not allowed to use this program" >&2; exit 1',
    "hangs": '[ "$1" = -l ] || { sleep 600 & echo $! >"$spool.pid"; wait; }',
    "hangs after writing": '[ "$1" = -l ] || { cat >"$spool"; sleep 600; }',
    "lies": '[ "$1" = -l ] || { cat >/dev/null; echo "# something else" >"$spool"; exit 0; }',
    "lies once": '[ "$1" = -l ] || [ -e "$spool.lied" ] || { cat >/dev/null; : >"$spool.lied"; : >"$spool"; exit 0; }',
    "does nothing": '[ "$1" = -l ] || { cat >/dev/null; exit 0; }',
    "loses the last newline": '[ "$1" = -l ] || { printf %s "$(cat)" >"$spool"; exit 0; }',
    "is killed": '[ "$1" = -l ] || kill -9 $$',
}

_SCRIPT = """\
#!/bin/sh
spool='{spool}'
{fault}
case "$1" in
-l) [ -e "$spool" ] || {{ echo "no crontab for somebody" >&2; exit 1; }}; cat "$spool" ;;
-) cat >"$spool.new" && mv "$spool.new" "$spool"; echo wrote >>"$spool.log" ;;
*) echo "usage error: $*" >&2; exit 1 ;;
esac
"""


@dataclass(frozen=True)
class FakeCrontab:
    """A `crontab` that works on a file."""

    folder: Path
    spool: Path

    @property
    def program(self) -> Path:
        return self.folder / "crontab"

    @property
    def path(self) -> str:
        """A PATH that finds it first."""
        return os.pathsep.join([str(self.folder), str(SCRIPTS), os.defpath])

    @property
    def text(self) -> bytes | None:
        """The whole crontab; None: there is none."""
        return self.spool.read_bytes() if self.spool.exists() else None

    def holds(self, text: bytes) -> None:
        """Somebody else has written this into it."""
        self.spool.write_bytes(text)

    @property
    def writes(self) -> int:
        """How often something was stored as it was given."""
        log = Path(f"{self.spool}.log")
        return len(log.read_text().splitlines()) if log.exists() else 0

    def becomes(self, fault: str) -> None:
        """From now on it has this fault."""
        script = _SCRIPT.format(spool=self.spool, fault=FAULTS[fault])
        self.program.write_text(script)
        self.program.chmod(0o755)


def fake_crontab(folder: Path, fault: str = "works") -> FakeCrontab:
    """A new one in this folder, where nothing else is a program."""
    programs = folder / "programs"
    programs.mkdir(parents=True)
    made = FakeCrontab(programs, folder / "spool")
    made.becomes(fault)
    return made
