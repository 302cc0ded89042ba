"""How our words look on a terminal: one icon, word and colour for each, the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from mission_control.domain.attempt import Outcome
from mission_control.domain.readiness import Hold, HoldKind
from mission_control.domain.task import Priority, Status
from mission_control.interfaces.cli.output import Cell
from mission_control.interfaces.shapes import instant_text
from mission_control.views import TaskView

_STATUS: Mapping[Status, tuple[str, str]] = {
    Status.INBOX: ("○", ""),
    Status.IN_PROGRESS: ("◐", "cyan"),
    Status.REVIEW: ("◆", "magenta"),
    Status.DONE: ("✓", "green"),
    Status.BLOCKED: ("■", "bold red"),
    Status.CANCELLED: ("⊘", "bright_black"),
}
_PRIORITY: Mapping[Priority, tuple[str, str]] = {
    Priority.URGENT: ("▲ urgent", "bold red"),
    Priority.HIGH: ("↑ high", "yellow"),
    Priority.NORMAL: ("", ""),  # what is usual needs no ink
    Priority.LOW: ("↓ low", "bright_black"),
}
_OUTCOME: Mapping[Outcome, tuple[str, str]] = {
    Outcome.SUCCEEDED: ("✓", "green"),
    Outcome.FAILED: ("✗", "red"),
    Outcome.TIMED_OUT: ("✗", "red"),
    Outcome.LOST: ("?", "yellow"),
    Outcome.RELEASED: ("↩", "bright_black"),
    Outcome.CANCELLED: ("⊘", "bright_black"),
}
_AGENT_STATUS: Mapping[str, tuple[str, str]] = {
    "idle": ("○", ""),
    "active": ("●", "cyan"),
    "paused": ("‖", "yellow"),
}
_ROUTINE_STATUS: Mapping[str, tuple[str, str]] = {
    "active": ("↻", ""),
    "paused": ("‖", "yellow"),
    "failing": ("✗", "red"),
}
_STEPS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "m"), (timedelta(seconds=1), "s"))


def status_cell(status: Status) -> Cell:
    icon, style = _STATUS[status]
    return Cell(status.value, f"{icon} {status.value.replace('_', ' ')}", style)


def priority_cell(priority: Priority) -> Cell:
    shown, style = _PRIORITY[priority]
    return Cell(priority.value, shown, style)


def outcome_cell(outcome: Outcome | None) -> Cell:
    """Null while the attempt is live."""
    if outcome is None:
        return Cell("", "◐ running", "cyan")
    icon, style = _OUTCOME[outcome]
    return Cell(outcome.value, f"{icon} {outcome.value.replace('_', ' ')}", style)


def agents_cell(names: tuple[str, ...]) -> Cell:
    return Cell(",".join(names), ", ".join(names) or "nobody", "" if names else "yellow")


def instant_cell(moment: datetime | None, now: datetime) -> Cell:
    """Exact for a pipe, relative for a person: `5m ago`, `in 2h`."""
    if moment is None:
        return Cell("")
    return Cell(instant_text(moment) or "", relative(moment, now), "bright_black")


def due_cell(moment: datetime | None, now: datetime) -> Cell:
    """When something should happen next."""
    cell = instant_cell(moment, now)
    return Cell(cell.plain, "due", "yellow") if moment is not None and moment <= now else cell


def relative(moment: datetime, now: datetime) -> str:
    """`now`, `5m ago`, `in 2h`."""
    if abs(moment - now) < timedelta(seconds=1):
        return "now"
    return f"in {span(moment - now)}" if moment > now else f"{span(now - moment)} ago"


def span(length: timedelta) -> str:
    """A duration in the largest unit of which it has two: `45s`, `5m`, `90m`, `3h`, `12d`; below a second `420ms`.

    >>> span(timedelta(minutes=90)), span(timedelta(minutes=180)), span(timedelta(milliseconds=420))
    ('90m', '3h', '420ms')
    """
    for step, unit in _STEPS:
        if length >= 2 * step:
            return f"{round(length / step)}{unit}"
    seconds = length.total_seconds()
    return f"{seconds:.1f}s" if seconds >= 1 else f"{1000 * seconds:.0f}ms"


def elapsed_text(length: timedelta) -> str:
    """How long something has been going on, of a width that does not jump: `7s`, `4m07s`, `2h04m`, `3d02h`.

    >>> elapsed_text(timedelta(seconds=7.9)), elapsed_text(timedelta(seconds=247)), elapsed_text(timedelta(hours=50))
    ('7s', '4m07s', '2d02h')
    """
    seconds = max(0, int(length.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if days:
        return f"{days}d{hours % 24:02}h"
    if hours:
        return f"{hours}h{minutes % 60:02}m"
    return f"{minutes}m{seconds % 60:02}s" if minutes else f"{seconds}s"


def waiting_text(view: TaskView, now: datetime) -> str:
    """Why a task waits, for a person; empty where its status says it all."""
    if view.task.status not in (Status.INBOX, Status.BLOCKED):
        return ""
    return "; ".join(hold_text(hold, now) for hold in view.holds)


def hold_text(hold: Hold, now: datetime) -> str:
    """One cause, with how long it still lasts: `backoff after failure 1, for 25s`."""
    if hold.kind is HoldKind.PREDECESSOR:
        return f"waits: {hold.text}"
    if hold.until is None or hold.until <= now:
        return hold.text
    if hold.kind is HoldKind.NOT_BEFORE:
        return f"not before {local_text(hold.until)} ({relative(hold.until, now)})"
    return f"{hold.text}, for {span(hold.until - now)}"


def local_text(moment: datetime) -> str:
    """`2026-02-06 10:00:00` on the clock of whoever reads."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def routine_status_cell(status: str) -> Cell:
    """`active`, `paused` or `failing`."""
    icon, style = _ROUTINE_STATUS[status]
    return Cell(status, f"{icon} {status}", style)


def agent_status_cell(status: str) -> Cell:
    """`idle`, `active` or `paused`."""
    icon, style = _AGENT_STATUS[status]
    return Cell(status, f"{icon} {status}", style)
