"""The same heartbeats from a user timer of systemd: every minute for whoever is due by their own schedule.

One pair of units a mission, since the program itself knows the schedules and their zone.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mission_control.errors import Unavailable
from mission_control.folder import open_private
from mission_control.ops.crontab.line import Call, refuse_controls

TIMEOUT_SECONDS = 10
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
        return "".join(f"# {path}\n{text}" for path, text in self.files.items() if text).encode(
            errors="surrogateescape"
        )

    def read(self) -> Units:
        """The same units as they lie on the disk."""
        service, timer = (_read(path) for path in self.files)
        return Units(self.folder, self.name, service, timer)


def units(call: Call, environment: Mapping[str, str]) -> Units:
    """What gives this mission its heartbeats. Raises InvalidInput for a path that no unit can hold."""
    name = f"missionctl-heartbeat-{hashlib.sha256(os.fsencode(call.home)).hexdigest()[:8]}"
    config = environment.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    # Not at the end of its line, where a backslash would join it with the next.
    title = f"[Unit]\nDescription=Heartbeats of the mission {_specifier_free(call.home)} (missionctl)\n"
    words = " ".join(_word(word).replace("$", "$$") for word in (call.program, "--home", call.home, "heartbeat"))
    service = (
        f"{title}\n[Service]\nType=oneshot\nEnvironment={_word(f'PATH={call.path}')}\n"
        f"ExecStart={_BY_SHELL} {words}\n"
        "# What a heartbeat has started goes on when the heartbeat has ended.\nKillMode=process\n"
    )
    timer = f"{title}\n[Timer]\nOnCalendar=minutely\nAccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n"
    return Units(Path(config) / "systemd" / "user", name, service, timer)


def write(wanted: Units) -> None:
    """Put both files in their place, each whole or not at all."""
    wanted.folder.mkdir(parents=True, exist_ok=True)
    for path, text in wanted.files.items():
        new = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(open_private(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
            file.write(text.encode(errors="surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)


def remove(there: Units) -> None:
    """Take both files away."""
    for path in there.files:
        path.unlink(missing_ok=True)


def answers(environment: Mapping[str, str]) -> bool:
    """Whether the user's systemd is there and can be told something."""
    try:
        systemctl(["show-environment"], environment)
    except Unavailable:
        return False
    return True


def systemctl(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Tell the user's systemd. Raises Unavailable with what it said."""
    program = shutil.which("systemctl", path=environment.get("PATH", os.defpath))
    if program is None:
        raise Unavailable("There is no command systemctl on the PATH.")
    spoken = f"systemctl --user {' '.join(words)}"
    try:
        done = subprocess.run(
            [program, "--user", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as refused:
        raise Unavailable(f"{spoken} did not answer: {refused}.") from refused
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise Unavailable(f"{spoken} ended with {done.returncode} and said: {said}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""


def _word(text: str) -> str:
    r"""One word of a unit's line, see systemd.syntax(7) and systemd.unit(5).

    >>> print(_word('/a "b" 50%'))
    "/a \"b\" 50%%"
    """
    escaped = re.sub(r'([\\"])', r"\\\1", _specifier_free(text))
    return f'"{escaped}"'


def _specifier_free(text: str) -> str:
    refuse_controls(text)
    return text.replace("%", "%%")
