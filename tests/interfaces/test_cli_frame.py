"""What holds for every command: help, global options, exit codes, and that nobody ever sees a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mission_control.interfaces.cli import carry_out
from mission_control.interfaces.cli.main import COMMANDS, TASK_COMMANDS
from mission_control.interfaces.mission import Application, Mission
from support.command import COMMAND, Command
from support.eventually import eventually
from support.every_command import every_command

# What a command that is typed all day must never load.
HEAVY = (
    "rich",
    "psycopg",
    "http",
    "asyncio",
    "subprocess",
    "ssl",
    "email",
    "logging",
    "tempfile",
    "traceback",
    "zoneinfo",
)


EVERY = dict(every_command())


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_command_shows_an_example_and_its_exit_codes(words: tuple[str, ...]) -> None:
    command = EVERY[words]
    help_text = command.get_help(click.Context(command))
    assert command.examples
    assert "Examples:" in help_text
    assert "Exit codes:" in help_text
    assert {0, 2} <= set(command.exits)
    assert {"--json", "--home", "--no-color", "--help"} <= {
        name for parameter in command.get_params(click.Context(command)) for name in parameter.opts
    }


def test_a_shortcut_is_the_very_command_of_its_noun() -> None:
    for shortcut, name in {"add": "add", "ls": "list", "show": "show", "ready": "ready", "retry": "retry"}.items():
        assert EVERY[(shortcut,)] is EVERY[("task", name)]


def test_help_lists_every_command(bare_missionctl: Command) -> None:
    shown = bare_missionctl("--help").out
    assert all(f"\n  {name} " in shown for name in COMMANDS)
    shown = bare_missionctl("task", "--help").out
    assert all(f"\n  {name} " in shown for name in TASK_COMMANDS)


def test_global_options_are_taken_before_and_after_the_command(missionctl: Command) -> None:
    outside = Command(missionctl.home.parent / "elsewhere")
    for words in (
        ("--home", missionctl.home, "--json", "task", "list"),
        ("task", "--json", "--home", missionctl.home, "list"),
        ("task", "list", "--home", missionctl.home, "--no-color", "--json"),
        ("ls", f"--home={missionctl.home}", "--json"),
    ):
        assert outside(*words).json == []


@pytest.mark.parametrize(
    "words",
    [["task", "add", "X", "--to", "ada", "--command", "true"], ["task", "list", "--json"], ["heartbeat", "ada"]],
    ids=" ".join,
)
def test_what_is_called_all_day_loads_nothing_heavy(missionctl: Command, words: list[str]) -> None:
    missionctl("agent", "add", "ada")
    program = (
        "import sys\n"
        "from mission_control.app import main\n"
        "try: main()\n"
        "finally: print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=missionctl.home, capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.splitlines())
    assert "mission_control.app" in loaded
    assert not loaded & set(HEAVY)
    others = {"mission_control.interfaces.cli.init", "mission_control.interfaces.cli.task_show"}
    assert not loaded & others


def test_wrong_words_end_with_one_line_and_exit_2(bare_missionctl: Command) -> None:
    for words in (["lss"], ["task", "shw"], ["task", "list", "--foo"], ["task", "list", "--limit", "many"], ["show"]):
        answer = bare_missionctl(*words, expect=2)
        assert answer.out == ""
        assert answer.err.startswith("missionctl: ")
        assert answer.err.count("\n") == 1
        assert "--help" in answer.err


def test_a_near_miss_is_named(bare_missionctl: Command) -> None:
    assert "'list'" in bare_missionctl("task", "lst", expect=2).err


def test_no_arguments_show_the_help(bare_missionctl: Command) -> None:
    assert "Commands:" in bare_missionctl(expect=2).err


def test_without_a_mission_exit_5_says_how_to_make_one(bare_missionctl: Command) -> None:
    for words in (["ls"], ["--json", "ls"], ["add", "X"], ["ls", "--home", "/nowhere"]):
        answer = bare_missionctl(*words, expect=5)
        assert answer.out == ""
        assert "missionctl init" in answer.err


def test_faulty_settings_are_all_reported_at_once(missionctl: Command) -> None:
    (missionctl.home / "mission.toml").write_text("slots = 0\nnonsense = 1\n")
    answer = missionctl("ls", expect=2)
    assert "slots" in answer.err
    assert "nonsense" in answer.err


def test_arguments_that_are_no_utf8_are_refused(missionctl: Command) -> None:
    done = subprocess.run([COMMAND, b"add", b"caf\xe9"], cwd=missionctl.home, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr == b"missionctl: Argument 2 is not valid UTF-8. Convert it and try again.\n"
    assert missionctl("ls", "--all", "--json").json == []


def test_a_reader_who_leaves_early_is_no_error(missionctl: Command) -> None:
    many = "".join(json.dumps({"title": f"Task {number} " + "x" * 400}) + "\n" for number in range(500))
    missionctl("add", "--from", "-", stdin=many)
    done = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$0" ls | head -n 1', COMMAND],
        cwd=missionctl.home,
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    assert done.returncode == 0
    assert done.stdout.startswith(b"id\t")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_ends_with_exit_5(missionctl: Command) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [COMMAND, "ls", "--json"], cwd=missionctl.home, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 5
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_closed_standard_output_is_survived(missionctl: Command) -> None:
    done = subprocess.run(
        ["bash", "-c", '"$0" add Silent >&-', COMMAND], cwd=missionctl.home, capture_output=True, check=False
    )
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert len(missionctl("ls", "--json").json) == 1


def test_ctrl_c_ends_with_130_and_no_traceback(missionctl: Command) -> None:
    task = missionctl("add", "Never").out.strip()
    waiting = missionctl.start("task", "wait", task)
    eventually(lambda: _holds_the_database(waiting.pid))
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert "Traceback" not in err


def _holds_the_database(pid: int) -> bool:
    """Whether the command has come to its work: it holds the mission's database open."""
    return any("mission.db" in os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.exists())


def test_a_fault_of_ours_becomes_a_private_report_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> Mission:
        raise ZeroDivisionError("we cannot count")

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    code = carry_out(Application(open=fail, create=fail), ["add", "a secret title"])
    said = capsys.readouterr()
    assert code == 70
    assert said.out == ""
    assert said.err.count("\n") == 1
    (report,) = tmp_path.glob("missionctl-fault-*.txt")
    assert str(report) in said.err
    assert report.stat().st_mode & 0o777 == 0o600
    text = report.read_text()
    assert "we cannot count" in text
    assert "command: add" in text
    assert "a secret title" not in text


def test_a_folder_that_is_not_ours_is_not_permitted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> Mission:
        raise PermissionError(13, "Permission denied", "/root/mission")

    assert carry_out(Application(open=fail, create=fail), ["ls"]) == 6
    assert "/root/mission" in capsys.readouterr().err


def test_version_names_what_it_runs_on(bare_missionctl: Command) -> None:
    versions = bare_missionctl("version", "--json").json
    assert set(versions) == {"missionctl", "python", "sqlite"}
    assert versions["missionctl"] in bare_missionctl("version").out
