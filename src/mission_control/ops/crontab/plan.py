"""What the block of a mission should hold, from its squad."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mission_control.config import Config
from mission_control.domain.agent import Agent
from mission_control.ops.crontab.block import Block
from mission_control.ops.crontab.fields import clock_gaps, cron_times
from mission_control.ops.crontab.line import Call, Entry, line_of


@dataclass(frozen=True)
class Plan:
    """Who gets which line, and what a person should know about it."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...]


def plan_here(squad: Sequence[Agent], names: Sequence[str] | None, config: Config, now: datetime) -> Plan:
    """The plan for this machine, whose cron reads schedules in the zone of the system."""
    gaps: AbstractSet[timedelta] = frozenset()
    if config.timezone != "local":
        gaps = clock_gaps(config.zone, replace(config, timezone="local").zone, now)
    return plan(squad, names, host=config.host, gaps=gaps)


def plan(
    squad: Sequence[Agent], names: Sequence[str] | None, *, host: str, gaps: AbstractSet[timedelta] = frozenset()
) -> Plan:
    """A line for each agent of the squad who is named (null: all), is not paused and may work on this machine.

    `gaps` are those between the mission's clock and cron's.
    """
    entries: list[Entry] = []
    notes: list[str] = []
    wanted = [agent for agent in squad if names is None or agent.name in names]
    for agent in wanted:
        if why_not := _without_line(agent, host):
            notes.append(why_not)
            continue
        times = cron_times(agent.schedule, gaps)
        entries.append(Entry(agent.name, times.fields, only_when_due=times.reason is not None))
        if times.reason is not None:
            notes.append(
                f"{agent.name}: cron cannot say '{agent.schedule}', because {times.reason}. "
                f"It asks at '{times.fields}', and the program gives the heartbeat when it is due."
            )
    gone = sorted(set(names or ()) - {agent.name for agent in squad})
    notes.extend(f"{name} is not in the squad and gets no line." for name in gone)
    return Plan(tuple(entries), tuple(notes))


def block_of(plan: Plan, names: Sequence[str] | None, call: Call) -> Block | None:
    """The block that the plan asks for; None where nobody gets a line. Raises InvalidInput, see `line_of`."""
    if not plan.entries:
        return None
    listed = None if names is None else tuple(sorted(set(names)))
    return Block(call.home, listed, tuple(line_of(entry, call) for entry in plan.entries))


def _without_line(agent: Agent, host: str) -> str | None:
    """Why somebody gets no line here; null: they get one."""
    if agent.paused:
        return f"{agent.name} is paused and gets no line. After missionctl agent resume {agent.name} install again."
    if agent.host is not None and agent.host != host:
        return f"{agent.name} lives on {agent.host} and gets no line here. Install there."
    return None
