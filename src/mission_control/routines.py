"""What may be done with routines, and the tasks they make when a slot of their schedule has come.

Whoever is awake makes them, several at once without harm: a routine is locked while its slots are decided, and the
database refuses a second task for one slot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from mission_control.board import Board
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.draft import NewTask
from mission_control.domain.history import Activity
from mission_control.domain.routine import CatchUp, Overlap, Routine, decide, routine_name
from mission_control.domain.schedule import check_schedule, next_heartbeat
from mission_control.domain.task import Priority, Task, task_name
from mission_control.errors import Conflict, InvalidInput, NotFound
from mission_control.store import dispatch, history, routines
from mission_control.store.store import Store


@dataclass(frozen=True)
class NewRoutine:
    """What somebody wants again and again; null takes the default."""

    title: str
    every: str  # a cron expression
    agents: tuple[str, ...] = ()
    description: str = ""
    command: str | None = None
    priority: Priority = Priority.NORMAL
    max_attempts: int | None = None
    timeout: timedelta | None = None
    review: bool = False
    catch_up: CatchUp = CatchUp.ONCE
    overlap: Overlap | None = None  # queue where every slot is caught up, else skip


class Routines:
    """Every change to routines. Raises InvalidInput, NotFound or Conflict and then has changed nothing."""

    def __init__(self, store: Store, board: Board, clock: Clock, config: Config) -> None:
        self._store = store
        self._board = board
        self._clock = clock
        self._config = config

    def add(self, new: NewRoutine, *, actor: str) -> Routine:
        """A routine whose first task comes with the next slot."""
        with self._store.transaction():
            wanted = self._checked(new)
            added = replace(wanted, id=routines.insert(self._store, wanted))
            self._note("routine_added", added, actor=actor)
            return added

    def edit(self, routine_id: int, changes: dict[str, Any], *, actor: str) -> Routine:
        """Change fields of NewRoutine. Tasks that it has made stay as they are."""
        with self._store.transaction():
            routine = self._lock(routine_id)
            checked = self._checked(replace(_as_asked(routine), **changes))
            edited = replace(checked, id=routine.id, paused=routine.paused, created_at=routine.created_at)
            if routine.paused or edited.schedule == routine.schedule:
                # A slot that has come, and that nobody has looked at yet, is not forgotten.
                edited = replace(edited, next_at=routine.next_at, planned_at=routine.planned_at)
            return self._changed(edited, "routine_edited", actor=actor, message=", ".join(sorted(changes)))

    def pause(self, routine_id: int, *, actor: str) -> Routine:
        """Let it make nothing until it is resumed; slots until then are not made up for."""
        with self._store.transaction():
            routine = self._lock(routine_id)
            if routine.paused:
                return routine
            paused = replace(routine, paused=True, next_at=None, planned_at=None)
            return self._changed(paused, "routine_paused", actor=actor)

    def resume(self, routine_id: int, *, actor: str) -> Routine:
        """Let it make tasks again, from the next slot on."""
        now = self._clock.now()
        with self._store.transaction():
            routine = self._lock(routine_id)
            if not routine.paused:
                return routine
            next_at = next_heartbeat(routine.schedule, now, self._config.zone)
            resumed = replace(routine, paused=False, next_at=next_at, planned_at=now)
            return self._changed(resumed, "routine_resumed", actor=actor)

    def remove(self, routine_id: int, *, actor: str) -> Routine:
        """End it; the tasks that it has made stay."""
        with self._store.transaction():
            removed = replace(self._lock(routine_id), removed=True, next_at=None, planned_at=None)
            return self._changed(removed, "routine_removed", actor=actor)

    def run(self, routine_id: int, *, actor: str) -> Task:
        """Make its task now, besides its schedule, also while it is paused or an earlier task is unfinished."""
        with self._store.transaction():
            routine = self._lock(routine_id)
            task, _ = self._board.add(_as_task(routine), actor=actor)
            routines.take(self._store, routine.id, None, task_id=task.id, now=self._clock.now())
            return task

    def make_due(self) -> bool:
        """Make the tasks of all slots that have come, a transaction for each routine; whether there were any.

        There may be more at once, of a routine that catches up very many. A routine that cannot make its task says
        why in its `fault` and in the history, and goes on with its next slot.
        """
        made = False
        if dispatch.is_routine_due(self._store, self._clock.now()):
            for routine_id in routines.due(self._store, self._clock.now()):
                made |= self._decide(routine_id)
        return made

    def _decide(self, routine_id: int) -> bool:
        now = self._clock.now()
        with self._store.transaction():
            routine = routines.lock_due(self._store, routine_id, now)
            if routine is None:
                return False
            try:
                decision = decide(routine, now, self._config.zone)
            except InvalidInput as fault:  # a schedule that never fires again
                self._fail(routine, str(fault))
                routines.plan(self._store, routine.id, next_at=None, now=now, fault=str(fault))
                return True
            if decision.missed_from is not None:
                slots = f"the slots since {_shown(decision.missed_from)}, when nobody was awake"
                told = f"one task for {slots}" if decision.make else f"no task for {slots}"
                self._note("routine_missed", routine, message=told)
            why = routine.fault
            for slot_at in decision.make:
                why = self._make(routine, slot_at)
            routines.plan(self._store, routine.id, next_at=decision.next_at, now=now, fault=why)
            return bool(decision.make)

    def _make(self, routine: Routine, slot_at: datetime) -> str | None:
        """Why the slot made no task although it should have."""
        if routines.is_taken(self._store, routine.id, slot_at):
            return None  # before the clock was set back
        if routine.overlap is Overlap.SKIP and (earlier := routines.unfinished(self._store, routine.id)):
            name, status = task_name(earlier[0]), earlier[1]
            message = f"no task for {_shown(slot_at)}: {name} is still {status}"
            self._note("routine_skipped", routine, message=message)
            return None
        try:
            task, _ = self._board.add(_as_task(routine), actor=routine.name)
        except (InvalidInput, NotFound, Conflict) as fault:
            self._fail(routine, str(fault))
            return str(fault)
        routines.take(self._store, routine.id, slot_at, task_id=task.id, now=self._clock.now())
        return None

    def _fail(self, routine: Routine, why: str) -> None:
        self._note("routine_failed", routine, message=why)

    def _checked(self, new: NewRoutine) -> Routine:
        """The routine as it will stand, still without its id."""
        now = self._clock.now()
        if not new.agents:
            raise InvalidInput("A routine needs somebody who does its tasks. Say who: --to AGENT")
        overlap = new.overlap or (Overlap.QUEUE if new.catch_up is CatchUp.ALL else Overlap.SKIP)
        if (new.catch_up, overlap) == (CatchUp.ALL, Overlap.SKIP):
            raise InvalidInput(
                "With --catch-up all several tasks are made at once, which --overlap skip would leave out again. "
                "Give --overlap queue, or --catch-up once."
            )
        schedule = check_schedule(new.every)
        task = self._board.check(_draft(new))
        return Routine(
            id=0,
            title=task.title,
            description=task.description,
            command=task.command,
            agents=task.agents,
            priority=task.priority,
            max_attempts=new.max_attempts,
            timeout_seconds=None if new.timeout is None else new.timeout.total_seconds(),
            review=new.review,
            schedule=schedule,
            catch_up=new.catch_up,
            overlap=overlap,
            paused=False,
            removed=False,
            next_at=next_heartbeat(schedule, now, self._config.zone),
            planned_at=now,
            fault=None,
            created_at=now,
            updated_at=now,
        )

    def _lock(self, routine_id: int) -> Routine:
        routine = routines.lock(self._store, routine_id)
        if routine is None or routine.removed:
            raise NotFound(f"There is no routine {routine_name(routine_id)}. See: missionctl routine list")
        return routine

    def _changed(self, routine: Routine, kind: str, *, actor: str, message: str = "") -> Routine:
        now = self._clock.now()
        routines.update(self._store, routine, now=now)
        self._note(kind, routine, actor=actor, message=message)
        return replace(routine, updated_at=now)

    def _note(self, kind: str, routine: Routine, *, actor: str | None = None, message: str = "") -> None:
        """One line of history; without an actor it is the routine itself."""
        text = f"{routine.name} {routine.title}" + (f": {message}" if message else "")
        line = Activity(at=self._clock.now(), kind=kind, actor=actor or routine.name, message=text)
        history.append(self._store, line)


def _as_asked(routine: Routine) -> NewRoutine:
    return NewRoutine(
        title=routine.title,
        every=routine.schedule,
        agents=routine.agents,
        description=routine.description,
        command=routine.command,
        priority=routine.priority,
        max_attempts=routine.max_attempts,
        timeout=_timeout(routine),
        review=routine.review,
        catch_up=routine.catch_up,
        overlap=routine.overlap,
    )


def _as_task(routine: Routine) -> NewTask:
    return _draft(_as_asked(routine))


def _draft(new: NewRoutine) -> NewTask:
    return NewTask(
        title=new.title,
        agents=new.agents,
        description=new.description,
        command=new.command,
        priority=new.priority,
        max_attempts=new.max_attempts,
        timeout=new.timeout,
        review=new.review,
    )


def _timeout(routine: Routine) -> timedelta | None:
    return None if routine.timeout_seconds is None else timedelta(seconds=routine.timeout_seconds)


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
