"""Simulated missions keep every promise, whatever people, faults and the order of events do. See docs/testing.md."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mission_control.domain.attempt import Outcome
from simulation.simulation import BrokenPromiseError, Nature, Simulation, nature_of

STEPS = int(os.environ.get("MISSION_SIMULATION_STEPS", "200_000"))  # of all runs together
FIRST_SEED = int(os.environ.get("MISSION_SIMULATION_SEED", "0"))
STEPS_A_RUN = 2_000
PARTS = 15  # short enough for a busy machine; no multiple of 4, or some would see only one kind of world

# What must have happened, or the rest would prove little.
EVENTS = {
    *(f"recorded {outcome}" for outcome in Outcome if outcome is not Outcome.LOST),
    *(
        "recovered",
        "lease lost",
        "answered",
        "renewed for it",
        "went on",
        "alone",
        "gave up",
        "launcher gone",
        "fork failed",
        "unavailable",
    ),
    *("killed", "heartbeat killed", "executor killed", "stopped", "restarted", "clock set", "told to stop"),
    *(
        "run refused",
        "added",
        "refused",
        "retry",
        "cancel",
        "approve",
        "reject",
        "answer",
        "delete",
        "edited",
        "depend",
        "undepend",
    ),
}


def regressions() -> list[tuple[int, int]]:
    """(seed, steps) of runs that once failed."""
    lines = Path(__file__).with_name("regressions.txt").read_text().splitlines()
    words = [line.partition("#")[0].split() for line in lines]
    return [(int(seed), int(steps)) for seed, steps in filter(None, words)]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_a_mission_keeps_every_promise(part: int) -> None:
    seeds = range(FIRST_SEED + part, FIRST_SEED + -(-STEPS // STEPS_A_RUN), PARTS)
    for seed in seeds:
        Simulation(seed).run(STEPS_A_RUN)


@pytest.mark.slow
def test_a_simulation_meets_everything_that_it_is_for() -> None:
    happened = sum((Simulation(seed).run(STEPS_A_RUN) for seed in range(1000, 1012)), Counter[str]())
    assert EVENTS - happened.keys() == set()


TWO = nature_of(3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [replace(TWO, clock_jumps=True), replace(TWO, lone_kills=True), replace(TWO, stops=True)],
    ids=["clock_jumps", "lone_kills", "stops"],
)
def test_leases_of_other_machines_end_by_the_clock_so_this_is_not_promised_yet(more: Nature) -> None:
    """Once an executor ends its tree when it cannot renew in time, `nature_of` may let this happen everywhere."""
    found = {broken_promise(seed, more) for seed in range(3, 63, 4)} - {None}
    assert found
    assert found <= {"I1", "I2", "I5"}


def broken_promise(seed: int, nature: Nature) -> str | None:
    try:
        Simulation(seed, nature=nature).run(STEPS_A_RUN)
    except BrokenPromiseError as broken:
        return broken.invariant
    return None


@pytest.mark.parametrize(("seed", "steps"), regressions())
def test_what_once_failed_does_not_fail_again(seed: int, steps: int) -> None:
    Simulation(seed).run(steps)


def test_one_seed() -> None:
    """The run that MISSION_SIMULATION_SEED and MISSION_SIMULATION_STEPS name, e.g. one that has failed."""
    Simulation(FIRST_SEED).run(int(os.environ.get("MISSION_SIMULATION_STEPS", STEPS_A_RUN)))


def test_a_seed_tells_the_same_story_every_time() -> None:
    first, second = Simulation(FIRST_SEED), Simulation(FIRST_SEED)
    assert first.run(500) == second.run(500)
    assert list(first.world.said) == list(second.world.said)
