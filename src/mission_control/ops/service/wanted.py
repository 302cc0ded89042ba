"""What a service of a mission is, whoever supervises it: its name, its program, what it finds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mission_control.errors import InvalidInput

PREFIX = "mission-control-"
VARIABLES_FILE = "service.env"  # in the mission's folder, written by people: keys that agents need
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_STRANGE = re.compile(r"[^A-Za-z0-9_.-]+")
_USUAL_PATH = ("/usr/local/bin", "/usr/bin", "/bin")


@dataclass(frozen=True)
class Service:
    """The dispatcher of one mission as a service. All paths are absolute and of printable characters."""

    name: str
    home: Path
    program: Path
    search_path: str  # PATH of the dispatcher, and so of what it executes
    user: str | None = None  # as whom; null: as whoever supervises

    @property
    def command(self) -> tuple[str, ...]:
        """What is started."""
        return (str(self.program), "--home", str(self.home), "up")

    @property
    def variables(self) -> Path:
        """More variables for the dispatcher; the file may be missing."""
        return self.home / VARIABLES_FILE

    @property
    def log(self) -> Path:
        """Where output goes that nobody else keeps."""
        return self.home / "logs" / "service.log"


def describe(
    *, home: Path, program: Path, environment: Mapping[str, str], name: str, user: str | None = None
) -> Service:
    """The service of the mission in `home`. Raises InvalidInput for what no file of a service can hold."""
    for what, path in (("The mission's folder", home), ("The program", program)):
        if not str(path).isprintable():
            raise InvalidInput(
                f"{what} has a character in its path that no service can be told: {str(path)!r}. Move it elsewhere."
            )
    return Service(checked_name(name), home, program, search_path(program, environment), user)


def checked_name(name: str) -> str:
    """A name that is safe as a file name, as a label and in a shell. Raises InvalidInput."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot name a service: take up to 100 letters, digits, dots, dashes and underscores, "
            "a letter or digit first."
        )
    return name


def default_name(home: Path) -> str:
    """A readable name after the mission's folder; other characters are replaced, and a digest keeps it apart.

    >>> default_name(Path("/home/ada/my-mission")), default_name(Path("/home/ada/my mission"))
    ('mission-control-my-mission', 'mission-control-my-mission-aa2251')
    """
    plain = _STRANGE.sub("-", home.name).strip("-")[:60]
    if plain == home.name:
        return PREFIX + plain
    digest = hashlib.sha256(home.name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{PREFIX}{plain}-{digest}" if plain else f"{PREFIX}{digest}"


def search_path(program: Path, environment: Mapping[str, str]) -> str:
    """Where programs of agents are looked for: where they are found now, where ours lies, and the usual places."""
    ours = environment.get("PATH", "").split(":")
    usable = [folder for folder in ours if folder.startswith("/") and folder.isprintable()]
    beside = [str(program.parent)] if ":" not in str(program.parent) else []  # a colon would part it in two
    return ":".join(dict.fromkeys([*usable, *beside, *_USUAL_PATH]))
