"""Why a task does not start: one function, used by the claim and by everything that explains it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mission_control.domain.task import Status, Task, task_name


class HoldKind(StrEnum):
    """The causes that can keep a task from starting."""

    STATUS = "status"
    PREDECESSOR = "predecessor"
    NOT_BEFORE = "not_before"
    BACKOFF = "backoff"
    NOBODY = "nobody_assigned"
    MISSION_PAUSED = "mission_paused"
    AGENT_PAUSED = "agent_paused"
    OTHER_MACHINE = "other_machine"
    SLOTS_FULL = "slots_full"
    MACHINE_FULL = "machine_full"
    RUNNER_FULL = "runner_full"


@dataclass(frozen=True)
class Hold:
    """One cause that keeps a task from starting, in words; `until` where time alone ends it."""

    kind: HoldKind
    text: str
    until: datetime | None = None


@dataclass(frozen=True)
class RunnerLoad:
    """What of a runner decides whether one more agent program of its kind may start, on whichever machine."""

    name: str
    slots: int
    live: int


@dataclass(frozen=True)
class AgentLoad:
    """What of an agent decides whether it can take a task now. `runner` null: nobody limits its runner."""

    name: str
    slots: int
    live: int
    paused: bool = False
    host: str | None = None
    runner: RunnerLoad | None = None


@dataclass(frozen=True)
class MachineLoad:
    """What of this machine decides whether it can take a task now. `slots` null: unlimited."""

    host: str
    slots: int | None
    live: int
    mission_paused: bool = False  # nobody starts anything, on any machine


@dataclass(frozen=True)
class Predecessor:
    """A task that must be done first."""

    id: int
    status: Status


def task_holds(task: Task, unfinished: Sequence[Predecessor], now: datetime, longest_wait: timedelta) -> list[Hold]:
    """What in the task itself keeps it from starting, whoever would do it.

    `longest_wait` is the backoff's ceiling: a `retry_at` beyond it was written before the clock was set
    back and holds nothing.
    """
    if task.status is not Status.INBOX:
        return [Hold(HoldKind.STATUS, _status_text(task))]
    holds = [Hold(HoldKind.PREDECESSOR, f"{task_name(p.id)} is {p.status}") for p in unfinished]
    if task.not_before is not None and task.not_before > now:
        holds.append(Hold(HoldKind.NOT_BEFORE, "not before", task.not_before))
    if task.retry_at is not None and now < task.retry_at <= now + longest_wait:
        holds.append(Hold(HoldKind.BACKOFF, f"backoff after failure {task.failures}", task.retry_at))
    return holds


def _status_text(task: Task) -> str:
    match task.status:
        case Status.REVIEW:
            return "waits for a person's approval"
        case Status.BLOCKED:
            return f"blocked: {task.reason or 'a person must look'}"
        case _:
            return f"is {task.status}"


def agent_hold(agent: AgentLoad, machine: MachineLoad) -> Hold | None:
    """What keeps this agent from taking one more task on this machine, or None."""
    if machine.mission_paused:
        return Hold(HoldKind.MISSION_PAUSED, "the mission is paused")
    if agent.paused:
        return Hold(HoldKind.AGENT_PAUSED, f"{agent.name} is paused")
    if agent.host is not None and agent.host != machine.host:
        return Hold(HoldKind.OTHER_MACHINE, f"{agent.name} lives on {agent.host}")
    if agent.live >= agent.slots:
        return Hold(HoldKind.SLOTS_FULL, f"no free slot: {agent.name} has {agent.live} of {agent.slots} in use")
    if machine.slots is not None and machine.live >= machine.slots:
        return Hold(HoldKind.MACHINE_FULL, f"machine {machine.host} is full: {machine.live} of {machine.slots} in use")
    runner = agent.runner
    if runner is not None and runner.live >= runner.slots:
        return Hold(HoldKind.RUNNER_FULL, f"runner {runner.name} is full: {runner.live} of {runner.slots} in use")
    return None


def room(agent: AgentLoad, machine: MachineLoad) -> int:
    """How many more tasks this agent can take on this machine now."""
    if agent_hold(agent, machine):
        return 0
    loads = [load for load in (agent, machine, agent.runner) if load is not None]
    return min(load.slots - load.live for load in loads if load.slots is not None)


def explain(
    task: Task,
    *,
    unfinished: Sequence[Predecessor],
    agents: Iterable[AgentLoad],
    machine: MachineLoad,
    now: datetime,
    longest_wait: timedelta,
) -> list[Hold]:
    """Everything that keeps `task` from starting now; empty when some assigned agent may claim it."""
    holds = task_holds(task, unfinished, now, longest_wait)
    if task.status is not Status.INBOX:
        return holds
    of_agents = [agent_hold(agent, machine) for agent in agents]
    if not of_agents:
        return [*holds, Hold(HoldKind.NOBODY, "nobody is assigned")]
    if None in of_agents:
        return holds
    return [*holds, *dict.fromkeys(hold for hold in of_agents if hold is not None)]
