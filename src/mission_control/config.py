"""Settings: flag > environment > mission.toml > default; all faults at once. Nothing else reads the environment."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, time, timedelta, tzinfo
from pathlib import Path
from typing import Any

from mission_control.errors import ConfigInvalid, NoMission

SETTINGS_FILE = "mission.toml"
DATABASE_FILE = "mission.db"
ENVIRONMENT_PREFIX = "MISSIONCTL_"


@dataclass(frozen=True)
class Config:
    """The settings of one mission. Durations in seconds, fractions allowed, sizes in bytes."""

    home: Path
    database: str | None = None  # a postgresql:// address or another file; null: mission.db in the home
    host: str = ""  # this machine's name on the board; default: its host name
    timezone: str = "local"  # in which schedules are read, e.g. Europe/Berlin
    lease_seconds: float = 60  # an executor on another machine that is silent for longer is lost
    grace_seconds: float = 5  # between SIGTERM and SIGKILL
    timeout_seconds: float = 1800  # time limit of an attempt, unless the task has its own
    max_attempts: int = 3  # then the task is blocked
    backoff_base_seconds: float = 30  # longest wait after the first failure; doubles
    backoff_cap_seconds: float = 900
    slots: int = 3  # live attempts of one agent, unless the agent has its own
    machine_slots: int | None = None  # live attempts on this machine; null: unlimited
    max_output_bytes: int = 10_000_000  # of one attempt's log; head and tail are kept
    poll_seconds: float = 1.0  # how often a waiting process looks again without being rung
    ageing_hours: float = 6  # a waiting task gains one priority level in this time
    backup_at: str | None = None  # HH:MM in `timezone`: a backup every day at this time; null: none
    backup_keep: int = 14  # so many of them stay
    mirror: bool = False  # keep database/*.json current, as the old system had them
    pass_environment: tuple[str, ...] = ()  # names of variables that attempts get besides the usual few

    def to_bytes(self) -> bytes:
        """As it is told to the launcher process."""
        return json.dumps({**vars(self), "home": str(self.home)}).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Config:
        values = json.loads(content)
        passed = tuple(values.pop("pass_environment"))
        return cls(**{**values, "home": Path(values["home"]), "pass_environment": passed})

    @property
    def database_address(self) -> str:
        """A path, or a postgresql:// address."""
        if self.database is None:
            return str(self.home / DATABASE_FILE)
        if self.is_on_a_server:
            return self.database
        return str(self.home / self.database)

    @property
    def is_on_a_server(self) -> bool:
        """Whether the database is one of Postgres."""
        return self.database is not None and self.database.startswith(("postgresql://", "postgres://"))

    @property
    def backoff_cap(self) -> timedelta:
        return timedelta(seconds=self.backoff_cap_seconds)

    @property
    def ageing(self) -> timedelta:
        return timedelta(hours=self.ageing_hours)

    @property
    def zone(self) -> tzinfo:
        """The zone in which schedules are read."""
        return _zone(self.timezone)


# Name -> (least, most), both included.
RANGES: Mapping[str, tuple[float, float]] = {
    "lease_seconds": (0.1, 86_400),
    "grace_seconds": (0, 3_600),
    "timeout_seconds": (0.01, 30 * 86_400),
    "max_attempts": (1, 100),
    "backoff_base_seconds": (0, 86_400),
    "backoff_cap_seconds": (0, 7 * 86_400),
    "slots": (1, 1_000),
    "machine_slots": (1, 100_000),
    "max_output_bytes": (1_000, 10**13),
    "poll_seconds": (0.01, 3_600),
    "ageing_hours": (0.001, 100_000),
    "backup_keep": (1, 100_000),
}
_WHOLE = {"max_attempts", "slots", "machine_slots", "max_output_bytes", "backup_keep"}
_NAMES = [field.name for field in fields(Config) if field.name != "home"]


def find_home(flag: str | None, environment: Mapping[str, str], start: Path) -> Path:
    """The mission's folder: `--home`, else MISSIONCTL_HOME, else the nearest parent of `start` with a mission.toml."""
    named = flag or environment.get("MISSIONCTL_HOME")
    if named:
        home = Path(os.path.expanduser(named)).absolute()
        if not os.path.isfile(home / SETTINGS_FILE):
            raise NoMission(
                f"There is no mission in {home}: it has no {SETTINGS_FILE}. Make one with: missionctl init {home}"
            )
        return home
    for folder in (start, *start.parents):
        if os.path.isfile(folder / SETTINGS_FILE):  # unlike Path.is_file not stopped by a folder it may not look into
            return folder
    raise NoMission(
        f"No mission here: neither {start} nor a parent folder holds a {SETTINGS_FILE}. "
        "Make one with: missionctl init, or name one with --home DIR."
    )


