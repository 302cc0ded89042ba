"""Where the kernel lets us have groups of processes, they hold memory and processes; nothing is left of them."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mission_control.domain.attempt import Attempt, Outcome, ProcessIdentity
from mission_control.execution import process
from mission_control.execution.confinement import cgroup
from support.command import COMMAND
from support.eventually import eventually, expect
from support.real_mission import RealMission
from support.small_kernel import require_small_kernel, run_in_small_kernel

MakeMission = Callable[..., RealMission]
PYTHON = f"{sys.executable} -I -S -c "
HOG = PYTHON + shlex.quote("held = []\nfor _ in range(400): held.append(bytearray(b'x') * 2**20)")
BOMB_OF_SESSIONS = PYTHON + shlex.quote(
    "import os, time\n"
    "for _ in range(60):\n"
    "  try:\n"
    "    if os.fork() == 0: os.setsid(); open('made', 'a').write('x'); time.sleep(60); os._exit(0)\n"
    "  except OSError: pass\n"
    "time.sleep(60)"
)


@pytest.fixture
def groups() -> Iterator[Path]:
    """A group of cgroup v2 in which others can be made, with the controllers of memory and processes."""
    mount = cgroup._mount_point()
    if mount is None or not os.access(mount, os.W_OK):
        pytest.skip("there is no cgroup v2 here that we may change; one of these tests runs the others in a kernel")
    if not {"memory", "pids"} <= set(Path(mount, "cgroup.controllers").read_text().split()):
        pytest.skip("cgroup v2 has no memory and pids here; one of these tests runs the others in a kernel that has")
    yield Path(mount)
    assert list(Path(mount).rglob("mission-control-*")) == []


def assert_failed(attempt: Attempt, cause: str) -> None:
    assert attempt.outcome is Outcome.FAILED
    assert attempt.error is not None and attempt.error.startswith(cause), attempt.error


def test_the_kernel_ends_a_memory_hog_and_the_limit_is_named(groups: Path, make_mission: MakeMission) -> None:
    mission = make_mission(max_memory_bytes=64_000_000, cgroup=str(groups))
    attempt = mission.run(HOG)
    assert_failed(attempt, "memory limit of 64,000,000 bytes reached")
    assert attempt.error is not None and "held" not in attempt.error, "these are the words of the watch"


def test_the_kernel_lets_a_fork_bomb_have_no_more_than_its_limit(groups: Path, make_mission: MakeMission) -> None:
    mission = make_mission(max_processes=20, cgroup=str(groups))
    assert f"in groups in {groups}" in mission.command("doctor").out
    attempt = mission.run(BOMB_OF_SESSIONS)
    assert_failed(attempt, "limit of 20 processes reached")
    made = mission.folder.attempt(attempt.task_id, 1) / "workspace" / "made"
    assert 0 < len(made.read_text()) < 20
    assert mission.processes() == []


@pytest.mark.parametrize("level", ["process", "bubblewrap"])
def test_whatever_the_isolation_all_of_an_attempt_is_in_its_group(
    groups: Path, make_mission: MakeMission, level: str
) -> None:
    if level == "bubblewrap" and not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed")
    mission = make_mission(max_processes=20, cgroup=str(groups), isolation=level)
    attempt = mission.start("setsid sleep 1000 & exec sleep 1000")
    executor = attempt.executor
    assert executor is not None
    tree = expect(lambda: both_sleeping(executor))
    group = groups / f"mission-control-{executor.pid}-{executor.started}"
    assert set((group / "cgroup.procs").read_text().split()) == {str(pid) for pid in tree}
    mission.board.cancel(attempt.task_id, actor="tester")
    mission.opened.tell(attempt)
    assert mission.ended(attempt).outcome is Outcome.CANCELLED


def both_sleeping(executor: ProcessIdentity) -> set[int] | None:
    """Pids of all that the attempt has started, once both its programs run."""
    tree = process.descendants([executor.pid], process.table())
    sleeping = [found for found in tree if Path(f"/proc/{found.pid}/comm").read_text() == "sleep\n"]
    return {found.pid for found in tree} if len(sleeping) == 2 else None


def test_a_place_for_groups_that_is_of_no_use_fails_the_attempt(make_mission: MakeMission, tmp_path: Path) -> None:
    mission = make_mission(max_processes=20, cgroup=str(tmp_path / "nowhere"))
    assert "nowhere is no group of cgroup v2" in mission.command("doctor", expect=7).out
    attempt = mission.run("echo never")
    assert_failed(attempt, "no group for it can be made, as the setting cgroup asks for")
    assert mission.output(attempt) == b""


def test_what_a_killed_executor_leaves_dies_with_its_group(groups: Path, make_mission: MakeMission) -> None:
    mission = make_mission(max_processes=20, cgroup=str(groups))
    # Without our environment, session, output or parent: nothing but its group tells whose it is.
    attempt = mission.start(
        "env -i setsid sh -c 'echo $$ > pid; exec sleep 1000' </dev/null >/dev/null 2>&1 & exec sleep 1000"
    )
    noted = mission.folder.attempt(attempt.task_id, 1) / "workspace" / "pid"
    eventually(lambda: noted.exists() and noted.read_text())
    executor = attempt.executor
    assert executor is not None
    os.kill(executor.pid, signal.SIGKILL)
    eventually(lambda: not process.is_alive(executor))
    mission.beat()
    assert mission.attempt(attempt).outcome is Outcome.LOST
    assert process.identity(int(noted.read_text())) is None


def test_a_group_that_systemd_delegated_is_used_without_a_word(groups: Path, make_mission: MakeMission) -> None:
    mission = make_mission(max_processes=20)
    service = groups / "service"
    ours = service / "dispatcher"
    ours.mkdir(parents=True)
    (groups / "cgroup.subtree_control").write_text("+memory +pids")
    os.setxattr(service, "user.delegate", b"1")
    task = mission.add("cat /proc/self/cgroup")
    beat = f"echo 0 > {ours}/cgroup.procs; exec {COMMAND} heartbeat --all --wait"
    try:
        subprocess.run(["sh", "-c", beat], cwd=mission.home, env=mission.command._environment(), check=True)
        assert mission.output(task).startswith(b"0::/service/mission-control-")
    finally:
        eventually(lambda: (ours / "cgroup.procs").read_text() == "")
        ours.rmdir()
        service.rmdir()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_of_this_holds_in_a_kernel_that_has_groups(tmp_path: Path) -> None:
    if Path("/sys/fs/cgroup/cgroup.controllers").exists() and os.environ.get("IN_SMALL_KERNEL"):
        pytest.skip("we are in it")
    require_small_kernel()
    variables = "IN_SMALL_KERNEL=1 HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis"
    command = f"{variables} {sys.executable} -m pytest {__file__} -p no:cacheprovider -n 0 -rpfE --color=no"
    code, said = run_in_small_kernel(command, tmp_path, seconds=500)
    assert code == 0, said
    passed = {line.partition("::")[2] for line in said.splitlines() if line.startswith("PASSED ")}
    for name, found in list(globals().items()):
        if name.startswith("test_") and found is not test_all_of_this_holds_in_a_kernel_that_has_groups:
            assert any(one.partition("[")[0] == name for one in passed), f"{name} was not carried out\n{said}"
