"""The JSON that was promised to whoever reads it, said a second time: a key that goes or changes its kind fails here.

A shape is a type, a pattern or a set that the value must fit, None, a tuple of alternatives, a list of one shape for
every item, or a mapping of keys that must be there. Keys may be added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ForEachName:
    """A mapping whose keys are names: the shape of its values."""

    shape: Any


INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
TASK_ID = re.compile(r"T-\d+")
ATTEMPT_ID = re.compile(r"T-\d+/\d+")
LOG_PATH = re.compile(r"runs/T-\d+/\d+/output\.log")
STATUS = frozenset({"inbox", "in_progress", "review", "done", "blocked", "cancelled"})
OUTCOME = frozenset({"succeeded", "failed", "timed_out", "lost", "released", "cancelled"})
PRIORITY = frozenset({"urgent", "high", "normal", "low"})

ATTEMPT = {
    "id": ATTEMPT_ID,
    "task": TASK_ID,
    "number": int,
    "token": int,
    "agent": str,
    "host": str,
    "pid": (int, None),
    "outcome": (OUTCOME, None),
    "exit_code": (int, None),
    "signal": (int, None),
    "error": (str, None),
    "claimed_at": INSTANT,
    "started_at": (INSTANT, None),
    "ended_at": (INSTANT, None),
    "queue_wait_seconds": (float, None),
    "duration_seconds": (float, None),
    "tokens_in": (int, None),
    "tokens_out": (int, None),
    "cost_usd": (float, None),
    "answer": (str, None),
    "session": (str, None),
    "log": LOG_PATH,
}
LIVE_ATTEMPT = {**ATTEMPT, "outcome": None, "exit_code": None, "error": None, "ended_at": None}
ENDED_ATTEMPT = {**ATTEMPT, "outcome": OUTCOME, "ended_at": INSTANT}

TASK_IN_LIST = {
    "id": TASK_ID,
    "title": str,
    "description": str,
    "status": STATUS,
    "priority": PRIORITY,
    "agents": [str],
    "command": (str, None),
    "after": [TASK_ID],
    "waiting_for": [str],
    "next_claim": ({"agent": str, "at": (INSTANT, None)}, None),
    "not_before": (INSTANT, None),
    "retry_at": (INSTANT, None),
    "max_attempts": int,
    "failures": int,
    "unmet": int,
    "timeout_seconds": float,
    "review": bool,
    "reason": (str, None),
    "key": (str, None),
    "legacy_id": (str, None),
    "cancel_requested_at": (INSTANT, None),
    "created_at": INSTANT,
    "updated_at": INSTANT,
}
TASK = {**TASK_IN_LIST, "attempts": [ATTEMPT]}

COMMENT = {"id": int, "task": TASK_ID, "author": str, "kind": str, "body": str, "created_at": INSTANT}
ACTIVITY = {
    "id": int,
    "at": INSTANT,
    "kind": str,
    "actor": str,
    "task": (TASK_ID, None),
    "attempt": (int, None),
    "agent": (str, None),
    "from_status": (STATUS, None),
    "to_status": (STATUS, None),
    "message": str,
}
TASK_PAGE = {**TASK, "thread": [COMMENT], "activities": [ACTIVITY]}

AGENT = {
    "name": str,
    "status": frozenset({"idle", "active", "paused"}),
    "live": int,
    "slots": int,
    "next_heartbeat_at": (INSTANT, None),
    "last_heartbeat_at": (INSTANT, None),
    "role": str,
    "runner": str,
    "model": (str, None),
    "schedule": str,
    "host": (str, None),
    "review": bool,
    "paused": bool,
    "legacy_id": (str, None),
    "created_at": INSTANT,
    "updated_at": INSTANT,
}

RUNNER = {
    "name": str,
    "what": str,
    "found": bool,
    "program": (str, None),
    "path": (str, None),
    "capabilities": dict.fromkeys(("resume", "stream", "usage", "cost", "cancel", "model", "mcp"), bool),
    "passes": [str],
    "agents": [str],
}
TRIAL = {"runner": str, "ok": bool, "steps": [{"step": str, "ok": bool, "text": str}]}

REPORT = {
    "agent": str,
    "result": frozenset({"ok", "worked", "paused", "error"}),
    "mentions": int,
    "started": [ATTEMPT],
    "reaped": [ENDED_ATTEMPT],
    "waiting": int,
    "would_start": [{"id": TASK_ID, "title": str, "priority": PRIORITY, "agents": [str], "command": (str, None)}],
    "duration_ms": float,
    "error": (str, None),
}

OCCUPANT = {"pid": int, "host": str, "since": INSTANT}
UP = {**OCCUPANT, "home": str, "detached": bool}
DOWN = {"ended_process": (OCCUPANT, None), "ended": [ENDED_ATTEMPT], "live": [LIVE_ATTEMPT]}
PAUSE = {"paused": ({"since": INSTANT, "by": str}, None)}

_COUNTS = dict.fromkeys(sorted(STATUS), int)
STATUS_PAGE = {
    "at": INSTANT,
    "healthy": bool,
    "paused": PAUSE["paused"],
    "machines": [{"name": str, "live": int, "slots": (int, None), "dispatcher": (OCCUPANT, None)}],
    "agents": [{**AGENT, "why": str}],
    "live": [
        {
            **LIVE_ATTEMPT,
            "title": str,
            "executing": bool,
            "why": str,
            "note": (str, None),
            "cancel_requested_at": (INSTANT, None),
        }
    ],
    "tasks": _COUNTS,
}
TOP = {**STATUS_PAGE, "queue": [TASK_IN_LIST], "activities": [ACTIVITY]}

_PERCENTILES = {"p50": (float, None), "p90": (float, None), "p99": (float, None)}
_FIGURES = {
    "executions": int,
    **dict.fromkeys(sorted(OUTCOME), int),
    "running": int,
    "blocked": int,
    "success_rate": (float, None),
    "queue_wait_seconds": _PERCENTILES,
    "duration_seconds": _PERCENTILES,
    "tokens": (int, None),
    "tokens_in": (int, None),
    "tokens_out": (int, None),
    "cost_usd": (float, None),
    "tasks": _COUNTS,
}
STATS = {"since": (INSTANT, None), "until": INSTANT, "total": _FIGURES, "agents": ForEachName(_FIGURES)}

LOG_LINE = {"at": (str, None), "level": (str, None), "event": (str, None), "fields": ForEachName(str), "text": str}
DOCTOR = {
    "home": str,
    "healthy": bool,
    "findings": [{"check": str, "level": frozenset({"ok", "warning", "fault"}), "fact": str, "next_step": (str, None)}],
    "mended": [str],
}
SERVICE = {
    "name": str,
    "kind": frozenset({"systemd", "launchd"}),
    "path": str,
    "standing": frozenset({"missing", "same", "outdated", "edited", "other_mission", "foreign"}),
    "diff": [str],
    "state": ({"loaded": bool, "running": bool, "words": str}, None),
    "notes": [str],
}
SERVICE_DEED = {
    **SERVICE,
    "dry_run": bool,
    "changed": bool,
    "kept": (str, None),
    "commands": [{"command": [str], "code": (int, None), "said": str}],
    "next_steps": [str],
}
CRON = {
    "home": str,
    "installed": bool,
    "edited": bool,
    "names": ([str], None),
    "block": [str],
    "differs": bool,
    "diff": str,
    "notes": [str],
    "agents": [{"agent": str, "schedule": str, "line": (str, None), "next": [INSTANT]}],
}
CRON_CHANGE = {"changed": bool, "dry_run": bool, "diff": str, "notes": [str]}
IMPORT = {
    "folder": str,
    "dry_run": bool,
    "refused": bool,
    "counts": ForEachName(int),
    "missing": [str],
    "ignored": [str],
    "rows": [
        {
            "file": str,
            "row": int,
            "id": str,
            "fate": frozenset({"imported", "changed", "already_there", "differs"}),
            "becomes": str,
            "name": (str, None),
            "status": (str, None),
            "notes": [str],
        }
    ],
}
IMPORT_REFUSED = {
    "refused": bool,
    "fault_count": int,
    "faults": [{"file": (str, None), "row": (int, None), "id": (str, None), "reason": str}],
}
DEMO = {
    "home": str,
    "as_announced": bool,
    "duration_seconds": float,
    "tasks": [{**TASK, "announced": {"status": STATUS, "outcomes": [OUTCOME]}, "difference": (str, None)}],
}


def differences(value: Any, shape: Any, place: str = "the document") -> Iterator[str]:
    """Where `value` is not of `shape`, in words; nothing when it is."""
    match shape:
        case dict():
            yield from _in_object(value, shape, place)
        case ForEachName():
            wanted = dict.fromkeys(value, shape.shape) if isinstance(value, dict) else {}
            yield from _in_object(value, wanted, place)
        case list():
            if not isinstance(value, list):
                yield f"{place} is {value!r}, not a list"
                return
            for position, item in enumerate(value):
                yield from differences(item, shape[0], f"{place}[{position}]")
        case tuple():
            if all(any(differences(value, alternative)) for alternative in shape):
                yield f"{place} is {value!r}, none of {shape}"
        case _ if not _fits(value, shape):
            yield f"{place} is {value!r}, not {shape}"


def _in_object(value: Any, shape: dict[str, Any], place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place} is {value!r}, not an object"
        return
    for key, inner in shape.items():
        if key in value:
            yield from differences(value[key], inner, f"{place}.{key}")
        else:
            yield f"{place}.{key} is missing"


def _fits(value: Any, shape: Any) -> bool:
    match shape:
        case None:
            return value is None
        case re.Pattern():
            return isinstance(value, str) and shape.fullmatch(value) is not None
        case frozenset():
            return value in shape
        case type():  # JSON writes 30.0 and 30 for one number, and a truth is no number
            return isinstance(value, (int, float) if shape is float else shape) and isinstance(value, bool) is (
                shape is bool
            )
    raise AssertionError(shape)


BACKUP = {
    "name": str,
    "path": str,
    "made_at": INSTANT,
    "program": (str, None),
    "schema": (int, None),
    "agents": (int, None),
    "tasks": (int, None),
    "attempts": (int, None),
    "files": (int, None),
    "bytes": (int, None),
    "runs": (bool, None),
    "left_out": [str],
    "fault": (str, None),
}
BACKUP_MADE = {name: shape for name, shape in BACKUP.items() if name != "fault"} | {"removed": [str]}
RESTORED = {
    "backup": str,
    "made_at": INSTANT,
    "tasks": int,
    "replaced_tasks": (int, None),
    "kept": str,
    "crontab": (str, None),
    "other_mission": bool,
    "can_go_back": bool,
    "dry_run": bool,
}
EXPORTED = {
    "folder": str,
    "rows": {f"{name}.json": int for name in ("agents", "tasks", "messages", "notifications", "activities")},
}
