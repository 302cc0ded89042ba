"""The same heartbeats from a user timer of systemd: every minute for whoever is due by their own schedule.

One pair of units a mission, since the program itself knows the schedules and their zone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mission_control.errors import InvalidInput, Unavailable
from mission_control.folder import PRIVATE_FILE
from mission_control.ops.crontab.line import Call, refuse_controls
from mission_control.ops.service import files
from mission_control.ops.service.supervisor import Words, ask, ask_all
from mission_control.ops.service.systemd import Systemd, argument, literal, word

PATIENCE_SECONDS = 10
# systemd takes no quote or backslash in the path of a program itself, but in words for one.
_BY_SHELL = """/bin/sh -c 'exec "$$0" "$$@"'"""


@dataclass(frozen=True)
class Units:
    """The two files of a mission's timer. Their text is empty where there is no such file."""

    folder: Path
    name: str  # without its ending
    service: str
    timer: str

    @property
    def files(self) -> Mapping[Path, str]:
        return {self.folder / f"{self.name}.service": self.service, self.folder / f"{self.name}.timer": self.timer}

    @property
    def text(self) -> bytes:
        """Both files below each other, for a diff."""
        return "".join(f"# {path}\n{text}" for path, text in self.files.items() if text).encode()

    def read(self) -> Units:
        """The same units as they lie on the disk."""
        service, timer = (files.read(path) or "" for path in self.files)
        return Units(self.folder, self.name, service, timer)


def units(call: Call, environment: Mapping[str, str]) -> Units:
    """What gives this mission its heartbeats. Raises InvalidInput for a path that no unit can hold."""
    for text in (call.program, call.home, call.path):
        _refuse_untellable(text)
    name = f"missionctl-heartbeat-{hashlib.sha256(os.fsencode(call.home)).hexdigest()[:8]}"
    # Not at the end of its line, where a backslash would join it with the next.
    title = f"[Unit]\nDescription=Heartbeats of the mission {literal(call.home)} (missionctl)\n"
    words = " ".join(argument(text) for text in (call.program, "--home", call.home, "heartbeat"))
    service = (
        f"{title}\n[Service]\nType=oneshot\nEnvironment={word(f'PATH={call.path}')}\n"
        f"ExecStart={_BY_SHELL} {words}\n"
        "# What a heartbeat has started goes on when the heartbeat has ended.\nKillMode=process\n"
    )
    timer = f"{title}\n[Timer]\nOnCalendar=minutely\nAccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n"
    return Units(_systemd(environment).folder, name, service, timer)


def write(wanted: Units) -> None:
    """Put both files in their place, each whole or not at all."""
    for path, text in wanted.files.items():
        files.put(path, text, mode=PRIVATE_FILE, replace=True)


def start(written: Units, environment: Mapping[str, str]) -> bool:
    """Let the user's systemd run the timer; False where none answers. Raises Unavailable with what it said."""
    if not _answers(environment):
        return False
    _tell([("daemon-reload",), ("enable", "--now", f"{written.name}.timer")], environment)
    return True


def remove(there: Units, environment: Mapping[str, str]) -> None:
    """Stop the timer where the user's systemd answers, and take both files away."""
    is_heard = _answers(environment)
    if is_heard:
        _tell([("disable", "--now", f"{there.name}.timer")], environment)
    for path in there.files:
        files.delete(path)
    if is_heard:
        _tell([("daemon-reload",)], environment)


def _refuse_untellable(text: str) -> None:
    """Raises InvalidInput for what a unit cannot hold; systemd leaves out lines that are not UTF-8."""
    refuse_controls(text)
    if not text.isprintable():
        raise InvalidInput(f"{text!r} has a character that no unit of systemd can hold. Move it elsewhere.")


def _systemd(environment: Mapping[str, str]) -> Systemd:
    return Systemd(environment, Path(os.path.expanduser("~")), system=False)


def _answers(environment: Mapping[str, str]) -> bool:
    said = ask(_systemd(environment).question, environment, patience_seconds=PATIENCE_SECONDS)
    return said.is_good and said.text != ""


def _tell(orders: list[Words], environment: Mapping[str, str]) -> None:
    spoken = [("systemctl", "--user", *order) for order in orders]
    last = ask_all(spoken, environment, patience_seconds=PATIENCE_SECONDS)[-1]
    if not last.is_good:
        ended = "" if last.code is None else f" ended with {last.code} and"
        raise Unavailable(f"{' '.join(last.words)}{ended} said: {' '.join(last.text.split())}")
