"""Checks of what this machine can keep attempts within: levels of isolation, groups of processes, slots of runners."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mission_control.config import Config
from mission_control.execution.confinement import cgroup, isolation
from mission_control.execution.runners import names
from mission_control.ops.doctor.finding import Finding, fault, ok, warning
from mission_control.settings_checks import Isolation


def examine_confinement(config: Config, search_path: str) -> Iterator[Finding]:
    """What is asked for and cannot be had is a fault, for attempts fail by it; the rest is told as a fact."""
    yield from _examine_isolation(config, search_path)
    yield _examine_groups(config)
    for name in config.runner_slots:
        if name not in (known := names(config.runners)):
            fact = f"runner_slots limits {name!r}, and this program has no such runner"
            yield warning("runner slots", fact, f"Name one of these in mission.toml: {', '.join(known)}")


def _examine_isolation(config: Config, search_path: str) -> Iterator[Finding]:
    missing = {level: reason for level in Isolation if (reason := isolation.why_not(level, search_path))}
    if reason := missing.get(config.isolation):
        yield fault("isolation", reason, "Install what is missing, or change isolation in mission.toml")
    available = ", ".join(level for level in Isolation if level not in missing)
    absent = "".join(f"; {reason}" for level, reason in missing.items() if level is not config.isolation)
    yield ok("isolation", f"{config.isolation} is set; to be had here: {available}{absent}")
    for path in (*config.readable_paths, *config.writable_paths):
        if config.isolation is not Isolation.PROCESS and not os.path.exists(path):
            yield fault("isolation", f"there is no {path}", "Make it, or take it out of mission.toml")


def _examine_groups(config: Config) -> Finding:
    place = config.cgroup or cgroup.delegated()
    if place is None:
        return ok("groups", "no cgroup is delegated to us: limits on memory and processes are watched, once a second")
    if reason := cgroup.why_useless(place):
        if config.cgroup is None:
            return ok("groups", f"{reason}, so limits on memory and processes are watched, once a second")
        return fault("groups", reason, "Delegate memory and pids; see docs/limits-and-isolation.md")
    return ok("groups", f"the kernel holds limits on memory and processes, in groups in {place}")
