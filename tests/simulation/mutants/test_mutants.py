"""Every defect is found by the simulation, at the invariant it breaks; the program as it is survives the same seeds."""

from __future__ import annotations

import re

import pytest

from simulation.mutants.defects import DEFECTS, Defect
from simulation.simulation import BrokenPromiseError, Simulation

SEEDS = range(40)
STEPS = 1_000

pytestmark = [pytest.mark.slow, pytest.mark.thorough]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_is_caught(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    defect.apply(monkeypatch)
    broken = next(filter(None, (broken_by(defect, seed) for seed in SEEDS)), None)
    assert broken is not None, f"not noticed in {len(SEEDS)} runs of {STEPS} steps"
    assert broken.invariant in defect.breaks, str(broken)


def broken_by(defect: Defect, seed: int) -> BrokenPromiseError | None:
    simulation = Simulation(seed, prepare=lambda world: world.store.script(defect.schema))
    try:
        simulation.run(STEPS)
    except BrokenPromiseError as broken:
        return broken
    return None


@pytest.mark.parametrize("first", [0, 10, 20, 30])
def test_the_program_as_it_is_survives_the_same_seeds(first: int) -> None:
    for seed in SEEDS[first : first + 10]:
        Simulation(seed).run(STEPS)


def test_what_was_found_is_found_again_by_what_the_message_names(monkeypatch: pytest.MonkeyPatch) -> None:
    DEFECTS[0].apply(monkeypatch)
    first = next(filter(None, (broken_by(DEFECTS[0], seed) for seed in SEEDS)))
    named = re.search(r"MISSION_SIMULATION_SEED=(\d+) MISSION_SIMULATION_STEPS=(\d+) ", str(first))
    assert named is not None
    with pytest.raises(BrokenPromiseError) as again:
        Simulation(int(named[1])).run(int(named[2]))
    assert str(again.value) == str(first)
