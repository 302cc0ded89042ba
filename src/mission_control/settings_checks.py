"""What each setting may be: its range or its words, and what is wrong with another value."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from datetime import UTC, time, tzinfo
from enum import StrEnum
from typing import Any

STANDUP_AT = "23:30"  # where somebody only says that there are to be standups


class LogFormat(StrEnum):
    """How a line of a log is written."""

    TEXT = "text"
    JSON = "json"


class Isolation(StrEnum):
    """What keeps an attempt from the rest of the machine. A level that cannot be had fails the attempt."""

    PROCESS = "process"  # a session, a folder and an environment of its own; may touch what its user may
    LANDLOCK = "landlock"  # the kernel refuses files outside of its workspace
    BUBBLEWRAP = "bubblewrap"  # it does not even see them, nor other processes


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
    "log_max_bytes": (1_000, 10**12),
    "log_keep": (1, 1_000),
    "attempts_retention_days": (0.01, 100_000),
    "activities_retention_days": (0.01, 100_000),
    "notify_give_up_hours": (0.001, 10_000),
    "max_subtasks": (0, 10_000),
    "max_subtask_depth": (0, 100),
    "max_hand_offs": (0, 1_000),
    "max_attachment_bytes": (0, 10**13),
    "max_prompt_characters": (2_000, 10_000_000),
    "max_memory_bytes": (1_000_000, 10**15),
    "max_cpu_seconds": (0.1, 30 * 86_400),
    "max_processes": (1, 1_000_000),
    "max_open_files": (16, 1_000_000),
    "max_file_bytes": (1_000, 10**15),
    "web_port": (1, 65_535),
}
_WHOLE = {name for name in RANGES if not name.endswith(("_seconds", "_hours", "_days"))}
CHOICES: Mapping[str, type[StrEnum]] = {"isolation": Isolation, "log_format": LogFormat}
LISTS = {  # name -> what its entries are
    "pass_environment": "variable names",
    "readable_paths": "paths",
    "writable_paths": "paths",
    "web_origins": "origins",
}


def check(name: str, raw: Any) -> Any:
    """The value of one setting in its own type; ValueError says what is wrong with it."""
    if name in RANGES:
        return _checked_number(name, raw)
    if name in _CHECKS:
        return _CHECKS[name](raw)
    if name in LISTS:
        return _checked_list(name, raw)
    text = _checked_line(raw)
    return _checked_choice(CHOICES[name], text) if name in CHOICES else text


def _checked_line(raw: Any) -> str:
    if not isinstance(raw, str) or not raw or any(character < " " for character in raw):
        raise ValueError("must be a text of one line")
    return raw


def _checked_list(name: str, raw: Any) -> tuple[str, ...]:
    words = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"must be a list of {LISTS[name]}")
    found = tuple(word.strip() for word in words if word.strip())
    checked = {"paths": _checked_path, "origins": _checked_origin}.get(LISTS[name], str)
    return tuple(checked(word) for word in found)


def _checked_path(text: str) -> str:
    """Whole, so that it means the same wherever a process stands; `~` is whoever runs the mission."""
    path = os.path.expanduser(text)
    if not os.path.isabs(path) or "\0" in path:
        raise ValueError(f"has {text!r}; a path starts with / or ~/")
    return path


def _checked_origin(text: str) -> str:
    """Scheme, host and perhaps a port, as browsers write it in the header of that name."""
    import re

    if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", text):
        raise ValueError(f"has {text!r}; an origin is written like https://mission.example.org, without a path")
    return text


def _checked_address(raw: Any) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_address(_checked_line(raw)))
    except ValueError:
        raise ValueError(f"is {raw!r}; it must be an IP address, e.g. 127.0.0.1") from None


def _checked_runner_slots(raw: Any) -> dict[str, int]:
    """`{ shell = 4 }` in the file, `shell=4,claude=2` in the environment."""
    if isinstance(raw, str):
        raw = dict(pair.partition("=")[::2] for pair in raw.split(",") if pair.strip())
    if not isinstance(raw, Mapping):
        raise ValueError("must name runners with their slots, e.g. { shell = 4 }")
    return {name.strip(): int(_checked_number("slots", slots, f"for {name.strip()} ")) for name, slots in raw.items()}


def _checked_runners(raw: Any) -> dict[str, dict[str, Any]]:
    from mission_control import runner_settings  # for missions that have some

    return runner_settings.checked(raw)


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


def _checked_standup_at(raw: Any) -> str | None:
    """Also a yes, which means the usual time, or a no."""
    if isinstance(raw, bool) or raw in ("true", "false"):
        return STANDUP_AT if _checked_truth(raw) else None
    return _checked_time_of_day(raw)


def _checked_time_of_day(raw: Any) -> str:
    text = raw if isinstance(raw, str) and len(raw) == len("HH:MM") else ""
    try:
        time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"is {raw!r}; a time of day is written HH:MM, e.g. 03:00") from None
    return text


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


def _checked_timezone(raw: Any) -> str:
    name = _checked_line(raw)
    zone(name)
    return name


def _checked_cgroup(raw: Any) -> str:
    return _checked_path(_checked_line(raw))


def zone(name: str) -> tzinfo:
    """The zone of that name; ValueError when none is known. `local` is the machine's own."""
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


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "timezone": _checked_timezone,
    "backup_at": _checked_time_of_day,
    "standup_at": _checked_standup_at,
    "mirror": _checked_truth,
    "runner_slots": _checked_runner_slots,
    "runners": _checked_runners,
    "cgroup": _checked_cgroup,
    "web": _checked_truth,
    "web_open_metrics": _checked_truth,
    "web_address": _checked_address,
}
