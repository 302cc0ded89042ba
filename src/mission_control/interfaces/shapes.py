"""The JSON that every interface gives: plain objects with stable keys. Keys may be added, never renamed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mission_control.domain.attempt import Outcome, attempt_name
from mission_control.domain.task import Status, task_name
from mission_control.folder import Folder

if TYPE_CHECKING:  # one shape needs none of the others' parts
    from mission_control.dispatcher.seat import Occupant
    from mission_control.domain.access import AccessKey
    from mission_control.domain.attempt import Attempt
    from mission_control.domain.history import Activity, Comment
    from mission_control.domain.readiness import Hold
    from mission_control.domain.report import Attachment, Subtask
    from mission_control.domain.routine import Routine
    from mission_control.domain.statistics import Figures, Percentiles
    from mission_control.domain.task import Task
    from mission_control.heartbeat import Report
    from mission_control.interfaces.log_lines import LogLine
    from mission_control.store.routines import Maker
    from mission_control.store.settings import Pause
    from mission_control.views import AgentView, LiveAttempt, MachineView, Stats, StatusView, TaskView

_INSIDE = Folder(Path())  # paths in JSON are relative to the mission's folder
EXECUTOR_GONE = "executor gone, will be recovered at the next heartbeat"
_WAITING = (Status.INBOX, Status.REVIEW, Status.BLOCKED)  # the others wait for nothing

Json = dict[str, Any]


def instant_text(moment: datetime | None) -> str | None:
    """`2026-02-06T10:00:00.000000Z`: of one length, so that texts compare as instants do."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def task_json(view: TaskView, *, with_attempts: bool = True) -> Json:
    """A task as lists and `task show` give it."""
    task = view.task
    shape: Json = {
        "id": task.name,
        "title": task.title,
        "description": task.description,
        "status": task.status,
        "priority": task.priority,
        "agents": list(task.agents),
        "command": task.command,
        "after": [task_name(other) for other in task.after],
        "waiting_for": waiting_for(view),
        "next_claim": view.next_claim and {"agent": view.next_claim.agent, "at": instant_text(view.next_claim.at)},
        "not_before": instant_text(task.not_before),
        "retry_at": instant_text(task.retry_at),
        "max_attempts": task.max_attempts,
        "failures": task.failures,
        "unmet": task.unmet,
        "timeout_seconds": task.timeout_seconds,
        "review": task.review,
        "reason": task.reason,
        "key": task.key,
        "legacy_id": task.legacy_id,
        "parent": None if task.parent_id is None else task_name(task.parent_id),
        "cancel_requested_at": instant_text(task.cancel_requested_at),
        "created_at": instant_text(task.created_at),
        "updated_at": instant_text(task.updated_at),
    }
    if with_attempts:
        shape["attempts"] = [attempt_json(attempt) for attempt in view.attempts]
    return shape


def task_page_json(view: TaskView) -> Json:
    """A task with all that is known of it."""
    return {
        **task_json(view, with_attempts=True),
        "routine": view.maker and maker_json(view.maker),
        "thread": [comment_json(comment) for comment in view.thread],
        "subtasks": [subtask_json(subtask) for subtask in view.subtasks],
        "attachments": [attachment_json(attachment) for attachment in view.attachments],
        "activities": [activity_json(activity) for activity in view.activities],
    }


def waiting_for(view: TaskView) -> list[str]:
    """What a task waits for; nothing when it runs or has ended."""
    return [hold_text(hold) for hold in view.holds] if view.task.status in _WAITING else []


def hold_text(hold: Hold) -> str:
    """Why a task waits, with the instant where time alone ends it: `not before 2026-02-06T10:00:00.000000Z`."""
    if hold.until is None:
        return hold.text
    joint = "" if hold.text.endswith("before") else " until"
    return f"{hold.text}{joint} {instant_text(hold.until)}"


