"""What may be done with tasks, in the order of a task's life. One method is one transaction with its activity line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NoReturn

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain import limits
from mission_control.domain.agent import Agent
from mission_control.domain.attempt import Attempt, Ending, ProcessIdentity, Verdict, attempt_name, judge
from mission_control.domain.draft import Defaults, NewTask, check
from mission_control.domain.history import CommentKind
from mission_control.domain.key import KeyHolder, make_key
from mission_control.domain.parting import Parting, judge_parting, parted_ending
from mission_control.domain.readiness import AgentLoad, Hold, MachineLoad, RunnerLoad, agent_hold, room, task_holds
from mission_control.domain.retry import RetryPolicy
from mission_control.domain.task import Event, Status, Task, move, rank, task_name
from mission_control.errors import Conflict, DependencyCycle, InvalidInput, LeaseLost, NotFound
from mission_control.moves import SYSTEM, Moves
from mission_control.store import agents, attempts, reporting, settings, tasks
from mission_control.store.attempts import Lease, LeaseState
from mission_control.store.store import Store
from mission_control.threads import checked_comment, say

DEPENDENCIES = "dependencies"  # held by whoever changes the graph of existing tasks

Refusal = Callable[[str, str | None], str | None]  # (runner, command) -> why it cannot do that, or None


@dataclass(frozen=True)
class Claim:
    """A task that is now this process's to start, with the lease that proves it."""

    task: Task
    agent: Agent
    lease: Lease
    key: str = field(repr=False)  # with which the agent itself speaks to the board
    executor: ProcessIdentity | None = None  # who starts it at once, as the board knows already

    @property
    def name(self) -> str:
        """The attempt's id, e.g. `T-12/2`."""
        return attempt_name(self.lease.task_id, self.lease.number)