def load(home: Path, environment: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Config:
    """The settings of the mission in `home`; without a mission.toml all is default, as while one is being made.

    Raises ConfigInvalid with every fault and its source.
    """
    faults: list[str] = []
    values: dict[str, Any] = {}
    for source, given in _sources(home, environment, flags or {}, faults):
        for name, raw in given.items():
            if name not in _NAMES:
                faults.append(f"{source}: {name} is not a setting")
                continue
            try:
                values[name] = _checked(name, raw)
            except ValueError as fault:
                faults.append(f"{source}: {name} {fault}")
    if faults:
        raise ConfigInvalid(faults)
    values["host"] = values.get("host") or _host_name()
    return Config(home=home, **values)


def commented_defaults() -> str:
    """The text of a new mission.toml: every setting with its default, commented out."""
    lines = [
        "# Settings of this mission. Stronger: MISSIONCTL_… in the environment, then flags. Durations in seconds.",
        "",
    ]
    numbers = (field for field in fields(Config) if field.name in RANGES and field.default is not None)
    lines.extend(f"# {field.name} = {field.default}" for field in numbers)
    lines += ['# backup_at = "03:00"', "# mirror = true"]
    return "\n".join([*lines, '# timezone = "Europe/Berlin"', '# pass_environment = ["ANTHROPIC_API_KEY"]', ""])


def _sources(
    home: Path, environment: Mapping[str, str], flags: Mapping[str, Any], faults: list[str]
) -> list[tuple[str, Mapping[str, Any]]]:
    """Weakest first, so that later ones overwrite."""
    named = {name: f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in _NAMES}
    from_environment = {name: environment[key] for name, key in named.items() if environment.get(key)}
    return [
        (SETTINGS_FILE, _read_file(home / SETTINGS_FILE, faults)),
        ("environment MISSIONCTL_…", from_environment),
        ("command line", {name: value for name, value in flags.items() if value is not None}),
    ]


def _read_file(path: Path, faults: list[str]) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        if all(line.startswith("#") or not line.strip() for line in text.split("\n")):
            return {}  # as `init` makes it: comments need no parser, whose import costs 6 ms

        import tomllib

        return tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError, OSError) as fault:  # not TOML, not UTF-8, absurdly long or deep
        faults.append(f"{path}: {fault}")
        return {}


def _checked(name: str, raw: Any) -> Any:
    """The value of one setting in its own type; ValueError says what is wrong with it."""
    if name in RANGES:
        return _checked_number(name, raw)
    if name == "mirror":
        return _checked_truth(raw)
    if name == "pass_environment":
        words = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError("must be a list of variable names")
        return tuple(word.strip() for word in words if word.strip())
    if not isinstance(raw, str) or not raw or any(character < " " for character in raw):
        raise ValueError("must be a text of one line")
    if name == "timezone":
        _zone(raw)
    if name == "backup_at":
        _checked_time_of_day(raw)
    return raw


def _checked_truth(raw: Any) -> bool:
    """Text comes from the environment."""
    known = {"true": True, "1": True, "false": False, "0": False}
    word = raw.lower() if isinstance(raw, str) else raw
    if isinstance(word, bool):
        return word
    if word in known:
        return known[word]
    raise ValueError(f"must be true or false, not {raw!r}")


def _checked_time_of_day(raw: str) -> None:
    try:
        time.fromisoformat(raw)
    except ValueError:
        raise ValueError(f"is {raw!r}; a time of day is written HH:MM, e.g. 03:00") from None
    if len(raw) != len("HH:MM"):
        raise ValueError(f"is {raw!r}; a time of day is written HH:MM, e.g. 03:00")


def _checked_number(name: str, raw: Any) -> float | int:
    least, most = RANGES[name]
    if isinstance(raw, bool):
        raise ValueError("must be a number")
    try:
        value = float(raw)
    except OverflowError:
        value = math.inf  # a whole number of hundreds of digits
    except (TypeError, ValueError):
        raise ValueError(f"must be a number, not {raw!r}") from None
    if not math.isfinite(value) or not least <= value <= most:
        raise ValueError(f"is {raw}; it must lie between {least:g} and {most:g}")
    if name in _WHOLE:
        if value != int(value):
            raise ValueError(f"is {raw}; it must be a whole number")
        return int(value)
    return value


def _zone(name: str) -> tzinfo:
    import zoneinfo

    if name == "UTC":
        return UTC
    try:
        if name != "local":
            return zoneinfo.ZoneInfo(name)
        with open("/etc/localtime", "rb") as file:
            return zoneinfo.ZoneInfo.from_file(file, key="local")
    except OSError:
        if name == "local":
            return UTC
        raise ValueError(f"is {name!r}; no such time zone is known here") from None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"is {name!r}; no such time zone is known here") from None


def _host_name() -> str:
    return os.uname().nodename or "localhost"


def process_environment() -> Mapping[str, str]:
    """The environment of this process, for `find_home`, `load` and the allow-list of attempts."""
    return os.environ


def forget_settings_of_environment() -> None:
    """Take MISSIONCTL_… out of this process, for a mission that is nobody's, such as the demo's."""
    for name in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
        del os.environ[name]
