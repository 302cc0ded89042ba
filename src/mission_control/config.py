"""Settings: flag > environment > mission.toml > default; all faults at once. Nothing else reads the environment."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, time, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Any

from mission_control.errors import ConfigInvalid, NoMission

SETTINGS_FILE = "mission.toml"
DATABASE_FILE = "mission.db"
ENVIRONMENT_PREFIX = "MISSIONCTL_"


class LogFormat(StrEnum):
    """How a line of a log is written."""

    TEXT = "text"
    JSON = "json"


class Isolation(StrEnum):
    """What keeps an attempt from the rest of the machine. A level that cannot be had fails the attempt."""

    PROCESS = "process"  # a session, a folder and an environment of its own; may touch what its user may
    LANDLOCK = "landlock"  # the kernel refuses files outside of its workspace
    BUBBLEWRAP = "bubblewrap"  # it does not even see them, nor other processes


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
    runner_slots: Mapping[str, int] = field(default_factory=dict)  # live attempts by runner, on all machines
    max_output_bytes: int = 10_000_000  # of one attempt's log; head and tail are kept
    poll_seconds: float = 1.0  # how often a waiting process looks again without being rung
    ageing_hours: float = 6  # a waiting task gains one priority level in this time
    backup_at: str | None = None  # HH:MM in `timezone`: a backup every day at this time; null: none
    backup_keep: int = 14  # so many of them stay
    log_format: LogFormat = LogFormat.TEXT  # json: one object a line, for programs that collect logs
    log_max_bytes: int = 10_000_000  # a log that has more is put aside as NAME.1, at the next heartbeat
    log_keep: int = 5  # so many of these stay
    attempts_retention_days: float | None = None  # folders of attempts are removed so long after; null: never
    activities_retention_days: float | None = None  # so are lines of history
    notify_give_up_hours: float = 24  # a notification that nobody took for so long is given up
    mirror: bool = False  # keep database/*.json current, as the old system had them
    pass_environment: tuple[str, ...] = ()  # names of variables that attempts get besides the usual few
    # Of one attempt, all its processes together unless it says otherwise; null: unlimited.
    max_memory_bytes: int | None = None
    max_cpu_seconds: float | None = None
    max_processes: int | None = None
    max_open_files: int | None = None  # of each process
    max_file_bytes: int | None = None  # of each file, the one with its output included
    cgroup: str | None = None  # a folder of cgroup v2 in which groups of attempts are made; null: what is delegated
    isolation: Isolation = Isolation.PROCESS
    readable_paths: tuple[str, ...] = ()  # what an isolated attempt may read besides the system
    writable_paths: tuple[str, ...] = ()  # what an isolated attempt may change besides its workspace

    def to_bytes(self) -> bytes:
        """As it is told to the launcher process."""
        return json.dumps({**vars(self), "home": str(self.home)}).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Config:
        values = json.loads(content)
        lists = {name: tuple(values[name]) for name in _LISTS}
        choices = {name: kind(values[name]) for name, kind in _CHOICES.items()}
        return cls(**{**values, **lists, **choices, "home": Path(values["home"])})

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
    def wants_upkeep(self) -> bool:
        """Whether the settings ask for anything besides the work, see ops/upkeep.py."""
        retention = (self.attempts_retention_days, self.activities_retention_days)
        return self.mirror or self.backup_at is not None or any(days is not None for days in retention)

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


@dataclass(frozen=True)
class Supervision:
    """What whoever supervises this process wants to hear, as systemd says it in the environment."""

    address: str | None = None  # a unix datagram socket; null: nobody listens
    watchdog_seconds: float | None = None  # restarts us when it hears nothing for so long; null: it does not


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
    "log_max_bytes": (1_000, 10**12),
    "log_keep": (1, 1_000),
    "attempts_retention_days": (0.01, 100_000),
    "activities_retention_days": (0.01, 100_000),
    "notify_give_up_hours": (0.001, 10_000),
    "backup_keep": (1, 100_000),
    "max_memory_bytes": (1_000_000, 10**15),
    "max_cpu_seconds": (0.1, 30 * 86_400),
    "max_processes": (1, 1_000_000),
    "max_open_files": (16, 1_000_000),
    "max_file_bytes": (1_000, 10**15),
}
_WHOLE = {name for name in RANGES if not name.endswith(("_seconds", "_hours", "_days"))}
_CHOICES: Mapping[str, type[StrEnum]] = {"isolation": Isolation, "log_format": LogFormat}
_LISTS = {  # name -> what its entries are
    "pass_environment": "variable names",
    "readable_paths": "paths",
    "writable_paths": "paths",
}
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


_EXAMPLES = (
    '# backup_at = "03:00"',
    '# log_format = "json"',
    "# attempts_retention_days, activities_retention_days: nothing is ever removed unless they say so; docs/logs.md",
    "# mirror = true",
    '# timezone = "Europe/Berlin"',
    '# pass_environment = ["ANTHROPIC_API_KEY"]',
    "# runner_slots = { shell = 4 }",
    '# isolation = "process"  # or landlock, or bubblewrap; limits of attempts: docs/limits-and-isolation.md',
)


def commented_defaults() -> str:
    """The text of a new mission.toml: every setting with its default, commented out."""
    lines = [
        "# Settings of this mission. Stronger: MISSIONCTL_… in the environment, then flags. Durations in seconds.",
        "",
    ]
    numbers = (field for field in fields(Config) if field.name in RANGES and field.default is not None)
    lines.extend(f"# {field.name} = {field.default}" for field in numbers)
    return "\n".join([*lines, *_EXAMPLES, ""])


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
    if name in _LISTS:
        return _checked_list(name, raw)
    if name == "runner_slots":
        return _checked_runner_slots(raw)
    if not isinstance(raw, str) or not raw or any(character < " " for character in raw):
        raise ValueError("must be a text of one line")
    if name == "timezone":
        _zone(raw)
    if name == "cgroup":
        return _checked_path(raw)
    if name in _CHOICES:
        return _checked_choice(_CHOICES[name], raw)
    if name == "backup_at":
        _checked_time_of_day(raw)
    return raw


def _checked_list(name: str, raw: Any) -> tuple[str, ...]:
    words = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"must be a list of {_LISTS[name]}")
    found = tuple(word.strip() for word in words if word.strip())
    return tuple(_checked_path(word) for word in found) if _LISTS[name] == "paths" else found


def _checked_path(text: str) -> str:
    """Whole, so that it means the same wherever a process stands; `~` is whoever runs the mission."""
    path = os.path.expanduser(text)
    if not os.path.isabs(path) or "\0" in path:
        raise ValueError(f"has {text!r}; a path starts with / or ~/")
    return path


def _checked_runner_slots(raw: Any) -> dict[str, int]:
    """`{ shell = 4 }` in the file, `shell=4,claude=2` in the environment."""
    if isinstance(raw, str):
        raw = dict(pair.partition("=")[::2] for pair in raw.split(",") if pair.strip())
    if not isinstance(raw, Mapping):
        raise ValueError("must name runners with their slots, e.g. { shell = 4 }")
    return {name.strip(): int(_checked_number("slots", slots, f"for {name.strip()} ")) for name, slots in raw.items()}


def _checked_choice(choices: type[StrEnum], raw: str) -> StrEnum:
    try:
        return choices(raw)
    except ValueError:
        raise ValueError(f"is {raw!r}; it must be one of {', '.join(choices)}") from None


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


def _checked_number(name: str, raw: Any, where: str = "") -> float | int:
    """`where` stands in front of what is wrong with it."""
    least, most = RANGES[name]
    if isinstance(raw, bool):
        raise ValueError(f"{where}must be a number")
    try:
        value = float(raw)
    except OverflowError:
        value = math.inf  # a whole number of hundreds of digits
    except (TypeError, ValueError):
        raise ValueError(f"{where}must be a number, not {raw!r}") from None
    if not math.isfinite(value) or not least <= value <= most:
        raise ValueError(f"{where}is {raw}; it must lie between {least:g} and {most:g}")
    if name in _WHOLE:
        if value != int(value):
            raise ValueError(f"{where}is {raw}; it must be a whole number")
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


def supervision_of(environment: Mapping[str, str], pid: int) -> Supervision:
    """Who supervises the process `pid`; what cannot be understood counts as not said. Source: sd_notify(3)."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")) or len(address) < 2:
        return Supervision()
    meant_for = environment.get("WATCHDOG_PID")
    limit = environment.get("WATCHDOG_USEC", "")
    microseconds = int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 20 else 0
    is_watched = microseconds > 0 and meant_for in (None, str(pid))
    return Supervision(address, microseconds / 1e6 if is_watched else None)


def forget_settings_of_environment() -> None:
    """Take MISSIONCTL_… out of this process, for a mission that is nobody's, such as the demo's."""
    for name in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
        del os.environ[name]
