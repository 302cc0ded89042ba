"""The log lines of a mission: every event and its level is named here, and nowhere else.

INFO a task moved, WARNING something was recovered, ERROR a person should look. Fields only: never prompts,
output or environment. A line is one write, so lines of several processes never mix.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mission_control.folder import make_private_directory, open_private
from mission_control.settings_checks import LogFormat

LEVELS: Mapping[str, str] = {
    "heartbeat_ok": "INFO",
    "heartbeat_worked": "INFO",
    "heartbeat_paused": "INFO",
    "heartbeat_failed": "ERROR",
    "heartbeat_missed": "WARNING",
    "attempt_claimed": "INFO",
    "attempt_started": "INFO",
    "attempt_succeeded": "INFO",
    "attempt_failed": "ERROR",
    "attempt_timed_out": "ERROR",
    "attempt_lost": "WARNING",
    "attempt_released": "INFO",
    "attempt_cancelled": "INFO",
    "attempt_recovered": "WARNING",
    "attempt_not_recorded": "ERROR",
    "lease_lost": "WARNING",
    "stragglers_ended": "WARNING",
    "output_cut": "WARNING",
    "dispatcher_started": "INFO",
    "dispatcher_stopped": "INFO",
    "dispatcher_failed": "ERROR",
    "dispatcher_goes_on": "INFO",
    "launcher_lost": "WARNING",
    "clock_jumped": "WARNING",
    "backup_made": "INFO",
    "backup_failed": "ERROR",
    "mirror_failed": "ERROR",
    "upkeep_failed": "ERROR",
    "upkeep_goes_on": "INFO",
    "cron_heartbeat": "INFO",
    "notice_delivered": "INFO",
    "notice_failed": "WARNING",
    "notice_given_up": "ERROR",
    "pruned": "INFO",
}
_writing = LogFormat.TEXT  # of this process; a setting of the mission that is the same for all of it


def write_as(form: LogFormat) -> None:
    """Write lines like this from now on."""
    global _writing  # noqa: PLW0603  every line of the process is meant, whoever writes it
    _writing = form


def line(event: str, at: datetime, fields: Mapping[str, Any]) -> str:
    """`2026-02-06T10:00:00.000Z WARNING attempt_lost task=T-42 error="executor is gone"`, without a newline."""
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if _writing is LogFormat.JSON:
        return _json_line(stamp, event, fields)
    return " ".join(filter(None, [stamp, f"{LEVELS[event]:<7}", event, words(fields)]))


def words(fields: Mapping[str, Any]) -> str:
    """`task=T-42 error="executor is gone"`; fields that are null are left out."""
    return " ".join(f"{name}={_value(value)}" for name, value in fields.items() if value is not None)


def _json_line(stamp: str, event: str, fields: Mapping[str, Any]) -> str:
    """One flat object; no field is called as one of its first three keys. Numbers stay numbers."""
    given = {name: value for name, value in fields.items() if value is not None}
    plain = {name: value if isinstance(value, int | float) else str(value) for name, value in given.items()}
    return json.dumps({"at": stamp, "level": LEVELS[event], "event": event, **plain})


def append(path: Path | str, event: str, at: datetime, **fields: Any) -> None:
    """Append one line to a log file; a disk that takes no more logs stops no work."""
    append_lines(path, [line(event, at, fields)])


def append_lines(path: Path | str, lines: Sequence[str]) -> None:
    """Append lines, all in one write."""
    text = "".join(f"{line}\n" for line in lines).encode()
    try:
        try:
            descriptor = open_private(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        except FileNotFoundError:
            make_private_directory(os.path.dirname(path))
            descriptor = open_private(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except OSError:
        return
    try:
        os.write(descriptor, text)
    except OSError:
        pass  # disk full: the database still holds the history
    finally:
        os.close(descriptor)


def _value(value: Any) -> str:
    """A value as one word; quoted and escaped where it could be mistaken for more."""
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    if text and text.isascii() and text.isprintable() and not set(" '\"=\\") & set(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in escaped) + '"'
