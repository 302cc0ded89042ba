"""The block of a mission in a crontab: found, read, put and taken out. Pure, and bytes: foreign lines need no encoding.

    # BEGIN missionctl /home/ada/mission
    # Written by `missionctl cron install` for all agents; change them, then install again. Fingerprint 0f1e2d3c4b5a6978
    */15 * * * * …
    # END missionctl /home/ada/mission

A new block stands first: what a crontab sets (SHELL, CRON_TZ, MAILTO) holds for the lines below it only, so that
foreign settings do not reach our lines, and no byte of a foreign line is touched, whatever the file ends with.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass

from mission_control.errors import Conflict

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")  # as cron reads them; splitlines() would also cut at a lone CR
_HEADER = re.compile(
    r"# Written by `missionctl cron install` (?:for all agents|only for (?P<names>[a-z0-9_, -]+));"
    r" change them, then install again\. Fingerprint [0-9a-f]{16}"
)


class BlockDamaged(Conflict):
    """The markers of the block do not belong together, so that nobody can tell which lines are ours."""


@dataclass(frozen=True)
class Block:
    """What the block of one mission holds. `names` null: all agents of the squad, also those who join later."""

    home: str
    names: tuple[str, ...] | None
    lines: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """As it stands in the crontab."""
        whom = "for all agents" if self.names is None else f"only for {', '.join(self.names)}"
        header = f"# Written by `missionctl cron install` {whom}; change them, then install again."
        told = "\n".join([self.home, header, *self.lines])
        fingerprint = hashlib.sha256(os.fsencode(told)).hexdigest()[:16]
        lines = (_begin(self.home), f"{header} Fingerprint {fingerprint}", *self.lines, _end(self.home))
        return os.fsencode("".join(f"{line}\n" for line in lines))

    @classmethod
    def from_bytes(cls, own: bytes) -> Block | None:
        """The block as it was written; None when somebody has edited it since."""
        begin, _, rest = os.fsdecode(own).removesuffix("\n").partition("\n")
        header, *lines = rest.split("\n")
        found = _HEADER.fullmatch(header)
        if found is None or not lines:
            return None
        names = found["names"]
        block = cls(begin.removeprefix(_begin("")), tuple(names.split(", ")) if names else None, tuple(lines[:-1]))
        # The fingerprint is made of all the rest, so that the same bytes mean that nothing was changed.
        return block if block.to_bytes().removesuffix(b"\n") == own.removesuffix(b"\n") else None


@dataclass(frozen=True)
class Parts:
    """A crontab cut at the block of one mission; `own` is empty where there is none."""

    before: bytes
    own: bytes
    after: bytes

    def with_block(self, block: Block | None) -> bytes:
        """The whole crontab with this block instead; None: without one."""
        return self.before + (b"" if block is None else block.to_bytes()) + self.after


def cut(crontab: bytes, home: str) -> Parts:
    """Where the mission's block stands. Raises BlockDamaged when its markers do not tell."""
    begin, end = os.fsencode(_begin(home)), os.fsencode(_end(home))
    lines = _LINE.findall(crontab)
    marks = [(number, line.rstrip(b"\r\n")) for number, line in enumerate(lines)]
    begins = [number for number, line in marks if line == begin]
    ends = [number for number, line in marks if line == end]
    if not begins and not ends:
        return Parts(b"", b"", crontab)
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise BlockDamaged(
            f"The crontab has {len(begins)} lines '{_begin(home)}' and {len(ends)} lines '{_end(home)}', "
            "where one pair in this order is expected. Nothing was changed. Mend it with: crontab -e"
        )
    first, last = begins[0], ends[0] + 1
    return Parts(b"".join(lines[:first]), b"".join(lines[first:last]), b"".join(lines[last:]))


def _begin(home: str) -> str:
    return f"# BEGIN missionctl {home}"


def _end(home: str) -> str:
    return f"# END missionctl {home}"
