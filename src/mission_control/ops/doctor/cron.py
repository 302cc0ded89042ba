"""Check of the crontab: the block of this mission, if there is one, wakes the squad as it is now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mission_control.config import Config
from mission_control.domain.agent import Agent
from mission_control.errors import Conflict, Unavailable
from mission_control.ops.crontab.block import Block
from mission_control.ops.crontab.line import read_line
from mission_control.ops.crontab.plan import plan_here
from mission_control.ops.crontab.program import find_crontab
from mission_control.ops.crontab.standing import home_of, look
from mission_control.ops.doctor.finding import Finding, ok, warning

RENEW = "missionctl cron install"


def examine_cron(
    squad: Sequence[Agent], config: Config, environment: Mapping[str, str], now: datetime
) -> Iterator[Finding]:
    """Without a block nothing is wrong: heartbeats may come from elsewhere. PATH is not compared, it is whose shell."""
    try:
        crontab = find_crontab(environment)
    except Unavailable:
        yield ok("cron", "there is no crontab command here; heartbeats come from elsewhere")
        return
    try:
        standing = look(crontab, home_of(config.home))
    except (Conflict, Unavailable) as refused:
        yield warning("cron", str(refused), "Mend what it says")
        return
    if not standing.is_installed:
        yield ok("cron", "no block of this mission in the crontab; heartbeats come from elsewhere")
    elif standing.block is None:
        yield warning("cron", "somebody edited the block of this mission in the crontab", f"{RENEW} --force")
    else:
        yield from _examine_block(standing.block, squad, config, now)


def _examine_block(block: Block, squad: Sequence[Agent], config: Config, now: datetime) -> Iterator[Finding]:
    read = [found for line in block.lines if (found := read_line(line))]
    there = {entry.agent: entry for entry, _ in read}
    wanted = {entry.agent: entry for entry in plan_here(squad, block.names, config, now).entries}
    differing = sorted(name for name in there.keys() | wanted.keys() if there.get(name) != wanted.get(name))
    missing = sorted({call.program for _, call in read if not os.access(call.program, os.X_OK)})
    for program in missing:
        yield warning("cron", f"the crontab names {program}, which is not there or cannot be started", RENEW)
    if differing:
        yield warning("cron", f"the crontab differs from the squad for {', '.join(differing)}", RENEW)
    if not missing and not differing:
        # Both at once are fine, because a claim is one transaction.
        yield ok(
            "cron", f"the crontab wakes {len(there)} agents by their schedules; a resident process may run beside it"
        )
