"""A ring is never lost, and what dead processes left behind does not pile up."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mission_control.execution.doorbell import Doorbell, ring

KILLED_WAITER = """
import os, signal, sys
from pathlib import Path
from mission_control.execution.doorbell import Doorbell
Doorbell(Path(sys.argv[1]))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def bell(tmp_path: Path) -> Iterator[Doorbell]:
    bell = Doorbell(tmp_path)
    yield bell
    bell.close()


def has_rung(bell: Doorbell) -> bool:
    return bool(select.select([bell.descriptor], [], [], 0)[0])


def test_a_ring_between_looking_and_waiting_is_not_lost(bell: Doorbell, tmp_path: Path) -> None:
    ring(tmp_path)
    bell.clear()
    assert not has_rung(bell)
    # The board is looked at here; somebody adds a task.
    ring(tmp_path)
    assert has_rung(bell)


def test_more_rings_than_a_pipe_holds_neither_block_nor_fail(bell: Doorbell, tmp_path: Path) -> None:
    for _ in range(70_000):
        ring(tmp_path)
    bell.clear()
    assert not has_rung(bell)


def test_what_a_killed_process_left_is_cleared_by_the_next_ring_and_others_are_still_rung(
    bell: Doorbell, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-c", KILLED_WAITER, str(tmp_path)], check=False)
    assert len(os.listdir(tmp_path)) == 2
    ring(tmp_path)
    assert len(os.listdir(tmp_path)) == 1
    assert has_rung(bell)


def test_a_bell_is_never_seen_before_it_can_be_rung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkfifo = os.mkfifo

    def ring_at_once(path: Path, mode: int) -> None:
        mkfifo(path, mode)
        ring(tmp_path)

    monkeypatch.setattr(os, "mkfifo", ring_at_once)
    bell = Doorbell(tmp_path)
    ring(tmp_path)
    assert has_rung(bell)
    bell.close()
    assert os.listdir(tmp_path) == []


def test_ringing_where_nobody_ever_waited_is_harmless(tmp_path: Path) -> None:
    ring(tmp_path / "no such folder")