class Board:
    """Every change to tasks. Raises InvalidInput, NotFound or Conflict and then has changed nothing."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        config: Config,
        *,
        refuses: Refusal,
        jitter: Callable[[], float] = lambda: int.from_bytes(os.urandom(7)) / 2**56,
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._refuses = refuses
        self._jitter = jitter
        self._moves = Moves(store, clock)
        self._policy = RetryPolicy(base=timedelta(seconds=config.backoff_base_seconds), ceiling=config.backoff_cap)

    @contextmanager
    def together(self, *, durable: bool = True) -> Iterator[None]:
        """Several changes in one commit; one that is refused leaves the others standing. See Store.transaction."""
        with self._store.transaction(durable=durable):
            yield

    # Coming to the board

    def add(self, new: NewTask, *, actor: str) -> tuple[Task, bool]:
        """Put a task into the inbox. With a key that is known: the task it made, and False."""
        now = self._clock.now()
        wanted = self._checked(new)
        with self._store.transaction():
            if new.key is not None:
                self._store.hold(f"key {new.key}")  # or two adding at once would both find nothing
                if known := tasks.by_key(self._store, new.key):
                    return known, False
            assigned = [self._assignable(name, wanted.command) for name in wanted.agents]
            predecessors = sorted(set(new.after))
            for predecessor in predecessors:
                self._moves.lock(predecessor)
            task = replace(
                wanted,
                id=self._store.number("task"),
                rank=rank(wanted.priority, now, self._config.ageing),
                review=wanted.review or any(agent.review for agent in assigned),
                created_at=now,
                updated_at=now,
            )
            tasks.insert(self._store, task)
            for predecessor in predecessors:
                tasks.add_dependency(self._store, task.id, predecessor)
            self._moves.note("added", task, actor=actor, to_status=task.status)
            return self._moves.lock(task.id), True

    def check(self, new: NewTask) -> Task:
        """The task as `add` would make it, still without its id. Raises what `add` would; changes nothing."""
        with self._store.transaction():
            wanted = self._checked(new)
            for name in wanted.agents:
                self._assignable(name, wanted.command)
        return wanted

    def _checked(self, new: NewTask) -> Task:
        defaults = Defaults(self._config.max_attempts, timedelta(seconds=self._config.timeout_seconds))
        return check(new, defaults, self._clock.now())

    def _assignable(self, name: str, command: str | None) -> Agent:
        """The agent, when it exists and its runner can do such a task."""
        agent = agents.share(self._store, name)
        if agent is None or agent.removed:
            raise NotFound(f"There is no agent {name}. Add it with: missionctl agent add {name}")
        if reason := self._refuses(agent.runner, command):
            raise InvalidInput(f"{name} cannot do this task: {reason}")
        return agent

    # Being worked on

    def claim(
        self,
        name: str,
        *,
        claimer: ProcessIdentity,
        most: int | None = None,
        executors: Sequence[ProcessIdentity] = (),
    ) -> list[Claim]:
        """Take what is ready and fits into the agent's free slots, first in the queue first.

        One transaction: counts the live attempts, picks, moves the tasks, inserts the attempts.
        `most` bounds the number taken. The first ones start at once, in `executors` that live and are free.
        Nothing ready, paused or no slot free: an empty list.
        """
        with self._store.transaction():
            self._hold_shared_slots()
            agent = agents.lock(self._store, name)
            if agent is None or agent.removed:
                raise NotFound(f"There is no agent {name}. See: missionctl agent list")
            load, machine = self._loads(agent)
            now = self._clock.now()  # not before the locks, for which it may have waited
            tasks.wake_due(self._store, name, now=now, latest_backoff=now + self._config.backoff_cap)
            free = room(load, machine)
            if free == 0:
                return []
            claims: list[Claim] = []
            for task in tasks.ready(self._store, name, now=now, limit=free if most is None else min(free, most)):
                if self._task_holds(task, now):
                    continue
                executor = executors[len(claims)] if len(claims) < len(executors) else None
                claims.append(self._claim(task, agent, claimer, now, executor))
            return claims

    def claim_task(self, task_id: int, name: str, *, claimer: ProcessIdentity) -> Claim:
        """Take this one task for `name` now, out of turn. Raises Conflict with the cause when it cannot start."""
        now = self._clock.now()
        with self._store.transaction():
            self._hold_shared_slots()
            task = self._moves.lock(task_id)
            agent = agents.lock(self._store, name)
            if agent is None or agent.removed or name not in task.agents:
                raise Conflict(f"{task.name} is not assigned to {name}.")
            load, machine = self._loads(agent)
            hold = agent_hold(load, machine)
            holds = [*self._task_holds(task, now), *([hold] if hold else [])]
            if holds:
                raise Conflict(
                    f"{task.name} cannot start: {'; '.join(h.text for h in holds)}. See: missionctl show {task.name}"
                )
            return self._claim(task, agent, claimer, now)

    def _hold_shared_slots(self) -> None:
        """Let slots that several agents share be counted by one claim at a time.

        Before any agent is locked, and always in this order, so that claims never wait for one another in a ring.
        """
        if self._config.machine_slots is not None:
            self._store.hold(f"machine {self._config.host}")
        if self._config.runner_slots:
            self._store.hold("runner slots")

    def _loads(self, agent: Agent) -> tuple[AgentLoad, MachineLoad]:
        host = self._config.host
        load = agents.load(self._store, agent.name, host)
        return (
            AgentLoad(
                agent.name,
                agent.slots,
                load.of_agent,
                paused=agent.paused,
                host=agent.host,
                runner=self._runner_load(agent.runner),
            ),
            MachineLoad(host, self._config.machine_slots, load.of_machine, mission_paused=load.mission_paused),
        )

    def _runner_load(self, runner: str) -> RunnerLoad | None:
        slots = self._config.runner_slots.get(runner)
        return None if slots is None else RunnerLoad(runner, slots, agents.live_of_runner(self._store, runner))

    def _task_holds(self, task: Task, now: datetime) -> list[Hold]:
        unfinished = tasks.unfinished_predecessors(self._store, task)
        return task_holds(task, unfinished, now, self._config.backoff_cap)

    def _claim(
        self,
        task: Task,
        agent: Agent,
        claimer: ProcessIdentity,
        now: datetime,
        executor: ProcessIdentity | None = None,
    ) -> Claim:
        token = self._store.number("token")
        ready_since = max(filter(None, (task.updated_at, task.not_before, task.retry_at)))
        number = attempts.claim(
            self._store,
            task.id,
            token=token,
            agent=agent.name,
            host=self._config.host,
            claimer=claimer,
            executor=executor,
            now=now,
            lease_expires_at=self._lease_end(now),
            queue_wait_seconds=max((now - ready_since).total_seconds(), 0.0),
        )
        moved = self._moves.move(
            task, Event.CLAIM, actor=agent.name, agent=agent.name, attempt=number, token=token, retry_at=None
        )
        key = make_key(self._secret, KeyHolder(task.id, number, token))
        return Claim(moved, agent, Lease(task.id, number, token), key, executor)

    @cached_property
    def _secret(self) -> bytes:
        return settings.attempt_secret(self._store)

    def start(self, lease: Lease, executor: ProcessIdentity) -> LeaseState:
        """Note that `executor` starts the runner now; the last check before it does. Raises LeaseLost."""
        now = self._clock.now()
        # A power cut ends the executor, too: whether its start is on disk then decides nothing.
        with self._store.transaction(durable=False):
            state = attempts.start(self._store, lease, executor, now=now, lease_expires_at=self._lease_end(now))
        return state or self._lost(lease)

    def renew(self, lease: Lease) -> LeaseState:
        """Prolong the lease and learn of a cancel. Raises LeaseLost."""
        with self._store.transaction(durable=False):
            now = self._clock.now()
            parted_before = now - timedelta(seconds=self._config.lease_seconds / 2)
            state = attempts.renew(
                self._store, lease, lease_expires_at=self._lease_end(now), parted_before=parted_before
            )
        return state or self._lost(lease)

    def finish(self, lease: Lease, ending: Ending) -> Task:
        """Record how the attempt ended and move its task on. Saying the same again is harmless. Raises LeaseLost."""
        now = self._clock.now()
        ending = _legible(ending)
        with self._store.transaction():
            task = tasks.lock(self._store, lease.task_id)
            if task is None:  # deleted since
                self._lost(lease)
            ended = attempts.finish(self._store, lease, ending, now=now)
            if ended is None:
                recorded = attempts.get(self._store, lease.task_id, lease.number)
                if recorded and recorded.token == lease.token and _is_recorded(ending, recorded):
                    return task
                self._lost(lease)
            if ended.parting is None:
                verdict = judge(task, ending, policy=self._policy, now=now, jitter=self._jitter())
                if ending.question is not None and verdict.event is Event.BLOCK:
                    self._say(task, ending.question, CommentKind.QUESTION, ended.agent)
            else:
                ending, verdict = self._part(task, lease, ending, ended.agent, ended.parting)
            return self._moves.move(
                task,
                verdict.event,
                actor=ended.agent or SYSTEM,
                message=ending.error or "",
                agent=ended.agent,
                attempt=lease.number,
                outcome=ending.outcome,
                failures=verdict.failures,
                retry_at=verdict.retry_at,
                reason=verdict.reason,
                cancel_requested_at=None,
            )

    def _part(self, task: Task, lease: Lease, ending: Ending, agent: str, parting: Parting) -> tuple[Ending, Verdict]:
        """The end of an attempt whose agent had asked, or handed the task on; a person's cancel comes first."""
        if task.cancel_requested_at is None:
            ending = parted_ending(ending)
            reporting.correct_outcome(self._store, lease, ending)
        return ending, judge_parting(task, agent, parting)

    def _lease_end(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._config.lease_seconds)

    def _lost(self, lease: Lease) -> NoReturn:
        raise LeaseLost(
            f"The lease of {attempt_name(lease.task_id, lease.number)} (token {lease.token}) is over. "
            "Nothing was changed; stop working on it."
        )

    def live(self) -> list[Attempt]:
        """All live attempts, for whoever recovers those that nobody executes any more."""
        return attempts.live(self._store)

    # In a person's hands

    def approve(self, task_id: int, *, actor: str) -> Task:
        """Accept the work: review becomes done."""
        with self._store.transaction():
            return self._moves.move(self._moves.lock(task_id), Event.APPROVE, actor=actor, reason=None)

    def reject(self, task_id: int, comment: str, *, actor: str) -> Task:
        """Send the work back with a comment; tries count from zero."""
        comment = checked_comment(comment)
        with self._store.transaction():
            task = self._lock_doable(task_id)
            moved = self._moves.move(task, Event.REJECT, actor=actor, message=comment, failures=0, reason=comment)
            self._say(task, comment, CommentKind.REJECTION, actor)
            return moved

    def answer(self, task_id: int, text: str, *, actor: str) -> Task:
        """Answer what blocked the task and put it back; tries count from zero."""
        text = checked_comment(text)
        with self._store.transaction():
            task = self._lock_doable(task_id)
            if task.status is Status.IN_PROGRESS and reporting.answer_live(self._store, task_id):
                self._say(task, text, CommentKind.ANSWER, actor)
                return task  # the attempt that asked has not ended yet; its end puts the task back
            moved = self._moves.move(task, Event.ANSWER, actor=actor, message=text, failures=0, reason=None)
            self._say(task, text, CommentKind.ANSWER, actor)
            return moved

    def retry(self, task_id: int, *, actor: str, after: timedelta = timedelta(0)) -> Task:
        """Put a blocked, cancelled or done task back; tries count from zero, history and token stay."""
        not_before = self._clock.now() + after if after else None
        with self._store.transaction():
            task = self._lock_doable(task_id)
            return self._moves.move(
                task,
                Event.RETRY,
                actor=actor,
                failures=0,
                reason=None,
                not_before=not_before,
                retry_at=None,
                cancel_requested_at=None,
            )

    def cancel(self, task_id: int, *, actor: str) -> Task:
        """Cancel a task. One that is being worked on is cancelled when its executor has ended everything.

        The answer then has `cancel_requested_at` set and the status is still in_progress.
        """
        now = self._clock.now()
        with self._store.transaction():
            task = self._moves.lock(task_id)
            if attempts.live_of_task(self._store, task_id) is None:
                return self._moves.move(task, Event.CANCEL, actor=actor, retry_at=None)
            move(task, Event.CANCEL)
            if task.cancel_requested_at is None:
                tasks.request_cancel(self._store, task_id, now=now)
                self._moves.note("cancel_requested", task, actor=actor)
            return self._moves.lock(task_id)

    def comment(self, task_id: int, text: str, *, actor: str) -> int:
        """Write into the thread of a task and return the comment's id."""
        text = checked_comment(text)
        with self._store.transaction():
            return self._say(self._moves.lock(task_id), text, CommentKind.COMMENT, actor)

    def _say(self, task: Task, body: str, kind: CommentKind, actor: str) -> int:
        return say(self._store, self._moves, task, body, kind=kind, actor=actor, now=self._clock.now())

    def edit(self, task_id: int, changes: dict[str, Any], *, actor: str) -> Task:
        """Change fields of NewTask (but `after` and `key`). A running attempt goes on with what it was given."""
        with self._store.transaction():
            task = self._moves.lock(task_id)
            new = NewTask(
                title=task.title,
                agents=task.agents,
                description=task.description,
                command=task.command,
                priority=task.priority,
                max_attempts=task.max_attempts,
                timeout=timedelta(seconds=task.timeout_seconds),
                not_before=task.not_before,
                review=task.review,
            )
            wanted = self._checked(replace(new, **changes))
            tries_left = task.status in (Status.INBOX, Status.IN_PROGRESS)
            if wanted.max_attempts < task.failures + tries_left:
                raise Conflict(
                    f"{task.name} has failed {task.failures} times; with --max-attempts {wanted.max_attempts} "
                    "its attempts would be used up. "
                    f"Start over with: missionctl task retry {task.name}"
                )
            assigned = [self._assignable(name, wanted.command) for name in wanted.agents]
            handed_over = wanted.agents != task.agents
            now = self._clock.now()
            # Whoever says "now" means the backoff, too.
            at_once = "not_before" in changes and wanted.not_before is not None and wanted.not_before <= now
            edited = replace(
                wanted,
                id=task.id,
                retry_at=None if at_once else task.retry_at,
                review=wanted.review or (handed_over and any(agent.review for agent in assigned)),
                rank=rank(wanted.priority, task.created_at, self._config.ageing),
            )
            tasks.edit(self._store, edited, now=now)
            if handed_over:
                tasks.unassign_all(self._store, task.id)
                tasks.assign(self._store, task.id, wanted.agents)
            self._moves.note("edited", task, actor=actor, message=", ".join(sorted(changes)))
            return self._moves.lock(task_id)

    def depend(self, task_id: int, on: int, *, actor: str) -> Task:
        """Let a task wait for another. Refuses cycles, and tasks that have started or are finished."""
        with self._store.transaction():
            self._store.hold(DEPENDENCIES)  # a cycle must not come in two halves
            self._moves.lock(on)
            task = self._moves.lock(task_id)
            if task_id == on or tasks.waits_for(self._store, on, task_id):
                raise DependencyCycle(
                    f"{task.name} cannot wait for {task_name(on)}: {task_name(on)} waits for {task.name}."
                    if task_id != on
                    else f"{task.name} cannot wait for itself."
                )
            if task.status not in (Status.INBOX, Status.BLOCKED, Status.CANCELLED):
                raise Conflict(f"{task.name} is {task.status}; it is too late to make it wait.")
            limits.whole_number(len(task.after) + 1, "The number of predecessors", 0, limits.MAX_PREDECESSORS)
            tasks.add_dependency(self._store, task_id, on)
            self._moves.note("dependency_added", task, actor=actor, message=f"after {task_name(on)}")
            return self._moves.lock(task_id)

    def undepend(self, task_id: int, on: int, *, actor: str) -> Task:
        """Let a task no longer wait for another."""
        with self._store.transaction():
            self._store.hold(DEPENDENCIES)
            self._moves.lock(on)
            task = self._moves.lock(task_id)
            if not tasks.remove_dependency(self._store, task_id, on):
                raise NotFound(f"{task.name} does not wait for {task_name(on)}.")
            self._moves.note("dependency_removed", task, actor=actor, message=f"after {task_name(on)}")
            return self._moves.lock(task_id)

    def delete(self, task_id: int, *, actor: str) -> None:
        """Remove a task with its attempts and thread. Refused while it runs or others wait for it."""
        with self._store.transaction():
            task = self._moves.lock(task_id)
            if attempts.live_of_task(self._store, task_id):
                raise Conflict(f"{task.name} is being worked on. First: missionctl task cancel {task.name}")
            if waiting := tasks.successors(self._store, task_id):
                names = ", ".join(task_name(other) for other in waiting)
                raise Conflict(
                    f"{names} {'wait' if waiting[1:] else 'waits'} for {task.name}. "
                    f"First: missionctl task depend {task_name(waiting[0])} --on {task.name} --remove"
                )
            self._moves.note("deleted", task, actor=actor, message=task.title)
            tasks.delete(self._store, task_id)

    # Shared by all of the above

    def _lock_doable(self, task_id: int) -> Task:
        """A task that may go back to the inbox. One from an import may lack what its agent's runner needs."""
        task = self._moves.lock(task_id)
        for name in task.agents:
            agent = agents.get(self._store, name)
            if agent and (reason := self._refuses(agent.runner, task.command)):
                raise Conflict(
                    f"{task.name} cannot go back to the inbox, for {name} cannot do it: {reason} "
                    f"First: missionctl task edit {task.name} --command CMD"
                )
        return task


def _is_recorded(ending: Ending, recorded: Attempt) -> bool:
    """Whether the end that is on the board is this one."""
    if recorded.has_parted and recorded.outcome is parted_ending(ending).outcome:
        return True
    return recorded.outcome is ending.outcome


def _legible(ending: Ending) -> Ending:
    """With what a program said made fit to keep."""
    if not any((ending.error, ending.answer, ending.session, ending.question)):
        return ending
    return replace(
        ending,
        error=limits.program_text(ending.error),
        answer=limits.program_text(ending.answer, limits.ANSWER_CHARACTERS),
        session=limits.program_text(ending.session, limits.KEY_CHARACTERS),
        question=limits.program_text(ending.question, limits.ANSWER_CHARACTERS),
    )
