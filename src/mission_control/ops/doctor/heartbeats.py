"""Who gives heartbeats, and whether every agent gets them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from mission_control.config import Config
from mission_control.domain.agent import Agent
from mission_control.domain.silence import silent_since
from mission_control.ops.doctor.finding import Finding, ok, warning
from mission_control.store import agents, settings
from mission_control.store.store import Store


def examine_heartbeats(store: Store, config: Config, now: datetime, *, resident: int | None) -> Iterator[Finding]:
    """`resident` is the process id of the resident process of this machine, if there is one."""
    if resident is None:
        yield ok("up", "no resident process here; heartbeats come from cron, a timer or a person")
    else:
        # Both at once are fine, because a claim is one transaction.
        yield ok("up", f"the resident process {resident} gives heartbeats; cron may give them besides")
    squad = [agent for agent in agents.listed(store) if not agent.paused]
    if settings.pause(store) is None:
        yield from _examine_silent(squad, config, now)


def _examine_silent(squad: Sequence[Agent], config: Config, now: datetime) -> Iterator[Finding]:
    silent = [(agent.name, since) for agent in squad if (since := silent_since(agent, now, config.zone))]
    for name, since in silent:
        fact = f"{name} has missed three heartbeats: the last was at {since:%Y-%m-%d %H:%M} UTC"
        yield warning("heartbeats", fact, "missionctl up --detach, or missionctl cron install")
    if squad and not silent:
        yield ok("heartbeats", "nobody has missed three")
