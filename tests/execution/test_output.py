"""The log of an attempt: raw, within its cap with head and tail exact, and never more on disk than it should be."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mission_control.execution import output as output_module
from mission_control.execution.output import Output
from support.eventually import expect
from support.real_mission import RealMission

SEVERAL_FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
NOTE = re.compile(rb"\n\[\xe2\x80\xa6 (\d+) bytes of output cut here: the limit is (\d+) bytes \xe2\x80\xa6\]\n")


def numbered(size: int) -> bytes:
    """So many bytes of which no two stretches are alike."""
    return b"".join(b"%08d" % number for number in range(size // 8 + 1))[:size]


def written(path: Path, cap: int, pieces: list[bytes], *, look_between: bool) -> tuple[int, bytes]:
    """(bytes cut, what the file holds) after a runner wrote these pieces."""
    path.unlink(missing_ok=True)
    output = Output(path, cap)
    for piece in pieces:
        os.write(output.descriptor, piece)
        if look_between:
            output.keep_within_cap()
    return output.close(), path.read_bytes()


@SEVERAL_FILES
@given(
    cap=st.integers(1_000, 60_000),
    sizes=st.lists(st.integers(0, 40_000), max_size=8),
    look_between=st.booleans(),
)
def test_head_and_tail_are_exact_and_the_note_says_how_much_is_missing(
    tmp_path: Path, cap: int, sizes: list[int], look_between: bool
) -> None:
    everything = numbered(sum(sizes))
    ends = [sum(sizes[: count + 1]) for count in range(len(sizes))]
    pieces = [everything[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    cut, kept = written(tmp_path / "output.log", cap, pieces, look_between=look_between)
    assert cut == max(len(everything) - cap, 0)
    if not cut:
        assert kept == everything
        return
    head, tail = everything[: cap // 2], everything[len(everything) - (cap - cap // 2) :]
    note = NOTE.search(kept)
    assert note is not None
    assert (int(note[1]), int(note[2])) == (cut, cap)
    assert kept == head + note[0] + tail


FLOOD = "i=0; while [ $i -lt 100 ]; do head -c 2000000 /dev/zero; i=$((i+1)); sleep 0.02; done; printf end"


@pytest.mark.slow
def test_a_flood_of_output_takes_no_more_disk_than_its_cap_and_what_comes_between_two_looks(
    make_mission: Callable[..., RealMission],
) -> None:
    mission = make_mission(max_output_bytes=1_000_000)
    attempt = mission.start(FLOOD)
    log = mission.folder.output(attempt.task_id, 1)
    most_on_disk = 0

    def ended() -> bool:
        nonlocal most_on_disk
        most_on_disk = max(most_on_disk, log.stat().st_blocks * 512)
        return not mission.attempt(attempt).is_live

    expect(lambda: ended() or None, within=90)
    assert most_on_disk < 150_000_000, "nothing was given back while it ran"
    kept = log.read_bytes()
    assert len(kept) < 1_000_200
    assert kept.endswith(b"\0end")
    assert NOTE.search(kept)
    assert "output_cut" in mission.executor_log()


def test_output_within_its_cap_is_left_alone(make_mission: Callable[..., RealMission]) -> None:
    mission = make_mission(max_output_bytes=1_000)
    attempt = mission.run("head -c 1000 /dev/zero")
    assert mission.output(attempt) == b"\0" * 1000


def test_a_file_system_that_cannot_cut_still_ends_with_head_and_tail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, start: int, length: int) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(output_module, "_punch", refuse)
    output = Output(tmp_path / "output.log", 1_000)
    os.write(output.descriptor, b"head" * 2_000 + b"tail" * 2_000)
    with pytest.raises(OSError, match="not supported"):
        output.keep_within_cap()
    assert output.close() == 15_000
    kept = (tmp_path / "output.log").read_bytes()
    assert kept.startswith(b"head" * 125 + b"\n[")
    assert kept.endswith(b"]\n" + b"tail" * 125)


def test_a_runner_that_truncates_its_log_harms_only_its_log(make_mission: Callable[..., RealMission]) -> None:
    mission = make_mission(max_output_bytes=10_000)
    attempt = mission.run("head -c 50000 /dev/zero; : > ../output.log; echo after")
    assert mission.output(attempt) == b"after\n"
    assert attempt.outcome == "succeeded"


def test_the_log_can_be_followed_while_it_grows(mission: RealMission) -> None:
    gate = mission.home / "gate"
    os.mkfifo(gate)
    task = mission.add('echo before; read line < "$MISSIONCTL_HOME/gate"; echo after $line')
    mission.beat(wait=False)
    follower = mission.command.start("logs", task.name, "--follow")
    assert follower.stdout is not None
    assert follower.stdout.readline() == "before\n"
    gate.write_text("the gate\n")
    assert follower.stdout.readline() == "after the gate\n"
    assert follower.wait(timeout=20) == 0
    follower.communicate()
