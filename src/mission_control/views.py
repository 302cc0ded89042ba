"""What may be seen: read-only answers shared by every interface. Each is one consistent picture of the board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.agent import Agent
from mission_control.domain.attempt import Attempt, Outcome, attempt_name
from mission_control.domain.history import Activity, Comment, Notification
from mission_control.domain.readiness import AgentLoad, Hold, MachineLoad, Predecessor, RunnerLoad, agent_hold, explain
from mission_control.domain.report import Attachment, Subtask
from mission_control.domain.routine import Routine
from mission_control.domain.task import Status, Task, task_name
from mission_control.errors import NotFound
from mission_control.store import agents, attempts, history, references, reporting, routines, settings, tasks
from mission_control.store.routines import Maker
from mission_control.store.settings import Pause
from mission_control.store.store import Store
from mission_control.store.tasks import Filter

if TYPE_CHECKING:
    from mission_control.domain.statistics import EndedAttempt, Figures

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class NextClaim:
    """Which agent's heartbeat looks at a task next, and when; null: it has no schedule yet."""

    agent: str
    at: datetime | None


@dataclass(frozen=True)
class TaskView:
    """A task with what surrounds it. Lists leave thread and activities empty."""

    task: Task
    holds: tuple[Hold, ...]  # why it does not start now; empty: the next claim may take it
    next_claim: NextClaim | None  # null unless it is in the inbox and nothing holds it
    predecessors: tuple[Predecessor, ...] = ()  # lists: the unfinished ones
    attempts: tuple[Attempt, ...] = ()
    thread: tuple[Comment, ...] = ()
    activities: tuple[Activity, ...] = ()
    maker: Maker | None = None  # the routine that made it; lists do not ask
    subtasks: tuple[Subtask, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class AgentView:
    """An agent with its live attempts. Where the status asks: what it would do next, and what keeps it from that."""

    agent: Agent
    attempts: tuple[Attempt, ...]
    next_task: Task | None = None  # null: its inbox is empty, or it can take nothing at all
    holds: tuple[Hold, ...] = ()  # empty: the next claim takes `next_task`

    @property
    def live(self) -> int:
        """How many of its slots are in use."""
        return len(self.attempts)

    @property
    def status(self) -> str:
        """`paused`, `active` (at least one live attempt) or `idle`."""
        if self.agent.paused:
            return "paused"
        return "active" if self.attempts else "idle"


@dataclass(frozen=True)
class MachineView:
    """A machine that has live attempts, or on which agents live. `slots` null: unlimited or not known here."""

    host: str
    live: int
    slots: int | None


@dataclass(frozen=True)
class LiveAttempt:
    """A live attempt with the task it tries."""

    attempt: Attempt
    task: Task


@dataclass(frozen=True)
class StatusView:
    """The mission at one moment."""

    at: datetime
    paused: Pause | None  # nobody starts anything, on any machine
    machines: tuple[MachineView, ...]
    agents: tuple[AgentView, ...]
    live: tuple[LiveAttempt, ...]  # oldest claim first
    tasks: Mapping[Status, int]
    next_routine: Routine | None = None  # whose slot comes first


@dataclass(frozen=True)
class Stats:
    """Figures of the attempts that ended from `since` (null: ever) until `until`."""

    since: datetime | None
    until: datetime
    total: Figures
    agents: Mapping[str, Figures]


@dataclass(frozen=True)
class _Squad:
    """Who is there and how loaded: what decides, besides the task itself, whether a task can start."""

    agents: Mapping[str, Agent]
    loads: Mapping[str, AgentLoad]
    machine: MachineLoad

    def of(self, task: Task) -> list[AgentLoad]:
        """The loads of the task's agents, without those who have left."""
        return [self.loads[name] for name in task.agents if name in self.loads]

    def next_claim(self, names: Iterable[str]) -> NextClaim | None:
        """The earliest heartbeat of those agents who can take a task now."""
        free = [self.agents[name] for name in names if not agent_hold(self.loads[name], self.machine)]
        never = datetime.max.replace(tzinfo=UTC)
        first = min(free, key=lambda agent: (agent.next_heartbeat_at or never, agent.name), default=None)
        return None if first is None else NextClaim(first.name, first.next_heartbeat_at)


class Views:
    """Read-only answers about tasks, agents and attempts. Raises NotFound and InvalidInput."""

    def __init__(self, store: Store, clock: Clock, config: Config) -> None:
        self._store = store
        self._clock = clock
        self._config = config

    # What a person's words mean

    def resolve_task(self, text: str) -> int:
        """The id of the task meant by `T-12`, `t-12`, `12` or the id it had in the system it was imported from."""
        return references.resolve_task(self._store, text)

    def resolve_attempt(self, text: str) -> tuple[int, int]:
        """(task, number) of the attempt meant by `T-12/2`; of the latest one where only a task is named."""
        return references.resolve_attempt(self._store, text)

    def resolve_agent(self, text: str) -> str:
        """The name of the agent meant by `ada`, `@ada` or the id it had in the system it was imported from."""
        return references.resolve_agent(self._store, text)

    # Tasks

    def task(self, task_id: int) -> TaskView:
        """Everything about one task."""
        with self._store.snapshot():
            task = tasks.get(self._store, task_id)
            if task is None:
                raise NotFound(f"There is no task {task_name(task_id)}. See: missionctl task list --all")
            before = tasks.predecessors(self._store, task_id) if task.after else []
            view = self._view(task, self._squad(), before, attempts=tuple(attempts.of_task(self._store, task_id)))
            return replace(
                view,
                thread=tuple(history.thread(self._store, task_id)),
                activities=tuple(history.of_task(self._store, task_id)),
                subtasks=tuple(reporting.subtasks(self._store, task_id)),
                attachments=tuple(reporting.attachments(self._store, task_id)),
                maker=routines.maker(self._store, task_id),
            )

    def tasks(
        self,
        wanted: Filter | None = None,
        *,
        limit: int = 100,
        everything: bool = False,
        with_attempts: bool = False,
        after: tuple[int, int] | None = None,
    ) -> list[TaskView]:
        """Open tasks in the order of the queue; with `everything` or a wanted status: any task, newest first.

        `after` is rank and id of the last task of the page before; null: the first page.
        """
        wanted = wanted or Filter()
        with self._store.snapshot():
            if everything or wanted.status is not None:
                before_id = tasks.NO_ID_BEFORE if after is None else after[1]
                found = tasks.listed(self._store, wanted, limit=limit, before_id=before_id)
            else:
                found = tasks.listed_open(self._store, wanted, limit=limit, after=after or tasks.NOTHING_BEFORE)
            return self._views(found, self._squad(), with_attempts=with_attempts)

    def explained(self, found: Sequence[Task]) -> list[TaskView]:
        """These tasks with what holds them, in their order. Called in a snapshot of whoever found them."""
        return self._views(found, self._squad())

    def attempt(self, task_id: int, number: int) -> Attempt:
        """One try as it stands now."""
        found = attempts.get(self._store, task_id, number)
        if found is None:
            raise NotFound(f"There is no attempt {attempt_name(task_id, number)}.")
        return found

    def ready(self, agent: str | None = None, *, limit: int = 100) -> list[TaskView]:
        """What could start now, in the order in which claims take it; a claim takes as many as slots are free."""
        now = self._clock.now()
        with self._store.snapshot():
            squad = self._squad()
            if agent is not None and agent not in squad.agents:
                raise NotFound(f"There is no agent {agent}. See: missionctl agent list")
            names = squad.agents if agent is None else [agent]
            found: dict[int, Task] = {}
            for name in names:
                if not agent_hold(squad.loads[name], squad.machine):
                    latest = now + self._config.backoff_cap
                    startable = tasks.startable(self._store, name, now=now, latest_backoff=latest, limit=limit)
                    found |= {task.id: task for task in startable}
            first_first = sorted(found.values(), key=lambda task: (task.rank, task.id))
            views = self._views(first_first, squad)
            return [view for view in views if not view.holds][:limit]

    def _views(self, found: Sequence[Task], squad: _Squad, *, with_attempts: bool = False) -> list[TaskView]:
        return [
            self._view(
                task,
                squad,
                tasks.unfinished_predecessors(self._store, task),
                attempts=tuple(attempts.of_task(self._store, task.id)) if with_attempts else (),
            )
            for task in found
        ]

    def _view(
        self,
        task: Task,
        squad: _Squad,
        predecessors: Sequence[Predecessor],
        *,
        attempts: tuple[Attempt, ...],
    ) -> TaskView:
        loads = squad.of(task)
        holds = explain(
            task,
            unfinished=[before for before in predecessors if before.status is not Status.DONE],
            agents=loads,
            machine=squad.machine,
            now=self._clock.now(),
            longest_wait=self._config.backoff_cap,
        )
        return TaskView(
            task=task,
            holds=tuple(holds),
            next_claim=None if holds else squad.next_claim(load.name for load in loads),
            predecessors=tuple(predecessors),
            attempts=attempts,
        )

    def _squad(self) -> _Squad:
        """One look at the whole squad, so that a list asks for it once. Bounded by agents and live attempts."""
        members = {agent.name: agent for agent in agents.listed(self._store)}
        of_agent = dict.fromkeys(members, 0)
        of_runner = dict.fromkeys(self._config.runner_slots, 0)
        of_machine = 0
        for name, host, live in attempts.live_counts(self._store):
            of_agent[name] = of_agent.get(name, 0) + live
            of_machine += live if host == self._config.host else 0
            if name in members and members[name].runner in of_runner:
                of_runner[members[name].runner] += live
        runners = {name: RunnerLoad(name, self._config.runner_slots[name], live) for name, live in of_runner.items()}
        loads = {
            agent.name: AgentLoad(
                agent.name,
                agent.slots,
                of_agent[agent.name],
                paused=agent.paused,
                host=agent.host,
                runner=runners.get(agent.runner),
            )
            for agent in members.values()
        }
        paused = settings.pause(self._store) is not None
        machine = MachineLoad(self._config.host, self._config.machine_slots, of_machine, mission_paused=paused)
        return _Squad(members, loads, machine)

    # Agents, the whole, and the past

    def agent(self, name: str) -> AgentView:
        """One member of the squad."""
        for view in self.agents():
            if view.agent.name == name:
                return view
        raise NotFound(f"There is no agent {name}. See: missionctl agent list")

    def agents(self) -> list[AgentView]:
        """The squad, by name."""
        with self._store.snapshot():
            return self._agents(attempts.live(self._store))

    def _agents(self, live: Sequence[Attempt]) -> list[AgentView]:
        return [
            AgentView(agent, tuple(attempt for attempt in live if attempt.agent == agent.name))
            for agent in agents.listed(self._store)
        ]

    def status(self, dispatcher_host: str | None = None) -> StatusView:
        """Machines, agents, live attempts and how many tasks stand where. Bounded by agents and live attempts.

        `dispatcher_host` is what the resident process calls this machine, if there is one.
        """
        with self._store.snapshot():
            live = attempts.live(self._store)
            members = self._explained(self._agents(live))
            return StatusView(
                at=self._clock.now(),
                paused=settings.pause(self._store),
                machines=self._machines(members, live, dispatcher_host),
                agents=tuple(members),
                live=tuple(
                    LiveAttempt(attempt, task) for attempt in live if (task := tasks.get(self._store, attempt.task_id))
                ),
                tasks=tasks.counts(self._store),
                next_routine=routines.next_one(self._store),
            )

    def _explained(self, members: Sequence[AgentView]) -> list[AgentView]:
        """With what each would do next, and why it does not."""
        squad = self._squad()
        return [self._explain(view, squad) for view in members]

    def _explain(self, view: AgentView, squad: _Squad) -> AgentView:
        name, now = view.agent.name, self._clock.now()
        if hold := agent_hold(squad.loads[name], squad.machine):
            return replace(view, holds=(hold,))
        latest = now + self._config.backoff_cap
        found = tasks.startable(self._store, name, now=now, latest_backoff=latest, limit=1)
        if not found and not (found := tasks.queue(self._store, name, 1)):
            return view
        (task,) = self._views(found, squad)
        return replace(view, next_task=task.task, holds=task.holds)

    def _machines(
        self, members: Sequence[AgentView], live: Sequence[Attempt], dispatcher_host: str | None
    ) -> tuple[MachineView, ...]:
        here = dispatcher_host or self._config.host
        homes = (view.agent.host for view in members if view.agent.host)
        hosts = {here, *homes, *(attempt.host for attempt in live)}
        return tuple(
            MachineView(
                host=host,
                live=sum(attempt.host == host for attempt in live),
                slots=self._config.machine_slots if host == here else None,
            )
            for host in sorted(hosts, key=lambda host: (host != here, host))
        )

    def stats(self, since: datetime | None = None, agent: str | None = None) -> Stats:
        """Figures of the attempts that ended since then (null: ever), in total and per agent; `agent`: of it alone."""
        with self._store.snapshot():
            ended = list(attempts.ended_since(self._store, since or _LONG_AGO, agent))
            live = [attempt for attempt in attempts.live(self._store) if agent in (None, attempt.agent)]
            assigned = tasks.counts_by_agent(self._store, agent)
            standing = tasks.counts(self._store) if agent is None else assigned.get(agent, {})
            members = [member.name for member in agents.listed(self._store) if agent in (None, member.name)]
        from mission_control.domain.statistics import add_up

        of_agents: dict[str, list[EndedAttempt]] = {name: [] for name in members}
        for attempt in ended:
            of_agents.setdefault(attempt.agent, []).append(attempt)  # also of agents who have left
        figures = {
            name: add_up(own, running=sum(attempt.agent == name for attempt in live), tasks=assigned.get(name, {}))
            for name, own in sorted(of_agents.items())
        }
        return Stats(since, self._clock.now(), add_up(ended, running=len(live), tasks=standing), figures)

    def outcomes(self) -> Mapping[Outcome, int]:
        """How many attempts have ended how, over all time."""
        return attempts.outcomes(self._store)

    def activities(self, after_id: int | None = None, agent: str | None = None, *, limit: int = 100) -> list[Activity]:
        """Oldest first: what came after the line `after_id`; null: the newest `limit` lines."""
        if after_id is None:
            return history.latest(self._store, agent=agent, limit=limit)
        return history.since(self._store, after_id, agent=agent, limit=limit)

    def undelivered(self, agent: str | None = None) -> list[Notification]:
        """Mentions carried over from the old system that nobody has answered."""
        return history.undelivered(self._store, agent)
