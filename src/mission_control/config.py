"""Settings: flag > environment > mission.toml > default; all faults at once. Nothing else reads the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Any

from mission_control import settings_checks
from mission_control.errors import ConfigInvalid, NoMission
from mission_control.settings_checks import CHOICES, LISTS, RANGES, STANDUP_AT, Isolation, LogFormat

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
    backoff_cap_seconds: float = 900  # no wait is longer
    slots: int = 3  # live attempts of one agent, unless the agent has its own
    machine_slots: int | None = None  # live attempts on this machine; null: unlimited
    runner_slots: Mapping[str, int] = field(default_factory=dict)  # live attempts by runner, on all machines
    # How agents' programs are driven, by runner: see runner_settings.py.
    runners: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    max_output_bytes: int = 10_000_000  # of one attempt's log; head and tail are kept
    poll_seconds: float = 1.0  # how often a waiting process looks again without being rung
    ageing_hours: float = 6  # a waiting task gains one priority level in this time
    backup_at: str | None = None  # HH:MM in `timezone`: a backup every day at this time; null: none
    backup_keep: int = 14  # so many of them stay
    standup_at: str | None = None  # HH:MM in `timezone`: a standup every day at this time; true: 23:30; null: none
    log_format: LogFormat = LogFormat.TEXT  # json: one object a line, for programs that collect logs
    log_max_bytes: int = 10_000_000  # a log that has more is put aside as NAME.1, at the next heartbeat
    log_keep: int = 5  # so many of these stay
    attempts_retention_days: float | None = None  # folders of attempts are removed so long after; null: never
    activities_retention_days: float | None = None  # so are lines of history
    notify_give_up_hours: float = 24  # a notification that nobody took for so long is given up
    mirror: bool = False  # keep database/*.json current, as the old system had them
    max_subtasks: int = 20  # that attempts of one task may add
    max_subtask_depth: int = 2  # levels of subtasks below a person's task
    max_hand_offs: int = 5  # of one task, between agents
    max_attachment_bytes: int = 100_000_000  # of one file that an attempt hands in
    max_prompt_characters: int = 60_000  # of one prompt; what is cut then, and in which order: docs/agents-inside.md
    pass_environment: tuple[str, ...] = ()  # names of variables that attempts get besides the usual few
    # Of one attempt, all its processes together unless it says otherwise; null: unlimited.
    max_memory_bytes: int | None = None  # what they share counts once
    max_cpu_seconds: float | None = None  # on all cores
    max_processes: int | None = None  # threads count
    max_open_files: int | None = None  # of each process
    max_file_bytes: int | None = None  # of each file, the one with its output included
    # What keeps it within them, and apart from the rest of the machine.
    cgroup: str | None = None  # a folder of cgroup v2 in which groups of attempts are made; null: what is delegated
    isolation: Isolation = Isolation.PROCESS  # a level that cannot be had fails the attempt
    readable_paths: tuple[str, ...] = ()  # what an isolated attempt may read besides the system
    writable_paths: tuple[str, ...] = ()  # what an isolated attempt may change besides its workspace
    web: bool = True  # `up` also serves the pages and the API
    web_port: int | None = None  # null: 7777, or the next that is free
    web_address: str = "127.0.0.1"  # where they are served; any but a loopback address is open to the network
    web_origins: tuple[str, ...] = ()  # as whom browsers reach them besides, e.g. https://mission.example.org
    web_open_metrics: bool = False  # /metrics needs no key

    def to_bytes(self) -> bytes:
        """As it is told to the launcher process."""
        return json.dumps({**vars(self), "home": str(self.home)}).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Config:
        values = json.loads(content)
        lists = {name: tuple(values[name]) for name in LISTS}
        choices = {name: kind(values[name]) for name, kind in CHOICES.items()}
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
        wanted = (self.backup_at, self.standup_at, self.attempts_retention_days, self.activities_retention_days)
        return self.mirror or any(setting is not None for setting in wanted)

    @property
    def backoff_cap(self) -> timedelta:
        return timedelta(seconds=self.backoff_cap_seconds)

    @property
    def ageing(self) -> timedelta:
        return timedelta(hours=self.ageing_hours)

    @property
    def zone(self) -> tzinfo:
        """The zone in which schedules are read."""
        return settings_checks.zone(self.timezone)


@dataclass(frozen=True)
class Supervision:
    """What whoever supervises this process wants to hear, as systemd says it in the environment."""

    address: str | None = None  # a unix datagram socket; null: nobody listens
    watchdog_seconds: float | None = None  # restarts us when it hears nothing for so long; null: it does not


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
                values[name] = settings_checks.check(name, raw)
            except ValueError as fault:
                faults.append(f"{source}: {name} {fault}")
    if faults:
        raise ConfigInvalid(faults)
    values["host"] = values.get("host") or _host_name()
    return Config(home=home, **values)


_EXAMPLES = (
    '# backup_at = "03:00"',
    f'# standup_at = "{STANDUP_AT}"',
    '# log_format = "json"',
    "# attempts_retention_days, activities_retention_days: nothing is ever removed unless they say so; docs/logs.md",
    "# mirror = true",
    '# timezone = "Europe/Berlin"',
    '# pass_environment = ["ANTHROPIC_API_KEY"]',
    "# runner_slots = { shell = 4 }",
    '# runners.claude = { environment = { ANTHROPIC_BASE_URL = "http://127.0.0.1:8099" } }  # docs/runners.md',
    "# web = true  # with web_port, web_address, web_origins: docs/web-and-api.md",
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
    if f"{ENVIRONMENT_PREFIX}KEY" in environment:  # an agent at work cannot raise its own limits
        named = {"database": named["database"]}
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
