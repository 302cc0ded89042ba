"""The timer of systemd: units that systemd itself reads as they were meant, enabled only where somebody answers."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mission_control.errors import InvalidInput
from mission_control.ops.crontab import timer
from mission_control.ops.crontab.line import Call
from support.command import SCRIPTS, Command

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
    told = [line for line in (tmp_path / "told").read_text().splitlines() if "--property=Version" not in line]
    assert told == [
        "--user daemon-reload",
        f"--user enable --now {name}",
        f"--user disable --now {name}",
        "--user daemon-reload",
    ]


def test_the_words_of_a_unit_reach_the_program_as_they_were_meant(tmp_path: Path) -> None:
    program = tmp_path / NASTY / "a=b"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    program.chmod(0o755)
    service = timer.units(Call(str(program), f"/{NASTY}", "/bin"), {}).service
    (line,) = [line for line in service.splitlines() if line.startswith("ExecStart=")]
    # In double quotes a unit knows \\ and \", as the shell does; %% and $$ stand for one.
    words = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line.removeprefix("ExecStart="))]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    assert done.stdout.splitlines() == ["--home", f"/{NASTY}", "heartbeat"]


def test_names_have_no_place_in_a_timer(missionctl: Command) -> None:
    missionctl("agent", "add", "ada")
    assert "leave the names out" in missionctl("cron", "install", "ada", "--systemd", "--yes", expect=2).err


def test_a_path_with_a_line_break_is_refused() -> None:
    with pytest.raises(InvalidInput, match="control character"):
        timer.units(Call("/bin/missionctl", "/a\nExecStart=/bin/false", "/bin"), {})


def test_a_path_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no unit of systemd"):
        timer.units(Call("/bin/missionctl", "/a\udcff", "/bin"), {})


def test_systemd_reads_the_units_as_they_were_meant(tmp_path: Path) -> None:
    """Its own checker, which refuses what it cannot split into words and settings."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed, so that nobody but us has read the units")
    call = Call(f"/{NASTY}/missionctl", f"/{NASTY}\\", f"/usr/bin:/{NASTY}")
    written = timer.units(call, {"XDG_CONFIG_HOME": str(tmp_path)})
    timer.write(written)
    for path in written.files:
        told = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", path], capture_output=True, check=False, text=True
        )
        assert (told.returncode, [line for line in told.stderr.splitlines() if written.name in line]) == (0, [])
