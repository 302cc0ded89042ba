"""What stands in the crontab for a mission now, and whom the next block is for."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mission_control.errors import Conflict, NotFound
from mission_control.ops.crontab.block import Block, Parts, cut
from mission_control.ops.crontab.program import Crontab

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")


@dataclass(frozen=True)
class Standing:
    """The crontab at one moment. `block` null: there is none, or somebody has edited it."""

    crontab: bytes
    parts: Parts
    block: Block | None

    @property
    def is_installed(self) -> bool:
        return bool(self.parts.own)

    @property
    def is_edited(self) -> bool:
        return self.is_installed and self.block is None

    @property
    def lines(self) -> list[str]:
        """All lines of the block, readable wherever they come from."""
        return shown(self.parts.own).splitlines()


def look(crontab: Crontab, home: str) -> Standing:
    """Read the crontab. Raises CrontabFailed and BlockDamaged."""
    text = crontab.read()
    parts = cut(text, home)
    return Standing(text, parts, Block.from_bytes(parts.own) if parts.own else None)


def refuse_edited(standing: Standing, *, force: bool) -> None:
    """Raises Conflict when somebody changed lines inside the block, unless they may be overwritten."""
    if standing.is_edited and not force:
        raise Conflict(
            "Somebody edited the lines between '# BEGIN missionctl' and '# END missionctl', which would be lost. "
            "Nothing was changed. See them with: missionctl cron show. Overwrite them with --force"
        )


def names_with(standing: Standing, names: Sequence[str]) -> tuple[str, ...] | None:
    """Whom the block is for once these are added; none named, or a block for all: all (null)."""
    if not names or (standing.block is not None and standing.block.names is None):
        return None
    there = () if standing.block is None else standing.block.names or ()
    return tuple(sorted({*there, *names}))


def names_without(standing: Standing, names: Sequence[str], squad: Iterable[str]) -> tuple[str, ...]:
    """Whom the block is for once these are taken out; none named: nobody. Raises NotFound for who is nowhere."""
    squad = set(squad)
    there = squad if standing.block is None or standing.block.names is None else set(standing.block.names)
    for name in names:
        if name not in squad | there:
            raise NotFound(
                f"There is no agent {name}, neither in the squad nor in the crontab. See: missionctl cron show"
            )
    return tuple(sorted(there - set(names))) if names else ()


def difference(before: bytes, after: bytes) -> list[str]:
    """The unified diff, a line each; nothing where both are the same."""
    old, new = ([shown(line) for line in _LINE.findall(text)] for text in (before, after))
    lines = difflib.unified_diff(old, new, "crontab (now)", "crontab (then)")
    return [told for line in lines for told in _ended(line)]


def _ended(line: str) -> list[str]:
    if line.endswith("\n") or line.startswith(("---", "+++", "@@")):
        return [line.removesuffix("\n")]
    return [line, "\\ No newline at end of file"]


def shown(text: bytes) -> str:
    """Bytes of anybody, readable: what is not UTF-8, and each control character but the line feed, as an escape."""
    readable = text.decode("utf-8", errors="backslashreplace")
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in readable)


def home_of(home: str | os.PathLike[str]) -> str:
    """The mission's folder by which its block is known: one, whichever way to it is written."""
    return os.path.realpath(home)
