"""The log files of agents as one story: read from their ends, filtered, merged by time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mission_control import log
from mission_control.interfaces.tail import Follower, lines_backwards

KINDS = ("heartbeat", "executor", "cron")  # of logs that each agent has
OF_THE_PROGRAM = ("backup", "dispatcher", "mirror", "notify", "upkeep")
LEVELS = ("INFO", "WARNING", "ERROR")

_LINE = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+Z) ([A-Z]+) +(\w+) ?(.*)\Z", re.DOTALL)
_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


@dataclass(frozen=True)
class LogLine:
    """One line of a log; `at`, `level` and `event` are empty for a line that log.py did not write.

    The lines of a program that said something else, as in cron's logs, follow one that has a time.
    """

    at: str
    level: str
    event: str
    rest: str  # the fields as they were written
    text: str  # the whole line

    @property
    def fields(self) -> dict[str, str]:
        """The fields with their values as they were before they were quoted."""
        return {name: _unquote(value) for name, value in _FIELD.findall(self.rest)}


Wanted = Callable[[LogLine], bool]


def parse(raw: bytes) -> LogLine:
    """One line of a log file, see log.py for its form."""
    text = raw.decode("utf-8", "replace")
    if text.startswith("{") and (line := _parse_json(text)):
        return line
    found = _LINE.match(text)
    if found is None:
        return LogLine("", "", "", "", text)
    return LogLine(found[1], found[2], found[3], found[4], text)


def _parse_json(text: str) -> LogLine | None:
    """A line as log.py writes it where the mission wants JSON; None for any other."""
    try:
        fields = json.loads(text)
        at, level, event = (fields.pop(name) for name in ("at", "level", "event"))
        return LogLine(at, level, event, log.words(fields), text)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None


def make_filter(least: str | None, pattern: re.Pattern[str] | None) -> Wanted:
    """Lines of at least this level that have the pattern in them; null: any."""
    levels = LEVELS[LEVELS.index(least) :] if least else None

    def wanted(line: LogLine) -> bool:
        return (levels is None or line.level in levels) and (pattern is None or bool(pattern.search(line.text)))

    return wanted


def log_files(folder: Path, agent: str | None) -> list[Path]:
    """The three logs of one agent, or those of everybody and of the program itself."""
    if agent is not None:
        return [folder / f"{agent}-{kind}.log" for kind in KINDS]
    names = (*(f"*-{kind}" for kind in KINDS), *OF_THE_PROGRAM)
    return sorted(path for name in names for path in folder.glob(f"{name}.log"))


def latest(paths: Iterable[Path], wanted: Wanted, count: int) -> list[LogLine]:
    """The newest `count` wanted lines of all files, oldest first; also of those that were put aside."""
    return _merge(list(islice(_read_backwards(path, wanted), count))[::-1] for path in paths)[-count:]


def _read_backwards(path: Path, wanted: Wanted) -> Iterator[LogLine]:
    return (line for raw in _all_backwards(path) if wanted(line := parse(raw)))


def _all_backwards(path: Path) -> Iterator[bytes]:
    """The lines of a log and of what was put aside, last first. A file that is put aside meanwhile is read once."""
    read: set[tuple[int, int]] = set()
    number = 0
    while (found := _identity(path)) is not None or number == 0:
        if found not in read:
            yield from lines_backwards(path)
        read.update([found] if found else [])
        number += 1
        path = path.with_name(f"{path.name if number == 1 else path.name.rpartition('.')[0]}.{number}")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _merge(files: Iterable[Sequence[LogLine]]) -> list[LogLine]:
    """By time; lines without one stay behind the line they followed in their file."""
    timed: list[tuple[str, LogLine]] = []
    for lines in files:
        at = ""
        for line in lines:
            at = max(at, line.at)
            timed.append((at, line))
    return [line for _, line in sorted(timed, key=lambda pair: pair[0])]


class Following:
    """What comes to the log files of one agent or of everybody, new files included."""

    def __init__(self, folder: Path, agent: str | None, wanted: Wanted) -> None:
        """Lines that are there already are not told again."""
        self._folder = folder
        self._agent = agent
        self._wanted = wanted
        self._followers: dict[Path, tuple[Follower, list[bytes]]] = {}
        for path in log_files(folder, agent):
            self._follower(path)[0].to_end()

    def read(self) -> list[LogLine]:
        """Wanted lines that were completed since the last call."""
        return _merge(self._read(path) for path in log_files(self._folder, self._agent))

    def close(self) -> None:
        """Let go of all files."""
        for follower, _ in self._followers.values():
            follower.close()

    def _read(self, path: Path) -> list[LogLine]:
        follower, begun = self._follower(path)
        lines = self._read_on(follower, begun)
        if follower.turn_to_successor():
            if rest := b"".join(begun):
                lines.append(parse(rest))
            begun.clear()
            lines += self._read_on(follower, begun)
        return [line for line in lines if self._wanted(line)]

    def _read_on(self, follower: Follower, begun: list[bytes]) -> list[LogLine]:
        lines: list[LogLine] = []
        while piece := follower.read():
            *ended, rest = piece.split(b"\n")
            for part in ended:
                lines.append(parse(b"".join([*begun, part])))
                begun.clear()
            begun.append(rest)
        return lines

    def _follower(self, path: Path) -> tuple[Follower, list[bytes]]:
        return self._followers.setdefault(path, (Follower(path), []))


def _unquote(value: str) -> str:
    if not value.startswith('"'):
        return value
    # A line that was cut in the middle, e.g. by a full disk, may end inside an escape.
    return value[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape", "replace")
