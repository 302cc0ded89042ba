"""One line of the block: when which agent is woken, and how cron comes to our program. Pure.

cron(8) hands a line to /bin/sh with HOME, a short PATH and little else, after it has turned each % into the end of the
line, unless a backslash stands before it. So a line names every path in full, and quotes for both readers.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from mission_control.errors import InvalidInput

MOST_COMMAND_BYTES = 998  # Debian's and Vixie's cron take no longer command
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PIECES = re.compile(r"[^'%\\]+|['%\\]")
# Neither a % nor a second backslash may follow a backslash: crons differ in what they make of these.
_QUOTED: Mapping[str, str] = {"'": '"\'"', "%": r"\%", "\\": r"'\'"}
_FIELDS = 5
STAMP = "--stamp"  # lets a heartbeat begin what it says with the time


@dataclass(frozen=True)
class Entry:
    """When an agent is woken. `only_when_due`: cron cannot say its schedule, so that the program looks at the clock."""

    agent: str
    fields: str
    only_when_due: bool = False


@dataclass(frozen=True)
class Call:
    """How a line comes to the program: the same for all lines of a mission."""

    program: str  # the whole path of missionctl; its first line names its Python
    home: str
    path: str  # PATH for what the program starts


def line_of(entry: Entry, call: Call) -> str:
    """The line for the crontab. Raises InvalidInput when a path cannot stand in one, or the line is too long."""
    due = ["--due"] if entry.only_when_due else []
    words = [call.program, "--home", call.home, "heartbeat", *due, entry.agent, STAMP]
    log = f"{call.home}/logs/{entry.agent}-cron.log"
    # Logs are private, also one that the shell makes.
    command = f"umask 077; PATH={_word(call.path)} {' '.join(map(_word, words))} >>{_word(log)} 2>&1"
    size = len(command.encode(errors="surrogateescape"))
    if size > MOST_COMMAND_BYTES:
        raise InvalidInput(
            f"The crontab line for {entry.agent} would hold a command of {size} bytes; "
            f"cron takes {MOST_COMMAND_BYTES}. Install with a shorter PATH that still finds the agents' programs: "
            "PATH=/usr/local/bin:/usr/bin:/bin missionctl cron install"
        )
    return f"{entry.fields} {command}"


def read_line(line: str) -> tuple[Entry, Call] | None:
    """What `line_of` was given; None for a line of another form."""
    *fields, command = line.split(" ", _FIELDS)
    try:
        words = shlex.split(command.replace(r"\%", "%"))
    except ValueError:
        return None
    match words:
        case ["umask", "077;", path, program, "--home", home, "heartbeat", *asked, _log, "2>&1"]:
            names = [word for word in asked if not word.startswith("-")]
            if len(names) != 1:
                return None
            entry = Entry(names[0], " ".join(fields), only_when_due="--due" in asked)
            return entry, Call(program, home, path.removeprefix("PATH="))
        case _:
            return None


def _word(text: str) -> str:
    r"""`text` as one word of the shell in a crontab.

    >>> print(_word("/tmp/50% of Ada's"))
    /tmp/50\%' of Ada'"'"s
    """
    refuse_controls(text)
    return "".join(_QUOTED.get(piece) or shlex.quote(piece) for piece in _PIECES.findall(text)) or "''"


def refuse_controls(text: str) -> None:
    """Raises InvalidInput for a path that would break its line."""
    if _CONTROL.search(text):
        raise InvalidInput(
            f"{text!r} holds a line break or another control character, which a line of a crontab or unit cannot hold. "
            "Move it to a path without one, or take it out of PATH."
        )
