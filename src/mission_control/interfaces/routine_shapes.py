"""The JSON of routines; as in shapes.py keys may be added, never renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mission_control.interfaces.shapes import Json, instant_text

if TYPE_CHECKING:
    from mission_control.routine_views import RoutineView
    from mission_control.store.routines import Made


def routine_json(view: RoutineView) -> Json:
    """A routine with its newest task. Null limits: as the mission has them when a task is made."""
    routine = view.routine
    return {
        "id": routine.name,
        "title": routine.title,
        "status": view.status,
        "every": routine.schedule,
        "next_at": instant_text(routine.next_at),
        "fault": routine.fault,
        "agents": list(routine.agents),
        "command": routine.command,
        "description": routine.description,
        "priority": routine.priority,
        "max_attempts": routine.max_attempts,
        "timeout_seconds": routine.timeout_seconds,
        "review": routine.review,
        "catch_up": routine.catch_up,
        "overlap": routine.overlap,
        "last_task": made_json(view.made[0]) if view.made else None,
        "created_at": instant_text(routine.created_at),
        "updated_at": instant_text(routine.updated_at),
    }


def routine_page_json(view: RoutineView) -> Json:
    """A routine looked at alone: with its next slots and its newest tasks."""
    next_slots = [instant_text(slot_at) for slot_at in view.next_slots]
    return {**routine_json(view), "next_slots": next_slots, "tasks": [made_json(made) for made in view.made]}


def made_json(made: Made) -> Json:
    """A task that a routine has made; `slot_at` null: a person wanted it at once."""
    return {
        "id": made.name,
        "title": made.title,
        "status": made.status,
        "slot_at": instant_text(made.slot_at),
        "made_at": instant_text(made.made_at),
    }