def attempt_json(attempt: Attempt) -> Json:
    """One try; `outcome` and `ended_at` are null while it is live, `log` is relative to the mission's folder."""
    return {
        "id": attempt.name,
        "task": task_name(attempt.task_id),
        "number": attempt.number,
        "token": attempt.token,
        "agent": attempt.agent,
        "host": attempt.host,
        "pid": attempt.executor and attempt.executor.pid,
        "outcome": attempt.outcome,
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "error": attempt.error,
        "claimed_at": instant_text(attempt.claimed_at),
        "started_at": instant_text(attempt.started_at),
        "ended_at": instant_text(attempt.ended_at),
        "queue_wait_seconds": attempt.queue_wait_seconds,
        "duration_seconds": attempt.duration_seconds,
        "tokens_in": attempt.tokens_in,
        "tokens_out": attempt.tokens_out,
        "cost_usd": attempt.cost_usd,
        "answer": attempt.answer,
        "session": attempt.session,
        "progress": attempt.progress,
        "progress_percent": attempt.progress_percent,
        "progress_at": instant_text(attempt.progress_at),
        "log": str(_INSIDE.output(attempt.task_id, attempt.number)),
    }


def comment_json(comment: Comment) -> Json:
    """One entry of a thread."""
    return {
        "id": comment.id,
        "task": task_name(comment.task_id),
        "author": comment.author,
        "kind": comment.kind,
        "body": comment.body,
        "created_at": instant_text(comment.created_at),
    }


def subtask_json(subtask: Subtask) -> Json:
    """A task that an attempt added below its own."""
    return {"id": task_name(subtask.id), "title": subtask.title, "status": subtask.status}


def attachment_json(attachment: Attachment) -> Json:
    """A file that was handed in; `path` is relative to the mission's folder."""
    return {
        "attempt": attempt_name(attachment.task_id, attachment.attempt),
        "name": attachment.name,
        "bytes": attachment.size,
        "sha256": attachment.sha256,
        "path": str(_INSIDE.attachments(attachment.task_id, attachment.attempt) / attachment.name),
        "created_at": instant_text(attachment.created_at),
    }


def progress_text(attempt: Attempt) -> str:
    """`40 %: tests are written`; empty while its agent has said nothing."""
    if attempt.progress is None:
        return ""
    return attempt.progress if attempt.progress_percent is None else f"{attempt.progress_percent} %: {attempt.progress}"


def activity_json(activity: Activity) -> Json:
    """One line of history."""
    return {
        "id": activity.id,
        "at": instant_text(activity.at),
        "kind": activity.kind,
        "actor": activity.actor,
        "task": None if activity.task_id is None else task_name(activity.task_id),
        "attempt": activity.attempt,
        "agent": activity.agent,
        "from_status": activity.from_status,
        "to_status": activity.to_status,
        "message": activity.message,
    }


def maker_json(maker: Maker) -> Json:
    """The routine that made a task."""
    return {"id": maker.name, "title": maker.title, "slot_at": instant_text(maker.slot_at)}


def agent_json(view: AgentView) -> Json:
    """A member of the squad."""
    agent = view.agent
    return {
        "name": agent.name,
        "status": view.status,
        "live": view.live,
        "slots": agent.slots,
        "next_heartbeat_at": instant_text(agent.next_heartbeat_at),
        "last_heartbeat_at": instant_text(agent.last_heartbeat_at),
        "role": agent.role,
        "runner": agent.runner,
        "model": agent.model,
        "schedule": agent.schedule,
        "host": agent.host,
        "review": agent.review,
        "paused": agent.paused,
        "legacy_id": agent.legacy_id,
        "created_at": instant_text(agent.created_at),
        "updated_at": instant_text(agent.updated_at),
    }


def status_json(view: StatusView, gone: Collection[str] = (), dispatcher: Occupant | None = None) -> Json:
    """The mission at one moment; `gone` names the live attempts whose executor is no longer there.

    `dispatcher` is the resident process of this machine; of others nothing is known here.
    """
    return {
        "at": instant_text(view.at),
        "healthy": not gone,
        "paused": None if view.paused is None else pause_json(view.paused),
        "machines": [_machine_json(machine, dispatcher) for machine in view.machines],
        "agents": [{**agent_json(agent), "why": agent_why(agent)} for agent in view.agents],
        "live": [_live_json(live, executing=live.attempt.name not in gone) for live in view.live],
        "tasks": _counts_json(view.tasks),
        "next_routine": view.next_routine and _next_routine_json(view.next_routine),
    }


def _next_routine_json(routine: Routine) -> Json:
    return {"id": routine.name, "title": routine.title, "at": instant_text(routine.next_at)}


