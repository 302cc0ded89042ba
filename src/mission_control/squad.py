"""What may be done with agents. One method is one transaction with its activity line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain import limits
from mission_control.domain.agent import Agent
from mission_control.domain.history import Activity
from mission_control.domain.schedule import check_schedule, next_heartbeat, staggered_schedule
from mission_control.domain.task import task_name
from mission_control.errors import Conflict, InvalidInput, NotFound
from mission_control.store import agents, history, routines, settings
from mission_control.store.settings import Pause
from mission_control.store.store import Store

ROLE_CHARACTERS = 500


@dataclass(frozen=True)
class NewAgent:
    """Who is to join; null takes the mission's default."""

    name: str
    role: str = ""
    runner: str = "shell"
    model: str | None = None
    slots: int | None = None
    schedule: str | None = None
    host: str | None = None
    review: bool = False


class Squad:
    """Every change to agents. Raises InvalidInput, NotFound or Conflict and then has changed nothing."""

    def __init__(self, store: Store, clock: Clock, config: Config, *, runners: tuple[str, ...]) -> None:
        """`runners` are the names of the runners this program has."""
        self._store = store
        self._clock = clock
        self._config = config
        self._runners = runners

    @property
    def runners(self) -> tuple[str, ...]:
        """The names of the runners that an agent may have."""
        return self._runners

    def add(self, new: NewAgent, *, actor: str) -> Agent:
        """Let an agent join; without a schedule it gets one staggered by two minutes. A removed one comes back."""
        now = self._clock.now()
        with self._store.transaction():
            name = limits.agent_name(new.name)
            known = agents.lock(self._store, name)
            if known is not None and not known.removed:
                raise Conflict(f"There is an agent {name} already. Change it with: missionctl agent edit {name}")
            agent = self._checked(replace(new, name=name), position=agents.count_ever(self._store), now=now)
            if known is None:
                agents.insert(self._store, agent)
            else:
                agents.update(self._store, agent, now=now)
            self._note("agent_added", name, actor=actor)
            return agent

    def edit(self, name: str, changes: dict[str, Any], *, actor: str) -> Agent:
        """Change fields of NewAgent other than the name."""
        now = self._clock.now()
        with self._store.transaction():
            agent = self._lock(name)
            new = NewAgent(
                name=agent.name,
                role=agent.role,
                runner=agent.runner,
                model=agent.model,
                slots=agent.slots,
                schedule=agent.schedule,
                host=agent.host,
                review=agent.review,
            )
            edited = replace(
                self._checked(replace(new, **changes), position=0, now=now),
                paused=agent.paused,
                created_at=agent.created_at,
                legacy_id=agent.legacy_id,
                last_heartbeat_at=agent.last_heartbeat_at,
            )
            agents.update(self._store, edited, now=now)
            self._note("agent_edited", name, actor=actor, message=", ".join(sorted(changes)))
            return edited

    def pause(self, name: str, *, actor: str) -> Agent:
        """Let the agent start nothing more; what runs goes on."""
        return self._set_paused(name, paused=True, actor=actor)

    def resume(self, name: str, *, actor: str) -> Agent:
        """Let a paused agent take tasks again."""
        return self._set_paused(name, paused=False, actor=actor)

    def pause_all(self, *, actor: str) -> Pause:
        """Let nobody start anything, on any machine; what runs goes on. Again: the pause as it stands."""
        with self._store.transaction():
            if known := settings.pause(self._store):
                return known
            pause = Pause(self._clock.now(), actor)
            settings.put_pause(self._store, pause)
            self._note("mission_paused", None, actor=actor)
            return pause

    def resume_all(self, *, actor: str) -> bool:
        """Let the squad start tasks again; agents that were paused one by one stay so. False: it was not paused."""
        with self._store.transaction():
            ended = settings.end_pause(self._store)
            if ended:
                self._note("mission_resumed", None, actor=actor)
            return ended

    def remove(self, name: str, *, actor: str) -> Agent:
        """Take the agent out of the squad; its history stays. Refused while unfinished tasks or routines name it."""
        now = self._clock.now()
        with self._store.transaction():
            agent = self._lock(name)
            if open_tasks := agents.open_tasks(self._store, name):
                shown = ", ".join(task_name(task_id) for task_id in open_tasks[:5])
                raise Conflict(
                    f"{name} still has {len(open_tasks)} unfinished tasks: {shown}{', …' if open_tasks[5:] else ''}. "
                    f"Give them to somebody else first: missionctl task edit {task_name(open_tasks[0])} --to AGENT"
                )
            if left := [routine.name for routine in routines.listed(self._store) if name in routine.agents]:
                raise Conflict(
                    f"{name} does the tasks of {', '.join(left[:5])}{', …' if left[5:] else ''}. "
                    f"Give them to somebody else first: missionctl routine edit {left[0]} --to AGENT"
                )
            removed = replace(agent, removed=True)
            agents.update(self._store, removed, now=now)
            self._note("agent_removed", name, actor=actor)
            return removed

    def _set_paused(self, name: str, *, paused: bool, actor: str) -> Agent:
        with self._store.transaction():
            agent = self._lock(name)
            changed = replace(agent, paused=paused)
            if agent.paused is not paused:
                agents.update(self._store, changed, now=self._clock.now())
                self._note("agent_paused" if paused else "agent_resumed", name, actor=actor)
            return changed

    def _checked(self, new: NewAgent, *, position: int, now: datetime) -> Agent:
        if new.runner not in self._runners:
            raise InvalidInput(f"There is no runner {new.runner!r}. This program has: {', '.join(self._runners)}.")
        role = limits.long_text(new.role, "role")
        if len(role) > ROLE_CHARACTERS:
            raise InvalidInput(f"The role has {len(role)} characters; {ROLE_CHARACTERS} are allowed.")
        schedule = check_schedule(new.schedule) if new.schedule is not None else staggered_schedule(position)
        slots = self._config.slots if new.slots is None else new.slots
        return Agent(
            name=new.name,
            role=role,
            runner=new.runner,
            model=limits.title(new.model) if new.model else None,
            slots=limits.whole_number(slots, "--slots", 1, limits.MAX_SLOTS),
            schedule=schedule,
            host=limits.title(new.host) if new.host else None,  # an empty one takes it away
            review=new.review,
            paused=False,
            removed=False,
            next_heartbeat_at=next_heartbeat(schedule, now, self._config.zone),
            last_heartbeat_at=None,
            legacy_id=None,
            created_at=now,
            updated_at=now,
        )

    def _lock(self, name: str) -> Agent:
        agent = agents.lock(self._store, name)
        if agent is None or agent.removed:
            raise NotFound(f"There is no agent {name}. See: missionctl agent list")
        return agent

    def _note(self, kind: str, name: str | None, *, actor: str, message: str = "") -> None:
        activity = Activity(at=self._clock.now(), kind=kind, actor=actor, agent=name, message=message)
        history.append(self._store, activity)
