"""Ctrl-C ends what only watches, with 130; what executes goes on to its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from functools import partial

import pytest

from mission_control.domain.attempt import Attempt, Outcome
from support.command import COMMAND
from support.eventually import expect
from support.real_mission import AT_THE_GATE, RealMission

INTERRUPTED = 130


def at_a_terminal(mission: RealMission, *words: object) -> subprocess.Popen[str]:
    """The command as the leader of a terminal's foreground group: Ctrl-C goes to all of the group."""
    return subprocess.Popen(
        [COMMAND, *map(str, words)],
        cwd=mission.home,
        env=mission.command._environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def press_ctrl_c(command: subprocess.Popen[str]) -> tuple[str, str]:
    """Interrupt it; what it had said, and what it said then."""
    os.killpg(command.pid, signal.SIGINT)
    out, err = command.communicate(timeout=60)
    assert command.returncode == INTERRUPTED, err
    assert "Traceback" not in err
    return out, err


def assert_go_on_to_their_end(mission: RealMission, *attempts: Attempt) -> None:
    assert all(mission.attempt(attempt).is_live for attempt in attempts)
    mission.open_gate()
    for attempt in attempts:
        ended = mission.ended(attempt)
        assert (ended.outcome, ended.token) == (Outcome.SUCCEEDED, attempt.token)
        assert mission.output(attempt) == b"done\n"


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["words", "json"])
def test_executors_go_on_when_the_heartbeat_that_waits_for_them_is_interrupted(
    mission: RealMission, options: list[str]
) -> None:
    tasks = [mission.add(AT_THE_GATE + "echo done") for _ in range(2)]
    waiting = at_a_terminal(mission, "heartbeat", "ada", "--wait", *options)
    attempts = [expect(partial(mission.executing, task)) for task in tasks]
    out, _ = press_ctrl_c(waiting)
    assert out == ""
    assert_go_on_to_their_end(mission, *attempts)


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["words", "json"])
def test_a_task_in_the_foreground_goes_on_when_its_run_is_interrupted(mission: RealMission, options: list[str]) -> None:
    task = mission.add(AT_THE_GATE + "echo done")
    running = at_a_terminal(mission, "run", task.name, *options)
    attempt = expect(lambda: mission.executing(task))
    out, _ = press_ctrl_c(running)
    assert out == ""
    assert_go_on_to_their_end(mission, attempt)


@pytest.mark.parametrize("words", ["logs ada -f", "logs -f --json", "events -f", "events -f --json"])
def test_following_lines_ends_with_130_after_whole_lines(mission: RealMission, words: str) -> None:
    mission.start(AT_THE_GATE)
    following = at_a_terminal(mission, *words.split())
    assert following.stdout is not None
    lines = [following.stdout.readline()]
    out, err = press_ctrl_c(following)
    lines += out.splitlines(keepends=True)
    assert err == ""
    assert all(line.endswith("\n") for line in lines)
    if "--json" in words:
        assert all(isinstance(json.loads(line), dict) for line in lines)
    mission.open_gate()


@pytest.mark.parametrize("words", ["task logs T-1 -f", "logs T-1 -f"])
def test_following_an_attempt_ends_with_130_and_leaves_it_alone(mission: RealMission, words: str) -> None:
    attempt = mission.start(f"echo first; {AT_THE_GATE}")
    following = at_a_terminal(mission, *words.split())
    assert following.stdout is not None
    assert following.stdout.readline() == "first\n"
    assert press_ctrl_c(following) == ("", "")
    mission.open_gate()
    assert mission.ended(attempt).outcome is Outcome.SUCCEEDED
