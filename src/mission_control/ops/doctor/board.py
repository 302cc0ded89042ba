"""Checks of the board: counters, attempts, processes, agents, tasks that nobody can take, routines, the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mission_control.clock import Clock
from mission_control.config import Config, process_environment
from mission_control.domain.agent import Agent
from mission_control.domain.schedule import check_schedule
from mission_control.domain.task import task_name
from mission_control.errors import InvalidInput
from mission_control.execution import process
from mission_control.execution.execution import mark
from mission_control.execution.recovery import find_dead
from mission_control.execution.runners import Settings, names, refuses
from mission_control.ops.doctor.finding import Finding, fault, ok, warning
from mission_control.ops.doctor.folders import FIX
from mission_control.ops.doctor.routines import examine_routines
from mission_control.store import agents, attempts, health, history, tasks
from mission_control.store.store import Store

MOST_OF_A_KIND = 20  # findings of one kind; more would hide the others
MOST_TASKS_OF_AN_AGENT = 1_000  # looked at for what its runner cannot do
CLOCK_TOLERANCE = timedelta(minutes=1)
EARLIEST_YEAR = 2025  # no machine whose clock was ever set stands before this program was written


@dataclass(frozen=True)
class Orphan:
    """A process that an attempt started and that outlived it."""

    process: process.Process
    attempt: str


def examine_board(store: Store, config: Config, clock: Clock) -> Iterator[Finding]:
    """Everything above, in this order."""
    yield from _examine_counters(store)
    yield from _examine_attempts(store, config, clock.now())
    yield from _examine_processes(store, config)
    yield from _examine_agents(store, config.runners)
    yield from _examine_programs(store, config, clock)
    yield from _examine_tasks(store, config.runners)
    yield from examine_routines(store, clock.now())
    yield _examine_clock(store, clock.now())


def _examine_counters(store: Store) -> Iterator[Finding]:
    differing = health.differing_counters(store, MOST_OF_A_KIND)
    for line in differing:
        yield fault("counters", line, "Restore a backup; keep this database and report it: this must not happen")
    if not differing:
        yield ok("counters", "counters and queues agree with the tasks")


def _examine_attempts(store: Store, config: Config, now: datetime) -> Iterator[Finding]:
    live = attempts.live(store)
    dead = {found.attempt.name: found.cause for found in find_dead(live, config=config, now=now)}
    for name, cause in dead.items():
        yield fault("attempts", f"{name} is live, but {cause}", f"{FIX}, or missionctl heartbeat --all")
    silent = [a for a in live if a.name not in dead and a.lease_expires_at < now]
    for attempt in silent:
        since = f"its lease ended at {attempt.lease_expires_at:%H:%M:%S} UTC"
        yield warning("leases", f"{attempt.name} is silent: {since}", f"missionctl task logs {attempt.name}")
    if not dead and not silent:
        yield ok("attempts", f"{len(live)} live, each with its executor")


def _examine_processes(store: Store, config: Config) -> Iterator[Finding]:
    orphans = find_orphans(store, config)
    for orphan in orphans:
        yield fault("processes", f"process {orphan.process.pid} outlived {orphan.attempt}, which started it", FIX)
    if not orphans:
        yield ok("processes", "nothing outlived its attempt")


def find_orphans(store: Store, config: Config) -> list[Orphan]:
    """Living processes of this mission whose attempt is not live."""
    seen = process.marked(mark(str(config.home), ""))
    live = {attempt.name for attempt in attempts.live(store)}
    # An attempt may have ended between the two looks, but its processes had ended before.
    still_there = process.table() if seen else {}
    return [Orphan(p, name) for p, name in seen if name not in live and _is_there(p, still_there.get(p.pid))]


def _is_there(seen: process.Process, now: process.Process | None) -> bool:
    return now is not None and now.started == seen.started and not now.is_zombie


def _examine_agents(store: Store, runners: Settings) -> Iterator[Finding]:
    squad = agents.listed(store)
    findings = [finding for agent in squad for finding in _examine_agent(agent, names(runners))]
    yield from findings
    if not squad:
        yield warning("agents", "there are none, so nothing is ever done", "missionctl agent add NAME")
    elif not findings:
        yield ok("agents", f"{len(squad)}, each with a runner and a schedule")


def _examine_programs(store: Store, config: Config, clock: Clock) -> Iterator[Finding]:
    """Whether what drives the squad is there; whether it is signed in only a question to it can tell."""
    used = {agent.runner for agent in agents.listed(store)}
    # Imported here: only this finding needs to know how programs are driven.
    from mission_control.execution.driving.trial import Trials

    for facts in Trials(config, clock, process_environment()).facts():
        if facts.name not in used or facts.program is None or facts.name == "shell":
            continue
        if facts.is_there:
            yield ok("runners", f"{facts.name}: {facts.path}; try it: missionctl runner test {facts.name}")
        else:
            fact = f"{facts.name}: there is no {facts.program} on PATH, so its agents do nothing"
            yield warning("runners", fact, facts.install or f"missionctl runner show {facts.name}")


def _examine_agent(agent: Agent, known: tuple[str, ...]) -> Iterator[Finding]:
    edit = f"missionctl agent edit {agent.name}"
    if agent.runner not in known:
        yield fault(
            "agents",
            f"{agent.name}: this program has no runner {agent.runner!r}",
            f"{edit} --runner ({', '.join(known)})",
        )
    try:
        check_schedule(agent.schedule)
    except InvalidInput as refused:
        yield fault("agents", f"{agent.name}: {refused}", f"{edit} --schedule '*/15 * * * *'")


def _examine_tasks(store: Store, runners: Settings) -> Iterator[Finding]:
    findings = [*_examine_unassigned(store), *_examine_refused(store, runners), *_examine_waiting(store)]
    yield from findings or [ok("tasks", "every task in the inbox has somebody who can take it")]


def _examine_unassigned(store: Store) -> Iterator[Finding]:
    for task_id in health.unassigned(store, MOST_OF_A_KIND):
        name = task_name(task_id)
        yield warning(
            "tasks", f"{name} names nobody of the squad, so it runs nowhere", f"missionctl task edit {name} --to AGENT"
        )


def _examine_refused(store: Store, runners: Settings) -> Iterator[Finding]:
    squad = {agent.name: agent for agent in agents.listed(store)}
    told: set[int] = set()
    for agent in squad.values():
        for task in tasks.queue(store, agent.name, MOST_TASKS_OF_AN_AGENT):
            reasons = [refuses(squad[name].runner, task.command, runners) for name in task.agents if name in squad]
            if all(reasons) and task.id not in told and len(told) < MOST_OF_A_KIND:
                told.add(task.id)
                edit = f"missionctl task edit {task.name}"
                yield warning("tasks", f"{task.name}: {agent.name} cannot do it: {reasons[0]}", f"{edit} --to AGENT")


def _examine_waiting(store: Store) -> Iterator[Finding]:
    for task_id, after_id in health.waiting_in_vain(store, MOST_OF_A_KIND):
        name, before = task_name(task_id), task_name(after_id)
        step = f"missionctl task depend {name} --on {before} --remove, or missionctl retry {before}"
        yield warning("tasks", f"{name} waits for {before}, which is cancelled", step)


def _examine_clock(store: Store, now: datetime) -> Finding:
    newest = history.latest(store, agent=None, limit=1)
    if newest and newest[-1].at > now + CLOCK_TOLERANCE:
        fact = f"it is {now:%Y-%m-%d %H:%M:%S} UTC, but the newest history is of {newest[-1].at:%Y-%m-%d %H:%M:%S}"
        return fault("clock", fact, "Set the clock: what waits for a time waits for the wrong one")
    if now.year < EARLIEST_YEAR:
        return fault("clock", f"it says {now:%Y-%m-%d}", "Set the clock")
    return ok("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC, after all history")
