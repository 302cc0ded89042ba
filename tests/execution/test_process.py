"""The process table, by /proc and by ps: both see the same, and a signal never reaches another process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import replace

import pytest

from mission_control.execution import process
from support.eventually import eventually, expect

needs_both = pytest.mark.skipif(
    not (process.HAS_PROC and shutil.which("ps")),
    reason="without /proc and ps (package procps) nothing can be said about how well they agree",
)


@needs_both
def test_ps_sees_parents_sessions_and_zombies_as_proc_does(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    zombie = subprocess.Popen(["true"])
    pids = [os.getpid(), child.pid, zombie.pid]
    by_proc = expect(lambda: found if (found := _seen(pids))[zombie.pid].is_zombie else None)
    monkeypatch.setattr(process, "HAS_PROC", False)
    by_ps = _seen(pids)
    child.kill()
    child.wait()
    zombie.wait()
    assert {pid: replace(seen, started="") for pid, seen in by_ps.items()} == {
        pid: replace(seen, started="") for pid, seen in by_proc.items()
    }


def _seen(pids: list[int]) -> dict[int, process.Process]:
    table = process.table()
    return {pid: table[pid] for pid in pids}


@needs_both
def test_without_proc_a_process_is_still_known_again_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "HAS_PROC", False)
    monkeypatch.setattr(process, "boot", lambda: "this boot")
    child = subprocess.Popen(["sleep", "1000"])
    known = process.identity(child.pid)
    assert known is not None and process.is_alive(known)
    (seen,) = [found for found in process.descendants([os.getpid()], process.table()) if found.pid == child.pid]
    assert process.send([seen], signal.SIGKILL) == 1
    child.wait()
    assert not process.is_alive(known)


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen(["true"])
    eventually(lambda: process.identity(child.pid) is None)
    child.wait()


def test_a_signal_for_an_earlier_process_with_the_same_pid_is_not_sent() -> None:
    child = subprocess.Popen(["sleep", "1000"])
    seen = process.table()[child.pid]
    assert process.send([replace(seen, started="1")], signal.SIGKILL) == 0
    assert child.poll() is None
    child.kill()
    child.wait()


def test_descendants_are_found_through_any_number_of_generations_and_never_the_ancestor() -> None:
    def one(pid: int, parent: int, *, is_zombie: bool = False) -> process.Process:
        return process.Process(pid=pid, parent=parent, session=pid, started="1", is_zombie=is_zombie)

    table = {entry.pid: entry for entry in (one(2, 1), one(3, 2, is_zombie=True), one(4, 3), one(5, 9))}
    assert {found.pid for found in process.descendants([1], table)} == {2, 4}
