"""status, stats, logs and events as their users run them."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from support.command import Command
from support.eventually import eventually

NO_WAIT = {"MISSIONCTL_BACKOFF_BASE_SECONDS": "0"}


@pytest.fixture
def mission(missionctl: Command) -> Command:
    """A mission with ada in it."""
    missionctl("agent", "add", "ada")
    return missionctl


def add(mission: Command, command: str, *options: str) -> str:
    return mission("add", "A title", "--to", "ada", "--command", command, *options).out.strip()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A named pipe: whoever opens it to read waits until the test opens it to write."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def open_gate(gate: Path) -> None:
    with open(gate, "wb"):
        pass


def test_status_tells_of_everybody_and_is_healthy_at_rest(mission):
    status = mission("status", "--json").json
    assert status["healthy"] is True
    assert [(agent["name"], agent["status"], agent["live"]) for agent in status["agents"]] == [("ada", "idle", 0)]
    assert set(status["agents"][0]) >= {"slots", "next_heartbeat_at", "last_heartbeat_at"}
    assert status["live"] == []
    assert status["machines"][0]["live"] == 0
    assert status["tasks"]["inbox"] == 0
    assert "agent\tstatus\tlive\tslots" in mission("status").out


def test_an_attempt_without_executor_is_unhealthy_until_a_heartbeat_recovers_it(mission, gate):
    made = add(mission, f"cat {gate}", "--max-attempts", "1")
    mission("heartbeat", "ada")
    (live,) = mission("status", "--json").json["live"]
    assert (live["task"], live["executing"], live["note"]) == (made, True, None)

    os.kill(live["pid"], signal.SIGKILL)
    status = eventually(lambda: mission("status", "--json", expect=7)).json
    assert status["healthy"] is False
    assert status["live"][0]["executing"] is False
    assert "executor gone" in status["live"][0]["note"]
    assert "executor gone" in mission("status", expect=7).out

    mission("heartbeat", "ada")
    assert mission("status", "--json").json["live"] == []


def test_stats_count_what_ended_and_say_nothing_where_nothing_is_known(mission):
    add(mission, "true")
    add(mission, "false", "--max-attempts", "1")
    mission("heartbeat", "ada", "--wait")
    stats = mission("stats", "--json").json
    for figures in (stats["total"], stats["agents"]["ada"]):
        assert (figures["executions"], figures["succeeded"], figures["failed"]) == (2, 1, 1)
        assert (figures["timed_out"], figures["lost"], figures["running"], figures["blocked"]) == (0, 0, 0, 1)
        assert figures["success_rate"] == 0.5
        assert figures["cost_usd"] is figures["tokens"] is None
        assert set(figures["duration_seconds"]) == set(figures["queue_wait_seconds"]) == {"p50", "p90", "p99"}
        assert figures["tasks"]["done"] == figures["tasks"]["blocked"] == 1
    assert mission("stats", "--since", "2999-01-01", "--json").json["total"]["executions"] == 0
    assert mission("stats", "--since", "ever", "--agent", "@ada").out.splitlines()[1].startswith("ada\t2\t1\t1")
    assert mission("stats", "--by", "status").out.splitlines()[0] == "status\ttotal\tada"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("stats", "--agent", "nobody"), 3),
        (("stats", "--since", "last week"), 2),
        (("logs", "nobody"), 3),
        (("logs", "T-99"), 3),
        (("logs", "--grep", "("), 2),
        (("logs", "--level", "loud"), 2),
        (("logs", "--attempt", "1"), 2),
        (("logs", "-n", "0"), 2),
        (("task", "logs", "T-1"), 3),
        (("events", "--agent", "nobody"), 3),
    ],
)
def test_bad_input_is_answered_in_one_line(mission, arguments, code):
    add(mission, "true")  # T-1 has not been tried
    answer = mission(*arguments, expect=code)
    assert answer.out == ""
    assert len(answer.err.splitlines()) == 1


def test_output_is_shown_without_what_steers_a_terminal_unless_it_is_asked_for(mission):
    made = add(mission, r"printf 'one\rtwo \033[31mred\033]0;title\007\n'; printf three")
    mission("heartbeat", "ada", "--wait")
    assert mission("task", "logs", made).out == "one\ntwo red\nthree\n"
    assert mission("logs", made).out == mission("logs", f"{made}/1").out == mission("task", "logs", made).out
    assert mission("task", "logs", made, "--raw").out == "one\rtwo \033[31mred\033]0;title\007\nthree"
    assert mission("task", "logs", made, "-n", "1").out == "three\n"
    document = mission("task", "logs", made, "--json").json
    assert (document["id"], document["text"]) == (f"{made}/1", "one\ntwo red\nthree")


def test_each_attempt_has_an_output_of_its_own(mission):
    made = add(mission, "echo $MISSIONCTL_ATTEMPT; false", "--max-attempts", "2")
    for _ in range(2):
        mission("heartbeat", "ada", "--wait", **NO_WAIT)
    assert mission("task", "logs", made).out == f"{made}/2\n"
    assert mission("task", "logs", made, "--attempt", "1").out == f"{made}/1\n"
    mission("task", "logs", made, "--attempt", "3", expect=3)


def test_output_is_followed_until_the_attempt_ends(mission, gate):
    made = add(mission, f"echo one; cat {gate}; printf two")
    mission("heartbeat", "ada")
    with mission.start("task", "logs", made, "-f") as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "one\n"
        open_gate(gate)
        assert following.stdout.read() == "two\n"
        assert following.wait(20) == 0


def test_logs_of_agents_are_read_filtered_and_as_json(mission):
    add(mission, "false", "--max-attempts", "1")
    mission("heartbeat", "ada", "--wait")
    lines = mission("logs", "ada", "--json").json
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert {"attempt_claimed", "attempt_started", "attempt_failed"} <= {line["event"] for line in lines}
    (failed,) = mission("logs", "--level", "error", "--json").json
    assert (failed["event"], failed["fields"]["task"]) == ("attempt_failed", "T-1")
    assert len(mission("logs", "-n", "1").out.splitlines()) == 1
    assert mission("logs", "--grep", "ATTEMPT_fai.ed").out == failed["text"] + "\n"


@pytest.mark.parametrize("command", ["logs", "events"])
def test_following_goes_on_with_what_comes_and_ends_cleanly_when_interrupted(mission, command):
    mission("heartbeat", "ada")
    following = mission.start(command, "-f", "-n", "1", "--json")
    assert following.stdout is not None
    first = json.loads(following.stdout.readline())
    add(mission, "true")
    mission("heartbeat", "ada", "--wait")
    second = json.loads(following.stdout.readline())
    assert second["at"] > first["at"]
    following.send_signal(signal.SIGINT)
    _, err = following.communicate(timeout=20)
    assert following.returncode == 130
    assert err == ""


def test_events_tell_every_move_in_its_order(mission):
    made = add(mission, "true")
    mission("heartbeat", "ada", "--wait")
    moves = [(event["kind"], event["to_status"]) for event in mission("events", "--json").json if event["task"] == made]
    assert moves == [("added", "inbox"), ("claim", "in_progress"), ("succeeded", "done")]
    assert mission("events", "-n", "1").out.splitlines()[0].startswith("id\tat\ttask\tattempt\tkind")
