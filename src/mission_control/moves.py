"""Every move of a task, with its line of history: what all that the board does comes down to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mission_control.clock import Clock
from mission_control.domain.attempt import Outcome
from mission_control.domain.history import Activity
from mission_control.domain.task import Event, Status, Task, task_name
from mission_control.domain.task import move as target_of
from mission_control.errors import IllegalMove, NotFound
from mission_control.store import history, tasks
from mission_control.store.store import Store

SYSTEM = "mission_control"  # the actor of what nobody did by hand


class Moves:
    """Called inside a transaction of whoever moves."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def lock(self, task_id: int) -> Task:
        """The task, which nobody else moves until the transaction ends; NotFound when there is none."""
        task = tasks.lock(self._store, task_id)
        if task is None:
            raise NotFound(f"There is no task {task_name(task_id)}. See: missionctl task list --all")
        return task

    def move(
        self,
        task: Task,
        event: Event,
        *,
        actor: str,
        message: str = "",
        agent: str | None = None,
        attempt: int | None = None,
        outcome: Outcome | None = None,
        **changes: Any,
    ) -> Task:
        """Move the task by the table, with its activity line."""
        now = self._clock.now()
        moved = replace(task, status=target_of(task, event), updated_at=now, **changes)
        if not tasks.move(self._store, moved, from_status=task.status, now=now):
            raise IllegalMove(f"{task.name} was moved by somebody else meanwhile. Look again and retry.")
        activity = Activity(
            at=now,
            kind=outcome or event,
            actor=actor,
            message=message,
            task_id=task.id,
            attempt=attempt,
            agent=agent,
            from_status=task.status,
            to_status=moved.status,
        )
        history.append(self._store, activity)
        return moved

    def note(
        self,
        kind: str,
        task: Task,
        *,
        actor: str,
        message: str = "",
        to_status: Status | None = None,
        attempt: int | None = None,
    ) -> None:
        """One line of history without a move; of an attempt, its actor is the agent."""
        activity = Activity(
            at=self._clock.now(),
            kind=kind,
            actor=actor,
            message=message,
            task_id=task.id,
            attempt=attempt,
            agent=None if attempt is None else actor,
            to_status=to_status,
        )
        history.append(self._store, activity)
