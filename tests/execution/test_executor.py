"""One attempt from claim to record: what its runner is given, what becomes of its end, what stays behind."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable

import pytest

from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Status
from support.command import COMMAND
from support.database import ask
from support.real_mission import RealMission


def test_a_task_goes_from_inbox_over_in_progress_to_done_with_a_line_for_each_move(mission: RealMission) -> None:
    task = mission.add("echo hello")
    (report,) = mission.beat()
    assert (report["result"], report["started"][0]["outcome"]) == ("worked", "succeeded")
    moves = ask(mission.opened.store, "SELECT from_status, to_status, kind FROM activity WHERE task_id = 1 ORDER BY id")
    assert [tuple(move.values()) for move in moves] == [
        (None, "inbox", "added"),
        ("inbox", "in_progress", "claim"),
        ("in_progress", "done", "succeeded"),
    ]
    assert mission.output(task) == b"hello\n"
    log = mission.executor_log()
    assert "attempt_started" in log and "attempt_succeeded" in log
    assert mission.beat()[0]["result"] == "ok"


def test_all_of_an_attempt_is_private(mission: RealMission) -> None:
    attempt = mission.run("echo secret; mkdir made; echo more > made/file")
    folder = mission.folder.attempt(attempt.task_id, attempt.number)
    entries = [folder, *folder.rglob("*"), *mission.folder.executor_log("ada").parent.glob("*")]
    assert {"output.log", "exit.json", "workspace", "made", "file"} <= {entry.name for entry in entries}
    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in entries}
    wrong = {e.name: oct(modes[e.name]) for e in entries if modes[e.name] != (0o700 if e.is_dir() else 0o600)}
    assert wrong == {}


def test_a_runner_gets_the_allow_list_and_nothing_else_of_our_environment(mission: RealMission) -> None:
    task = mission.add("env -0")
    mission.beat(OPENAI_API_KEY="secret", LC_TIME="C", MISSIONCTL_BACKOFF_CAP_SECONDS="5")
    names = dict(entry.split("=", 1) for entry in mission.output(task).decode().split("\0") if entry)
    assert names.pop("MISSIONCTL_HOME") == str(mission.home)
    assert (names.pop("MISSIONCTL_TASK"), names.pop("MISSIONCTL_ATTEMPT")) == ("T-1", "T-1/1")
    assert (names.pop("MISSIONCTL_AGENT"), names.pop("LC_TIME")) == ("ada", "C")
    assert re.fullmatch(r"mck_T-1\.1\.1_[0-9a-f]{64}", names.pop("MISSIONCTL_KEY"))
    assert set(names) <= {"HOME", "LANG", "PATH", "TZ", "TMPDIR", "MISSIONCTL_MARK", "PWD", "OLDPWD", "SHLVL", "_"}


def test_a_setting_passes_named_variables_on(make_mission: Callable[..., RealMission]) -> None:
    mission = make_mission(pass_environment=["OPENAI_API_KEY"])
    task = mission.add('echo "$OPENAI_API_KEY"')
    mission.beat(OPENAI_API_KEY="for the agent")
    assert mission.output(task) == b"for the agent\n"


def test_a_runner_works_in_a_workspace_of_its_own_without_input_and_in_a_session_apart(mission: RealMission) -> None:
    attempt = mission.run("pwd; wc -c; ps -o sid= -p $$; umask")
    where, read, session, umask = mission.output(attempt).split()
    assert where.decode() == str(mission.folder.attempt(attempt.task_id, 1) / "workspace")
    assert read == b"0"
    assert attempt.executor is not None
    assert int(session) == attempt.executor.pid != os.getsid(0)
    assert umask == b"0077"


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs /proc to see open files")
def test_a_runner_holds_no_file_of_ours_and_none_of_whoever_gave_the_heartbeat(mission: RealMission) -> None:
    task = mission.add("ls /proc/$$/fd")
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    subprocess.run(
        [COMMAND, "heartbeat", "--all", "--wait"],
        cwd=mission.home,
        env=mission.command._environment(),
        pass_fds=[writer],
        capture_output=True,
        check=True,
    )
    os.close(writer)
    assert os.read(reader, 1) == b"", "somebody still holds the pipe"
    os.close(reader)
    assert sorted(int(number) for number in mission.output(task).split()) == [0, 1, 2]


def test_a_heartbeat_in_a_pipe_lets_go_of_it_while_its_executors_go_on(mission: RealMission) -> None:
    task = mission.add("sleep 1000")
    # Comes back only when nobody holds stdout and stderr any more.
    mission.beat(wait=False)
    mission.board.cancel(task.id, actor="tester")
    assert mission.opened.tell(mission.attempt(task))
    assert mission.ended(mission.attempt(task)).outcome is Outcome.CANCELLED


@pytest.mark.parametrize("code", [1, 2, 77, 126, 127, 255])
def test_an_exit_code_is_recorded_and_fails_the_attempt(mission: RealMission, code: int) -> None:
    attempt = mission.run(f"exit {code}")
    assert (attempt.outcome, attempt.exit_code, attempt.signal) == (Outcome.FAILED, code, None)
    assert mission.task(attempt).status is Status.BLOCKED


@pytest.mark.parametrize("number", [6, 9, 11, 15, 40])
def test_a_signal_that_ended_the_runner_is_recorded(mission: RealMission, number: int) -> None:
    attempt = mission.run(f"ulimit -c 0; kill -{number} $$")
    assert (attempt.outcome, attempt.exit_code, attempt.signal) == (Outcome.FAILED, None, number)
    assert mission.task(attempt).status is Status.BLOCKED


def test_an_attempt_is_tried_again_as_often_as_the_task_allows(mission: RealMission) -> None:
    task = mission.add("exit 3", max_attempts=3)
    mission.settle()
    assert [attempt.outcome for attempt in mission.attempts(task)] == [Outcome.FAILED] * 3
    assert mission.task(task).status is Status.BLOCKED


def test_a_program_that_is_missing_fails_the_attempt_with_its_name(mission: RealMission) -> None:
    attempt = mission.run("no-such-program-anywhere")
    assert (attempt.outcome, attempt.exit_code) == (Outcome.FAILED, 127)
    assert b"no-such-program-anywhere" in mission.output(attempt)


def test_a_command_is_never_an_option(mission: RealMission) -> None:
    attempt = mission.run("-c 'echo taken for an option'")
    assert attempt.exit_code == 127
    assert b"taken" not in mission.output(attempt).replace(b"-c: ", b"")


def test_a_long_command_runs_to_its_end(mission: RealMission) -> None:
    attempt = mission.run(": " + "x" * 99_980 + "; echo end")
    assert attempt.outcome is Outcome.SUCCEEDED
    assert mission.output(attempt) == b"end\n"


def test_output_is_kept_byte_for_byte(mission: RealMission) -> None:
    attempt = mission.run(r"printf 'a\000b\033[31mc\377\376d\r\n' ; printf 'to stderr\n' >&2")
    assert mission.output(attempt) == b"a\0b\x1b[31mc\xff\xfed\r\nto stderr\n"


def test_a_runner_that_closes_its_output_early_is_waited_for(mission: RealMission) -> None:
    attempt = mission.run("echo first; exec >&- 2>&-; sleep 0.3; exit 5")
    assert attempt.exit_code == 5
    assert mission.output(attempt) == b"first\n"


def test_a_runner_that_removes_its_own_folder_still_ends_with_its_outcome(mission: RealMission) -> None:
    attempt = mission.run('rm -rf "$MISSIONCTL_HOME/runs/T-1"')
    assert attempt.outcome is Outcome.SUCCEEDED


def test_a_folder_that_cannot_be_made_fails_the_attempt_with_the_cause(mission: RealMission) -> None:
    task = mission.add("echo never")
    (mission.home / "runs" / "T-1").write_text("in the way")
    mission.beat()
    attempt = mission.attempt(task)
    assert attempt.outcome is Outcome.FAILED
    assert attempt.error is not None and "folder cannot be made" in attempt.error


def test_tasks_of_many_agents_run_to_their_end_at_once(mission: RealMission) -> None:
    added = [mission.add(f"echo {number}", to=("ada", "bob", "cyd")[number % 3]) for number in range(30)]
    mission.settle()
    assert [mission.output(task) for task in added] == [f"{number}\n".encode() for number in range(30)]


def test_an_executor_hears_its_signals_whatever_was_blocked_where_the_heartbeat_came_from(mission: RealMission) -> None:
    task = mission.add("sleep 1000")
    deaf = "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())"
    program = f"import os, signal, sys; {deaf}; os.execv(sys.argv[1], sys.argv[1:])"
    subprocess.run(
        [sys.executable, "-c", program, COMMAND, "heartbeat", "--all"],
        cwd=mission.home,
        env=mission.command._environment(),
        capture_output=True,
        check=True,
    )
    attempt = mission.attempt(task)
    assert attempt.executor is not None
    os.kill(attempt.executor.pid, signal.SIGTERM)
    assert mission.ended(attempt).outcome is Outcome.RELEASED
