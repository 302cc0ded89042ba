"""What takes too much ends as failed with the limit named, all of it, while everything else goes on."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mission_control.domain.attempt import Attempt, Outcome
from mission_control.execution import process
from mission_control.execution.confinement import usage
from support.eventually import eventually
from support.real_mission import RealMission

MakeMission = Callable[..., RealMission]

PYTHON = f"{sys.executable} -I -S -c "
# Each would go on for ever, and is bounded all the same, should the limit not work: it then ends and succeeds.
HOG = PYTHON + shlex.quote("held = []\nfor _ in range(400): held.append(bytearray(b'x') * 2**20)")
HOG_OF_TWO = PYTHON + shlex.quote(
    "import os, time; held = bytearray(b'x') * (40 * 2**20); os.fork(); held[::4096] = b'y' * len(held[::4096])\n"
    "time.sleep(20)"
)
SHARERS = PYTHON + shlex.quote(
    "import os, time; held = bytearray(b'x') * (30 * 2**20)\n"
    "for _ in range(4):\n"
    "  if os.fork() == 0: time.sleep(3); os._exit(0)\n"
    "time.sleep(3)"
)
BURN = PYTHON + shlex.quote("import time\nwhile time.process_time() < 20: pass")
BURN_IN_TWO = PYTHON + shlex.quote("import os, time\nos.fork()\nwhile time.process_time() < 20: pass")
BOMB = PYTHON + shlex.quote(
    "import os, time\n"
    "for _ in range(300):\n"
    "  if os.fork() == 0: time.sleep(30); os._exit(0)\n"
    "  time.sleep(0.005)\n"
    "time.sleep(30)"
)
BOMB_OF_SESSIONS = BOMB.replace("time.sleep(30); os._exit", "os.setsid(); time.sleep(30); os._exit")


def assert_failed(attempt: Attempt, cause: str) -> None:
    assert attempt.outcome is Outcome.FAILED
    assert attempt.error is not None and attempt.error.startswith(cause), attempt.error


def test_a_memory_hog_fails_with_the_limit_named(make_mission: MakeMission) -> None:
    mission = make_mission(max_memory_bytes=64_000_000)
    assert_failed(mission.run(HOG), "memory limit of 64,000,000 bytes reached")


def test_memory_counts_for_all_processes_of_an_attempt_together(make_mission: MakeMission) -> None:
    mission = make_mission(max_memory_bytes=64_000_000)
    assert_failed(mission.run(HOG_OF_TWO), "memory limit of 64,000,000 bytes reached")


def test_memory_that_processes_share_counts_once(make_mission: MakeMission) -> None:
    mission = make_mission(max_memory_bytes=100_000_000)
    assert mission.run(SHARERS).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("bomb", [BOMB, BOMB_OF_SESSIONS], ids=["one group", "sessions of their own"])
def test_a_fork_bomb_fails_with_the_limit_named_and_leaves_nothing(make_mission: MakeMission, bomb: str) -> None:
    mission = make_mission(max_processes=50)
    assert_failed(mission.run(bomb), "limit of 50 processes reached")
    assert mission.processes() == []


@pytest.mark.parametrize("shell", ["", "true; "], ids=["the runner itself", "a child of it"])
def test_a_program_that_writes_without_an_end_fails_with_the_limit_named(make_mission: MakeMission, shell: str) -> None:
    mission = make_mission(max_file_bytes=1_000_000)
    attempt = mission.run(f"{shell}/usr/bin/head -c 10G /dev/zero > big")
    assert_failed(attempt, "file size limit of 1,000,000 bytes reached")
    folder = mission.folder.attempt(attempt.task_id, attempt.number) / "workspace"
    assert (folder / "big").stat().st_size == 1_000_000


@pytest.mark.parametrize("command", [BURN, f"true; {BURN}; exit 1", BURN_IN_TWO], ids=["alone", "a child", "two"])
def test_what_uses_too_much_cpu_time_fails_with_the_limit_named(make_mission: MakeMission, command: str) -> None:
    mission = make_mission(max_cpu_seconds=1)
    assert_failed(mission.run(command), "CPU time limit of 1 s reached")


def test_the_kernel_ends_what_uses_cpu_time_while_nobody_watches(make_mission: MakeMission) -> None:
    mission = make_mission(max_cpu_seconds=0.5)
    attempt = mission.start(f"until [ -e go ]; do sleep 0.01; done; exec {BURN}")
    assert attempt.executor is not None
    os.kill(attempt.executor.pid, signal.SIGSTOP)
    try:
        (mission.folder.attempt(attempt.task_id, 1) / "workspace" / "go").touch()
        (runner,) = [p for p in process.table().values() if p.parent == attempt.executor.pid]
        eventually(lambda: process.identity(runner.pid) is None)
    finally:
        os.kill(attempt.executor.pid, signal.SIGCONT)
    ended = mission.ended(attempt)
    assert ended.signal == signal.SIGXCPU
    assert_failed(ended, "CPU time limit of 0.5 s reached")


def test_cpu_time_of_one_attempt_does_not_count_for_the_next(make_mission: MakeMission) -> None:
    mission = make_mission(max_cpu_seconds=2)
    half = PYTHON + shlex.quote("import time\nwhile time.process_time() < 1.2: pass")
    added = [mission.add(half) for _ in range(3)]
    mission.beat()
    assert [mission.attempt(task).outcome for task in added] == [Outcome.SUCCEEDED] * 3


def test_a_program_gets_no_more_open_files_than_its_limit(make_mission: MakeMission) -> None:
    mission = make_mission(max_open_files=32)
    attempt = mission.run(
        PYTHON
        + shlex.quote(
            "import os\nfiles = 0\ntry:\n  while True: os.dup(0); files += 1\nfinally: print(files, flush=True)"
        )
    )
    assert attempt.outcome is Outcome.FAILED
    assert int(mission.output(attempt).split()[0]) < 32


def test_the_others_go_on_while_one_is_ended_at_its_limit(make_mission: MakeMission) -> None:
    mission = make_mission(max_memory_bytes=64_000_000, max_processes=50, max_file_bytes=1_000_000)
    other = mission.start("sleep 1000", to="bob")
    for command in (HOG, BOMB, "head -c 10G /dev/zero > big"):
        assert mission.run(command).outcome is Outcome.FAILED
    assert other.executor is not None and process.is_alive(other.executor)
    assert mission.attempt(other).is_live
    mission.board.cancel(other.task_id, actor="tester")
    assert mission.opened.tell(mission.attempt(other))
    assert mission.ended(other).outcome is Outcome.CANCELLED


def test_limits_bind_the_runner_and_not_its_executor(make_mission: MakeMission) -> None:
    mission = make_mission(max_cpu_seconds=100, max_open_files=64, max_file_bytes=5_000_000)
    attempt = mission.start("cat /proc/self/limits; exec sleep 1000")
    assert attempt.executor is not None
    eventually(lambda: b"open files" in mission.output(attempt))
    lines = {line[:26].strip(): line.split()[-3:-1] for line in mission.output(attempt).decode().splitlines()}
    assert lines["Max open files"] == ["64", "64"]
    assert lines["Max file size"] == ["5000000", "5000000"]
    assert lines["Max cpu time"] == ["111", "116"]
    executor = Path(f"/proc/{attempt.executor.pid}/limits").read_text()
    own = Path("/proc/self/limits").read_text()
    for name in ("Max cpu time", "Max file size", "Max open files"):
        assert line_of(executor, name) == line_of(own, name)
    mission.board.cancel(attempt.task_id, actor="tester")
    mission.opened.tell(mission.attempt(attempt))
    mission.ended(attempt)


def line_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(name))


def test_a_program_that_is_missing_is_named_also_under_limits(make_mission: MakeMission) -> None:
    attempt = make_mission(max_open_files=64).run("/no/such/program")
    assert_failed(attempt, "/no/such/program cannot be started: No such file")


def test_under_limits_signals_and_output_are_as_without(make_mission: MakeMission) -> None:
    mission = make_mission(max_open_files=64)
    attempt = mission.run("grep -E '^Sig(Ign|Blk)' /proc/self/status; ps -o pid=,pgid= -p $$ | uniq; cat; echo e >&2")
    ignored, blocked, group, error = mission.output(attempt).decode().splitlines()
    threads_own = 0b11 << 31  # 32 and 33 belong to the C library; whoever started the test may have ignored them
    assert [int(line.split()[1], 16) & ~threads_own for line in (ignored, blocked)] == [0, 0]
    assert group.split()[0] == group.split()[1]
    assert error == "e"


@pytest.mark.parametrize("settings", [{}, {"max_open_files": 64}], ids=["spawned", "forked"])
def test_the_kernel_kills_a_runner_before_its_executor(make_mission: MakeMission, settings: dict[str, int]) -> None:
    mission = make_mission(**settings)
    attempt = mission.start("cat /proc/self/oom_score_adj; exec sleep 1000")
    assert attempt.executor is not None
    ours = int(Path("/proc/self/oom_score_adj").read_text())
    eventually(lambda: mission.output(attempt))
    assert int(mission.output(attempt)) == min(ours + 500, 1000)
    assert int(Path(f"/proc/{attempt.executor.pid}/oom_score_adj").read_text()) == ours
    mission.board.cancel(attempt.task_id, actor="tester")
    mission.opened.tell(mission.attempt(attempt))
    mission.ended(attempt)


def test_a_limit_that_fails_all_attempts_blocks_the_task_with_the_cause(make_mission: MakeMission) -> None:
    mission = make_mission(max_processes=2)
    task = mission.add("sleep 5 & sleep 5 & wait", max_attempts=2)
    mission.settle()
    reason = mission.task(task).reason
    assert reason is not None and "limit of 2 processes reached" in reason
    assert "limit of 2 processes reached" in mission.command("show", "T-1").out


def test_without_proc_ps_tells_what_processes_take(monkeypatch: pytest.MonkeyPatch) -> None:
    hog = "import sys; held = bytearray(b'x') * (40 * 2**20); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-I", "-S", "-c", hog]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.read(1)
        monkeypatch.setattr(process, "HAS_PROC", False)
        taken = usage._usage_of([running.pid, os.getpid()], 0)
        nobody = usage._usage_of([], 5)
        running.communicate()
    assert taken.processes == 2
    assert taken.memory_bytes > 40_000_000
    assert nobody == usage.Usage(0, 0, 5)
