"""Making a mission: several at once make one, and whoever is killed in the middle leaves what the next can finish."""

from __future__ import annotations

import shutil

import pytest

from support import strace
from support.command import Command
from support.strace import Injection

MOST_CALLS = 1000  # far more than there are


def test_of_several_who_make_a_mission_at_once_one_makes_it_and_the_others_are_told(bare_missionctl: Command) -> None:
    rivals = [bare_missionctl.start("init", bare_missionctl.home) for _ in range(4)]
    said = [rival.communicate(timeout=60) for rival in rivals]
    assert sorted(rival.returncode for rival in rivals) == [0, 4, 4, 4], said
    assert sum("There is a mission in" in err for _, err in said) == 3
    assert bare_missionctl("ls", "--json").json == []
    bare_missionctl("doctor")


@pytest.mark.parametrize(("call", "step"), [("mkdir", 5), ("pwrite64", 90), ("fdatasync", 2), ("fsync", 2)])
def test_a_mission_whose_making_was_killed_can_be_made(bare_missionctl: Command, call: str, step: int) -> None:
    home = bare_missionctl.home
    for nth in range(1, MOST_CALLS, step):
        _, hits = strace.run(bare_missionctl, Injection(call, "signal=KILL", nth), "init", home)
        if not hits:
            assert nth > 1, f"no {call} was ever made"
            return
        is_made = (home / "mission.toml").exists()
        bare_missionctl("init", home, expect=4 if is_made else 0)
        bare_missionctl("doctor", "--json", expect=0)
        shutil.rmtree(home)
    pytest.fail(f"more than {MOST_CALLS} calls")
