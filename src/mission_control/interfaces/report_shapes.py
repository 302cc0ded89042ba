"""The JSON of what agents leave and what waits for people; as in shapes.py keys may be added, never renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mission_control.interfaces.shapes import Json, instant_text

if TYPE_CHECKING:
    from mission_control.domain.report import Memory
    from mission_control.inbox import Call


def memory_json(memory: Memory) -> Json:
    """One version of an agent's WORKING.md; `attempt` null: written by hand."""
    return {
        "version": memory.id,
        "agent": memory.agent,
        "attempt": None if memory.task_id is None else memory.author,
        "body": memory.body,
        "created_at": instant_text(memory.created_at),
    }


def call_json(call: Call) -> Json:
    """What waits for a person, and the command that goes on from there."""
    return {
        "need": call.need,
        "task": call.task.name,
        "title": call.task.title,
        "author": call.author or None,
        "text": call.text,
        "since": instant_text(call.since),
        "next": next_step(call),
    }


def next_step(call: Call) -> str:
    """What a person would do about it."""
    match call.need.value:
        case "question":
            return f"missionctl task answer {call.task.name} TEXT"
        case "review":
            return f"missionctl task approve {call.task.name}, or reject {call.task.name} TEXT"
        case "blocked":
            return f"missionctl task retry {call.task.name}, or look: missionctl task logs {call.task.name}"
        case _:
            return f"missionctl task comment {call.task.name} TEXT"
