"""The timer of systemd: units that systemd itself reads as they were meant, enabled only where somebody answers."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mission_control.errors import InvalidInput
from mission_control.ops.crontab import timer
from mission_control.ops.crontab.line import Call
from support.command import COMMAND, SCRIPTS, Command

NASTY = "50% of \"it\" $HOME 'x' \\t"


@pytest.fixture
def missionctl(missionctl: Command, tmp_path: Path) -> Command:
    """A mission whose user has no systemd to talk to."""
    return replace(missionctl, environment={"PATH": f"{answering(tmp_path, code=1)}:{SCRIPTS}:/usr/bin:/bin"})


def answering(folder: Path, *, code: int) -> Path:
    """A folder with a `systemctl` that notes what it is told."""
    programs = folder / f"answers-{code}"
    programs.mkdir()
    (programs / "systemctl").write_text(f'#!/bin/sh\necho "$*" >>"{folder}/told"\necho "no bus" >&2\nexit {code}\n')
    (programs / "systemctl").chmod(0o755)
    return programs


def unit_files(missionctl: Command) -> list[Path]:
    return sorted((missionctl.home.parent / ".config" / "systemd" / "user").glob("missionctl-heartbeat-*"))


def test_the_units_are_shown_written_and_removed(missionctl: Command) -> None:
    diff = missionctl("cron", "install", "--systemd", "--dry-run").out
    assert unit_files(missionctl) == []
    assert "+OnCalendar=minutely" in diff
    missionctl("cron", "install", "--systemd", expect=2)
    assert unit_files(missionctl) == []
    written = missionctl("cron", "install", "--systemd", "--yes")
    assert written.out == diff
    assert "systemctl --user enable --now" in written.err
    assert [path.suffix for path in unit_files(missionctl)] == [".service", ".timer"]
    assert missionctl("cron", "install", "--systemd", "--json").json["changed"] is False
    shown = missionctl("cron", "show", "--systemd", "--json").json
    assert (shown["installed"], shown["differs"]) == (True, False)
    assert missionctl("cron", "remove", "--systemd", "--yes", "--json").json["changed"] is True
    assert unit_files(missionctl) == []


def test_the_timer_is_enabled_where_systemd_answers(missionctl: Command, tmp_path: Path) -> None:
    path = f"{answering(tmp_path, code=0)}:{SCRIPTS}:/usr/bin:/bin"
    assert missionctl("cron", "install", "--systemd", "--yes", "--json", PATH=path).json["enabled"] is True
    name = unit_files(missionctl)[1].name
    missionctl("cron", "remove", "--systemd", "--yes", PATH=path)
    told = [line for line in (tmp_path / "told").read_text().splitlines() if "show-environment" not in line]
    assert told == [
        "--user daemon-reload",
        f"--user enable --now {name}",
        f"--user disable --now {name}",
        "--user daemon-reload",
    ]


def test_names_have_no_place_in_a_timer(missionctl: Command) -> None:
    missionctl("agent", "add", "ada")
    assert "leave the names out" in missionctl("cron", "install", "ada", "--systemd", "--yes", expect=2).err


def test_a_path_with_a_line_break_is_refused() -> None:
    with pytest.raises(InvalidInput, match="control character"):
        timer.units(Call("/bin/missionctl", "/a\nExecStart=/bin/false", "/bin"), {})


def test_systemd_reads_the_units_as_they_were_meant(tmp_path: Path) -> None:
    """Its own checker runs; only the program's path must be there, so that one has the nasty name."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed, so that nobody but us has read the units")
    program = tmp_path / NASTY / "missionctl"
    program.parent.mkdir()
    program.symlink_to(COMMAND)
    written = timer.units(
        Call(str(program), str(tmp_path / NASTY), "/usr/bin:/bin"), {"XDG_CONFIG_HOME": str(tmp_path)}
    )
    timer.write(written)
    for path in written.files:
        told = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", path], capture_output=True, check=False, text=True
        )
        assert (told.returncode, [line for line in told.stderr.splitlines() if written.name in line]) == (0, [])
