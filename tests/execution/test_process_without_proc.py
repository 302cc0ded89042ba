"""What a system without /proc is asked, as on macOS: the answer must not depend on who asks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from mission_control.execution import process


@pytest.fixture
def without_proc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    boot = process.boot
    boot.cache_clear()
    monkeypatch.setattr(process, "HAS_PROC", False)
    yield
    boot.cache_clear()


@pytest.fixture
def sleeper() -> Iterator[int]:
    running = subprocess.Popen(["sleep", "1000"])
    yield running.pid
    running.kill()
    running.wait()


@pytest.mark.skipif(not shutil.which("ps"), reason="there is no ps here")
@pytest.mark.usefixtures("without_proc")
def test_a_start_time_is_the_same_in_every_time_zone(sleeper: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "boot", lambda: "this boot")
    seen = set()
    for zone in ("UTC", "America/New_York", "Asia/Kolkata"):
        monkeypatch.setenv("TZ", zone)
        seen.add(process.identity(sleeper))
    assert len(seen) == 1 and None not in seen


@pytest.mark.skipif(not shutil.which("ps"), reason="there is no ps here")
@pytest.mark.usefixtures("without_proc")
def test_processes_are_found_with_the_few_folders_of_cron_on_the_path(
    sleeper: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = process.table()
    assert (found[sleeper].parent, found[sleeper].session) == (os.getpid(), os.getsid(0))


@pytest.mark.usefixtures("without_proc")
def test_a_boot_is_told_by_what_no_set_clock_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {("sysctl", "-n", "kern.bootsessionuuid"): "5E0F-77\n"}
    monkeypatch.setattr(process, "_output_of", lambda argv: answers[tuple(argv)])
    assert process.boot() == "5E0F-77"


@pytest.mark.usefixtures("without_proc")
@pytest.mark.parametrize("name", ["T-1/1", "T-1/10"])
def test_a_mark_is_read_from_ps_when_the_home_has_spaces(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    shown = f"sleep 1000 TZ=UTC MISSIONCTL_MARK=/Users/a/My mission:{name} PATH=/bin\n"
    only = process.Process(pid=7, parent=1, session=7, started="1", is_zombie=False)
    monkeypatch.setattr(process, "table", lambda: {7: only})
    monkeypatch.setattr(process, "_output_of", lambda _argv: shown)
    assert process.marked("MISSIONCTL_MARK=/Users/a/My mission:") == [(only, name)]
    assert process.marked("MISSIONCTL_MARK=/Users/a/Another:") == []
