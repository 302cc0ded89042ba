"""Completion, asked by real shells where they are installed."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from support.command import COMMAND, SCRIPTS, Command


@pytest.fixture
def squad(missionctl: Command) -> Command:
    missionctl("agent", "add", "ada", "--role", "tests")
    missionctl("agent", "add", "bob")
    missionctl("add", "First", "--to", "ada", "--command", "true")
    missionctl("add", "Second", "--to", "bob", "--command", "true")
    return missionctl


def complete(missionctl: Command, line: str) -> list[str]:
    """What bash offers at the end of `line`."""
    words = line.split(" ")
    script = (
        'source <(missionctl completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        '_missionctl_completion missionctl; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", *words],
        cwd=missionctl.home,
        env={"PATH": f"{SCRIPTS}:/usr/bin:/bin", "HOME": str(missionctl.home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("missionctl comp", ["completion"]),
        ("missionctl task de", ["depend", "delete"]),
        ("missionctl show ", ["T-1", "T-2"]),
        ("missionctl show t-", ["T-1", "T-2"]),
        ("missionctl task cancel T-1 T-2", ["T-2"]),
        ("missionctl add X --to a", ["ada"]),
        ("missionctl add X --to ada,", ["ada,ada", "ada,bob"]),
        ("missionctl agent pause ", ["ada", "bob"]),
        ("missionctl add X --prio", ["--priority"]),
        ("missionctl add X --priority u", ["urgent"]),
    ],
)
def test_bash_completes_commands_options_ids_and_names(squad: Command, line: str, offered: list[str]) -> None:
    assert complete(squad, line) == offered


def test_completion_outside_a_mission_offers_nothing_and_says_nothing(squad: Command) -> None:
    elsewhere = squad.home.parent / "elsewhere"
    elsewhere.mkdir()
    assert complete(Command(elsewhere), "missionctl show ") == []


@pytest.mark.parametrize(("shell", "check"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_the_script_is_legal_in_its_shell(bare_missionctl: Command, shell: str, check: list[str]) -> None:
    script = bare_missionctl("completion", shell).out
    assert "_MISSIONCTL_COMPLETE" in script
    assert bare_missionctl("completion", shell, "--json").json == {"shell": shell, "script": script}
    installed = shutil.which(shell)
    if installed is None:
        pytest.skip(f"{shell} is not installed here")
    subprocess.run([installed, *check], input=script, text=True, check=True, cwd=COMMAND.parent)
