"""The container, as far as can be seen without a container engine: its file, and what it runs as process 1.

The image itself is not built here. What its `start` does is tried in a process namespace, where it is process 1 and
where everything ends with it, as in a container.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mission_control.interfaces.cli.main import COMMANDS
from support.command import SCRIPTS, Command
from support.eventually import expect

ROOT = Path(__file__).parents[2]
FILE = ROOT / "container" / "Containerfile"
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()


def instructions() -> list[tuple[str, str]]:
    """Each instruction with its words, in order."""
    lines = [line for line in FILE.read_text().splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in joined.splitlines()]


def of_the_last_stage(name: str) -> list[str]:
    told = instructions()
    start = max(number for number, (word, _) in enumerate(told) if word == "FROM")
    return [words for word, words in told[start:] if word == name]


def test_everything_that_is_copied_is_there_and_reaches_the_builder() -> None:
    sources = [
        source
        for name, words in instructions()
        if name == "COPY" and "--from=" not in words
        for source in [word for word in words.split() if not word.startswith("--")][:-1]
    ]
    assert {"requirements.lock", "pyproject.toml", "src", "container/start"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in IGNORED, source
    assert os.access(ROOT / "container" / "start", os.X_OK)


def test_nobody_is_root_the_mission_is_a_volume_and_its_health_is_asked() -> None:
    (user,) = of_the_last_stage("USER")
    assert int(user) > 0
    (volume,) = of_the_last_stage("VOLUME")
    assert f"MISSIONCTL_HOME={volume}" in " ".join(of_the_last_stage("ENV"))
    (health,) = of_the_last_stage("HEALTHCHECK")
    assert re.search(r'CMD \["missionctl", "(\w+)"\]', health)[1] in COMMANDS  # type: ignore[index]  # a match or a failure
    assert of_the_last_stage("CMD") == ['["start"]']


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts the container's program as process 1 of a namespace; whatever is left ends with the test."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("NOT TESTED: a process namespace of our own needs Linux, root and unshare")
    started: list[subprocess.Popen[str]] = []
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", str(ROOT / "container" / "start")]

    def run() -> subprocess.Popen[str]:
        home = tmp_path / "mission"
        environment = {"PATH": f"{SCRIPTS}:{os.defpath}", "MISSIONCTL_HOME": str(home), "HOME": str(tmp_path)}
        started.append(subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for container in started:
        container.kill()
        container.communicate()


def process_1(container: subprocess.Popen[str]) -> int:
    """Its pid as the machine sees it."""
    (child,) = Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()
    return int(child)


def test_process_1_makes_the_mission_and_gives_work_back_when_it_is_stopped(
    start: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    missionctl = Command(tmp_path / "mission")

    def task() -> Any:
        return missionctl("show", "T-1", "--json").json

    container = start()
    assert container.stdout is not None
    assert container.stdout.readline() == f"{missionctl.home}\n"  # init
    assert container.stdout.readline().strip().isdigit()  # up
    missionctl("agent", "add", "ada")
    missionctl("add", "Long", "--to", "ada", "--command", "sleep 600")
    expect(lambda: [attempt for attempt in task()["attempts"] if attempt["started_at"]])
    os.kill(process_1(container), signal.SIGTERM)
    assert container.wait(timeout=60) == 0
    seen = task()
    assert (seen["status"], seen["failures"]) == ("inbox", 0)
    assert [attempt["outcome"] for attempt in seen["attempts"]] == ["released"]
    again = start()
    assert again.stdout is not None
    assert again.stdout.readline().strip().isdigit(), "there is a mission already"
    expect(lambda: [attempt for attempt in task()["attempts"][1:] if attempt["started_at"]])
    os.kill(process_1(again), signal.SIGTERM)
    assert again.wait(timeout=60) == 0
