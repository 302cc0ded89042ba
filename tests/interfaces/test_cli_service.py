"""`missionctl service` as a person and as a script meet it; a real small systemctl stands in for systemd's."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from support.command import SCRIPTS, Command
from support.fake_program import FakePrograms
from support.terminal import on_terminal

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="asks systemctl; launchd has its tests in tests/ops")

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
RUNS = r"""case "$*" in
*Version*) echo 252 ;;
*" show "*) printf 'LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n' ;;
esac"""
FAILS = RUNS.replace("=active", "=failed").replace("=running", "=failed")


@pytest.fixture
def programs(tmp_path: Path) -> FakePrograms:
    programs = FakePrograms(tmp_path / "bin")
    programs.add("systemctl", RUNS)
    programs.add("loginctl", "echo no")
    return programs


@pytest.fixture
def mission(bare_missionctl: Command, programs: FakePrograms) -> Command:
    """A mission whose command finds the stand-ins first."""
    path = f"{SCRIPTS}:{programs.environment()['PATH']}"
    command = Command(bare_missionctl.home, {"PATH": path})
    command("init", command.home)
    return command


def unit_of(mission: Command) -> Path:
    return mission.home.parent / ".config" / "systemd" / "user" / "mission-control-mission.service"


def test_show_prints_the_file_alone_and_says_the_rest_beside_it(mission: Command) -> None:
    shown = mission("service", "show")
    assert "Not installed" in shown.err
    mission("service", "install")
    assert unit_of(mission).read_text() == shown.out
    again = mission("service", "show")
    assert again.out == shown.out
    assert "Installed as shown" in again.err
    assert "State: active (running), enabled" in again.err


def test_the_unit_names_the_whole_paths_however_it_was_called(mission: Command) -> None:
    unit = mission("--home", os.path.relpath(mission.home, mission.home), "service", "show").out
    assert f'ExecStart="{SCRIPTS}/missionctl" "--home" "{mission.home}" "up"\n' in unit
    assert f"{SCRIPTS}:" in unit


def test_a_mission_is_known_again_by_every_way_to_it(mission: Command) -> None:
    mission("service", "install")
    link = mission.home.parent / "link"
    link.symlink_to(mission.home)
    for way in (link, mission.home / ".." / mission.home.name, mission.home / "."):
        shown = mission("--home", way, "service", "show", "--json").json
        assert (shown["standing"], shown["path"]) == ("same", str(unit_of(mission)))


def test_a_service_of_the_machine_runs_as_the_owner_of_the_folder(mission: Command) -> None:
    """Only looked at: the folder of the machine's units is not this test's to write to."""
    if os.getuid() != 0:
        pytest.skip("NOT TESTED: only root may give a folder away")
    assert "\nUser=" not in mission("service", "show", "--system").out
    os.chown(mission.home, 12345, -1)  # a number that has no name
    assert "\nUser=12345\n" in mission("service", "show", "--system").out


def test_show_tells_how_what_is_installed_differs(mission: Command) -> None:
    mission("service", "install")
    unit = unit_of(mission)
    unit.write_text(unit.read_text().replace("WatchdogSec=60", "WatchdogSec=1\x1b]0;owned\x07"))
    shown = mission("service", "show")
    assert "changed by a person" in shown.err
    assert "-WatchdogSec=1\n+WatchdogSec=60\n" in shown.err
    assert mission("service", "show", "--json").json["standing"] == "edited"


def test_a_dry_run_shows_the_difference_and_changes_nothing(mission: Command, programs: FakePrograms) -> None:
    answer = mission("service", "install", "--dry-run")
    assert "+KillMode=process" in answer.out.splitlines()
    assert "enable-linger" in answer.err
    assert not unit_of(mission).exists()
    mission("service", "install")
    assert "Nothing would change" in mission("service", "install", "--dry-run").err
    assert programs.calls
    assert "-KillMode=process" in mission("service", "remove", "--dry-run").out.splitlines()
    assert unit_of(mission).exists()
    assert not [call for call in programs.calls if " show" not in call]


def test_without_a_terminal_what_replaces_or_removes_needs_a_yes(mission: Command) -> None:
    mission("service", "install")
    for words in (["install"], ["remove"]):
        # A longer PATH makes another unit.
        path = f"{mission.environment['PATH']}:/opt/more"
        refused = mission("service", *words, expect=2, PATH=path)
        assert refused.out == ""
        assert "--yes" in refused.err
    assert "State: active" in mission("service", "install", "--yes", PATH=path).err
    assert "/opt/more" in unit_of(mission).read_text()
    mission("service", "remove", "--yes")
    assert not unit_of(mission).exists()
    mission("service", "remove", "--yes", expect=3)


def test_at_a_terminal_a_person_sees_the_difference_and_is_asked(mission: Command) -> None:
    mission("service", "install")
    shown = on_terminal(mission, "service", "remove", typed="n\n")
    assert "\x1b[31m-KillMode=process" in shown
    assert f"Remove {unit_of(mission)}? [y/N]" in shown
    assert unit_of(mission).exists()
    assert "is removed" in on_terminal(mission, "service", "remove", typed="y\n", NO_COLOR="1")
    assert not unit_of(mission).exists()


def test_saying_no_ends_with_1(mission: Command) -> None:
    """The exit code of a command on a terminal is seen through a shell."""
    mission("service", "install")
    shell = mission.home.parent / "shell"
    shell.write_text(f'#!/bin/sh\n"{SCRIPTS}/missionctl" "$@"; echo "code $?"\n')
    shell.chmod(0o755)
    assert "code 1" in on_terminal(mission, "service", "remove", typed="n\n", program=shell)


def test_a_service_that_does_not_run_ends_with_1_and_says_where_to_look(
    mission: Command, programs: FakePrograms
) -> None:
    programs.add("systemctl", FAILS)
    answer = mission("service", "install", expect=1)
    assert "journalctl --user -u mission-control-mission" in answer.err
    document = mission("service", "install", "--json", expect=1).json
    assert document["state"] == {"loaded": True, "running": False, "words": "failed (failed), enabled"}


def test_only_writing_asks_no_supervisor(mission: Command, programs: FakePrograms) -> None:
    answer = mission("service", "install", "--no-start")
    assert "To start it, say:\n  systemctl --user daemon-reload\n  systemctl --user enable --now mission-" in answer.err
    assert not [call for call in programs.calls if call.startswith("systemctl")]


def test_json_says_what_was_done(mission: Command) -> None:
    done = mission("service", "install", "--json").json
    assert done["changed"] is True
    assert done["standing"] == "missing"
    assert [said["code"] for said in done["commands"]] == [0, 0]
    assert done["diff"][0] == "--- /dev/null"
    assert mission("service", "install", "--json").json["changed"] is False