def pause_json(pause: Pause) -> Json:
    """Since when nobody starts anything."""
    return {"since": instant_text(pause.since), "by": pause.by}


def agent_why(view: AgentView) -> str:
    """What keeps an agent from starting one more task, or which it starts next."""
    holds = "; ".join(hold_text(hold) for hold in view.holds)
    if view.next_task is None:
        return holds or "nothing to do"
    return f"{view.next_task.name}: {holds}" if holds else f"{view.next_task.name} is next"


def occupant_json(occupant: Occupant) -> Json:
    """The resident process of a machine."""
    return {"pid": occupant.pid, "host": occupant.host, "since": instant_text(occupant.since), "url": occupant.url}


def _machine_json(machine: MachineView, dispatcher: Occupant | None) -> Json:
    is_its = dispatcher is not None and dispatcher.host == machine.host
    return {
        "name": machine.host,
        "live": machine.live,
        "slots": machine.slots,
        "dispatcher": occupant_json(dispatcher) if dispatcher is not None and is_its else None,
    }


def _live_json(live: LiveAttempt, *, executing: bool) -> Json:
    return {
        **attempt_json(live.attempt),
        "title": live.task.title,
        "executing": executing,
        "why": live_why(live, executing=executing),
        "note": None if executing else EXECUTOR_GONE,
        "cancel_requested_at": instant_text(live.task.cancel_requested_at),
    }


def live_why(live: LiveAttempt, *, executing: bool) -> str:
    """What a live attempt is about, as its process and its lease tell."""
    if not executing:
        return EXECUTOR_GONE
    if live.task.cancel_requested_at is not None:
        return "being cancelled"
    if live.attempt.executor is None:
        return "starting"
    return progress_text(live.attempt) or "executing"


def stats_json(stats: Stats) -> Json:
    """Figures in total and per agent; `since` null: ever."""
    return {
        "since": instant_text(stats.since),
        "until": instant_text(stats.until),
        "total": _figures_json(stats.total),
        "agents": {name: _figures_json(figures) for name, figures in stats.agents.items()},
    }


def _figures_json(figures: Figures) -> Json:
    return {
        "executions": figures.executions,
        **{str(outcome): figures.outcomes[outcome] for outcome in Outcome},
        "running": figures.running,
        "blocked": figures.tasks[Status.BLOCKED],
        "success_rate": figures.success_rate,
        "queue_wait_seconds": _percentiles_json(figures.queue_wait_seconds),
        "duration_seconds": _percentiles_json(figures.duration_seconds),
        "tokens": figures.tokens,
        "tokens_in": figures.tokens_in,
        "tokens_out": figures.tokens_out,
        "cost_usd": figures.cost_usd,
        "tasks": _counts_json(figures.tasks),
    }


def _percentiles_json(percentiles: Percentiles) -> Json:
    return {"p50": percentiles.p50, "p90": percentiles.p90, "p99": percentiles.p99}


def _counts_json(counts: Mapping[Status, int]) -> Json:
    return {str(status): counts.get(status, 0) for status in Status}


def log_line_json(line: LogLine) -> Json:
    """A line of a log; null for what a line that log.py did not write does not have."""
    return {
        "at": line.at or None,
        "level": line.level or None,
        "event": line.event or None,
        "fields": line.fields,
        "text": line.text,
    }


def access_key_json(key: AccessKey) -> Json:
    """A token, without its secret."""
    return {
        "name": key.name,
        "scope": key.scope,
        "created_by": key.created_by,
        "created_at": instant_text(key.created_at),
        "expires_at": instant_text(key.expires_at),
        "used_at": instant_text(key.used_at),
    }


def report_json(report: Report) -> Json:
    """What one heartbeat found and did; `would_start` is filled by a dry run only."""
    return {
        "agent": report.agent,
        "result": report.result,
        "mentions": report.mentions,
        "started": [attempt_json(attempt) for attempt in report.started],
        "reaped": [attempt_json(attempt) for attempt in report.reaped],
        "waiting": report.waiting,
        "would_start": [_wanted_json(task) for task in report.would_start],
        "duration_ms": report.duration_ms,
        "error": report.error,
    }


def _wanted_json(task: Task) -> Json:
    return {
        "id": task.name,
        "title": task.title,
        "priority": task.priority,
        "agents": list(task.agents),
        "command": task.command,
    }
