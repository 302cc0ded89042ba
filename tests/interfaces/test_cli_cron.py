"""`missionctl cron` as people call it, with a crontab that works on a file."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mission_control.ops.crontab.line import read_line
from mission_control.ops.crontab.program import Crontab
from support.command import COMMAND, Command
from support.crontab import FakeCrontab, fake_crontab
from support.terminal import on_terminal

FOREIGN = b"# mine \x00\xff\r\nMAILTO=me\r\n0 4 * * * echo 50\\% 'x'  \n\n# no newline after this"


@pytest.fixture
def fake(tmp_path: Path) -> FakeCrontab:
    return fake_crontab(tmp_path / "cron")


@pytest.fixture
def missionctl(missionctl: Command, fake: FakeCrontab) -> Command:
    """A mission of two, with the crontab above."""
    command = replace(missionctl, environment={"PATH": fake.path})
    command("agent", "add", "ada")
    command("agent", "add", "bob", "--schedule", "30 9 * * MON-FRI")
    fake.holds(FOREIGN)
    return command


def lines(fake: FakeCrontab) -> list[bytes]:
    """Our lines, without markers."""
    assert fake.text is not None
    return [line for line in fake.text.split(b"\n") if b" heartbeat " in line]


def copies(missionctl: Command) -> list[Path]:
    return sorted((missionctl.home / "backups").glob("crontab-*"))


def copy_of(missionctl: Command) -> bytes:
    return copies(missionctl)[-1].read_bytes()


# install


def test_install_and_remove_leave_foreign_lines_byte_for_byte(missionctl: Command, fake: FakeCrontab) -> None:
    answer = missionctl("cron", "install", "--yes", "--json").json
    assert answer["changed"] is True
    assert fake.text is not None and fake.text.endswith(FOREIGN)
    assert [read[0].fields for line in lines(fake) if (read := read_line(line.decode()))] == [
        "*/15 * * * *",
        "30 9 * * 1-5",
    ]
    assert Path(answer["copy"]).read_bytes() == FOREIGN
    assert Path(answer["copy"]).stat().st_mode & 0o777 == 0o600
    assert missionctl("cron", "remove", "--yes", "--json").json["changed"] is True
    assert fake.text == FOREIGN
    assert len(copies(missionctl)) == 2


def test_the_diff_comes_before_the_change_and_a_dry_run_changes_nothing(missionctl: Command, fake: FakeCrontab) -> None:
    shown = missionctl("cron", "install", "--dry-run").out
    assert (fake.text, fake.writes, copies(missionctl)) == (FOREIGN, 0, [])
    added = [line[1:] for line in shown.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert missionctl("cron", "install", "--yes").out == shown
    assert fake.text == "".join(f"{line}\n" for line in added).encode() + FOREIGN
    assert f"PATH={fake.path}" in shown
    assert "# mine \\x00\\xff\\r" in shown, "what stands around it is shown harmless"


def test_installing_again_writes_nothing_and_says_so(missionctl: Command, fake: FakeCrontab) -> None:
    missionctl("cron", "install", "--yes")
    again = missionctl("cron", "install", "--json").json
    assert (again["changed"], again["diff"], fake.writes, len(copies(missionctl))) == (False, "", 1, 1)
    assert "is so already" in on_terminal(missionctl, "cron", "install")


def test_without_a_terminal_nothing_is_changed_unless_yes_is_said(missionctl: Command, fake: FakeCrontab) -> None:
    assert "--yes" in missionctl("cron", "install", expect=2).err
    assert (fake.text, fake.writes) == (FOREIGN, 0)
    missionctl("cron", "install", "--yes")
    assert "--yes" in missionctl("cron", "remove", expect=2).err
    assert fake.writes == 1


@pytest.mark.parametrize("verb", ["install", "remove", "rollback"])
def test_a_person_is_asked_and_no_means_no(missionctl: Command, fake: FakeCrontab, verb: str) -> None:
    if verb != "install":
        missionctl("cron", "install", "--yes")
    before, writes = fake.text, fake.writes
    shown = on_terminal(missionctl, "cron", verb, typed="n\n", expect=1)
    assert "crontab" in shown and "?" in shown
    assert (fake.text, fake.writes, len(copies(missionctl))) == (before, writes, writes)
    on_terminal(missionctl, "cron", verb, typed="y\n", expect=0)
    assert (fake.text == before, fake.writes, len(copies(missionctl))) == (False, writes + 1, writes + 1)


def test_named_agents_get_lines_and_others_none(missionctl: Command, fake: FakeCrontab) -> None:
    missionctl("agent", "add", "eve")
    missionctl("cron", "install", "ada", "--yes")
    assert missionctl("cron", "show", "--json").json["names"] == ["ada"]
    missionctl("cron", "install", "bob", "--yes")
    assert missionctl("cron", "show", "--json").json["names"] == ["ada", "bob"]
    missionctl("cron", "remove", "ada", "--yes")
    assert [b"heartbeat bob" in line for line in lines(fake)] == [True]
    missionctl("cron", "remove", "bob", "--yes")
    assert fake.text == FOREIGN
    assert "nobody" in missionctl("cron", "install", "nobody", "--yes", expect=3).err
    assert "nobody" in missionctl("cron", "remove", "nobody", "--yes", expect=3).err


def test_who_is_paused_removed_or_lives_elsewhere_gets_no_line(missionctl: Command, fake: FakeCrontab) -> None:
    missionctl("agent", "add", "far", "--host", "elsewhere")
    missionctl("agent", "add", "gone")
    missionctl("cron", "install", "--yes")
    assert len(lines(fake)) == 3
    missionctl("agent", "pause", "ada")
    missionctl("agent", "remove", "gone")
    answer = missionctl("cron", "install", "--yes", "--json").json
    assert [note.split(" ")[:3] for note in answer["notes"]] == [["ada", "is", "paused"], ["far", "lives", "on"]]
    assert [b"heartbeat bob" in line for line in lines(fake)] == [True]
    missionctl("agent", "pause", "bob")
    missionctl("cron", "install", "--yes")
    assert fake.text == FOREIGN


def test_what_somebody_edited_inside_the_block_is_overwritten_only_with_force(
    missionctl: Command, fake: FakeCrontab
) -> None:
    missionctl("cron", "install", "--yes")
    assert fake.text is not None
    installed, edited = fake.text, fake.text.replace(b"*/15 * * * *", b"*/5 * * * *")
    fake.holds(edited)
    for command in ("install", "remove"):
        assert "--force" in missionctl("cron", command, "--yes", expect=4).err
    assert fake.text == edited
    shown = missionctl("cron", "show", "--json").json
    assert (shown["installed"], shown["edited"], shown["differs"]) == (True, True, True)
    missionctl("cron", "install", "--yes", "--force")
    assert fake.text == installed
    assert copy_of(missionctl) == edited


def test_half_a_block_is_refused_also_with_force(missionctl: Command, fake: FakeCrontab) -> None:
    damaged = f"# BEGIN missionctl {missionctl.home}\n".encode() + FOREIGN
    fake.holds(damaged)
    for words in (("show",), ("install", "--yes", "--force"), ("remove", "--yes", "--force")):
        assert "crontab -e" in missionctl("cron", *words, expect=4).err
    assert fake.text == damaged


def test_two_missions_keep_to_their_own_blocks(missionctl: Command, fake: FakeCrontab, tmp_path: Path) -> None:
    other = Command(tmp_path / "other", {"PATH": fake.path})
    other("init", other.home)
    other("agent", "add", "zed")
    missionctl("cron", "install", "--yes")
    one = fake.text
    other("cron", "install", "--yes")
    assert len(lines(fake)) == 3
    missionctl("cron", "remove", "--yes")
    assert [b"heartbeat zed" in line for line in lines(fake)] == [True]
    missionctl("cron", "install", "--yes")
    other("cron", "remove", "--yes")
    assert fake.text == one


def test_a_mission_has_one_block_whichever_way_to_it_is_written(
    missionctl: Command, fake: FakeCrontab, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(missionctl.home)
    missionctl("cron", "install", "--yes")
    assert missionctl("--home", link, "cron", "install", "--json").json["changed"] is False


@pytest.mark.parametrize("fault", ["fails", "cannot be read", "lies once", "does nothing", "is killed"])
def test_a_crontab_command_with_a_fault_ends_with_5_and_changes_nothing(
    missionctl: Command, fake: FakeCrontab, fault: str
) -> None:
    fake.becomes(fault)
    told = missionctl("cron", "install", "--yes", expect=5).err
    assert str(fake.program) in told
    assert told.count("\n") == 1
    assert fake.text == FOREIGN


def test_a_crontab_command_that_hangs_is_ended(missionctl: Command, fake: FakeCrontab) -> None:
    fake.becomes("hangs")
    assert "gave no answer" in missionctl("cron", "install", "--yes", expect=5).err
    assert fake.text == FOREIGN


def test_without_a_crontab_command_a_person_is_told_what_else_there_is(missionctl: Command, tmp_path: Path) -> None:
    for command in ("show", "install", "remove"):
        assert "--systemd" in missionctl("cron", command, expect=5, PATH=str(tmp_path)).err


def test_settings_and_secrets_of_the_shell_stay_there_and_are_named(missionctl: Command, fake: FakeCrontab) -> None:
    (missionctl.home / "mission.toml").write_text('pass_environment = ["API_KEY"]\n')
    answer = missionctl("cron", "install", "--yes", "--json", MISSIONCTL_SLOTS="7", API_KEY="s3cret")
    (note,) = answer.json["notes"]
    assert "API_KEY, MISSIONCTL_SLOTS" in note
    assert fake.text is not None and b"s3cret" not in fake.text


def test_a_folder_with_a_line_break_in_its_name_is_refused(fake: FakeCrontab, tmp_path: Path) -> None:
    command = Command(tmp_path / "two\nlines", {"PATH": fake.path})
    command("init", command.home)
    command("agent", "add", "ada")
    assert "control character" in command("cron", "install", "--yes", expect=2).err
    assert fake.text is None


# What cron cannot say


def test_what_cron_cannot_say_is_asked_for_every_hour_and_given_when_due(
    missionctl: Command, fake: FakeCrontab
) -> None:
    missionctl("agent", "edit", "bob", "--schedule", "15 9 L * *")
    (note,) = missionctl("cron", "install", "--yes", "--json").json["notes"]
    assert "bob: cron cannot say '15 9 L * *', because cron knows no L, LW or #" in note
    (line,) = [line.decode() for line in lines(fake) if b" bob " in line]
    read = read_line(line)
    assert read is not None
    assert (read[0].fields, read[0].only_when_due) == ("15 * * * *", True)


def test_a_mission_in_another_zone_keeps_its_own_times(missionctl: Command, fake: FakeCrontab) -> None:
    (missionctl.home / "mission.toml").write_text('timezone = "Pacific/Marquesas"\n')  # half an hour off everybody
    notes = missionctl("cron", "install", "--yes", "--json").json["notes"]
    assert [note.split(" because ")[1].split(".")[0] for note in notes] == ["cron reads another time zone"] * 2
    assert [line[:10] for line in lines(fake)] == [b"* * * * * "] * 2


def test_heartbeat_due_gives_no_heartbeat_before_its_time(missionctl: Command) -> None:
    missionctl("agent", "add", "later", "--schedule", "0 0 1 1 *")
    assert missionctl("heartbeat", "later", "--due", "--json").json == []
    assert [report["agent"] for report in missionctl("heartbeat", "later", "--json").json] == ["later"]
    missionctl("heartbeat", "nobody", "--due", expect=3)


# show and rollback


def test_show_tells_the_next_five_and_whether_the_block_is_right(missionctl: Command, fake: FakeCrontab) -> None:
    before: dict[str, Any] = missionctl("cron", "show", "--json").json
    assert (before["installed"], before["differs"], before["block"]) == (False, True, [])
    missionctl("cron", "install", "--yes")
    shown = missionctl("cron", "show", "bob", "--json").json
    assert (shown["installed"], shown["edited"], shown["differs"], shown["diff"]) == (True, False, False, "")
    (bob,) = shown["agents"]
    assert bob["line"].encode() in lines(fake)
    fires = [datetime.fromisoformat(moment) for moment in bob["next"]]
    assert len(fires) == 5
    assert fires == sorted(fires)
    assert {(fire.minute, fire.second) for fire in fires} == {(30, 0)}
    missionctl("agent", "edit", "bob", "--schedule", "0 8 * * *")
    assert missionctl("cron", "show", "--json").json["differs"] is True
    assert "cron install" in on_terminal(missionctl, "cron", "show")
    missionctl("cron", "show", "nobody", expect=3)


def test_rollback_puts_the_newest_copy_back_and_undoes_itself(missionctl: Command, fake: FakeCrontab) -> None:
    missionctl("cron", "rollback", "--yes", expect=3)
    missionctl("cron", "install", "--yes")
    installed = fake.text
    assert "-# BEGIN missionctl" in missionctl("cron", "rollback", "--dry-run").out
    assert fake.text == installed
    missionctl("cron", "rollback", expect=2)
    missionctl("cron", "rollback", "--yes")
    assert fake.text == FOREIGN
    missionctl("cron", "rollback", "--yes")
    assert fake.text == installed
    answer = missionctl("cron", "rollback", "--to", copies(missionctl)[0], "--yes", "--json").json
    assert (answer["changed"], fake.text) == (True, FOREIGN)
    missionctl("cron", "rollback", "--to", missionctl.home / "missing", "--yes", expect=3)


# Doctor


def cron_finding(missionctl: Command) -> dict[str, Any]:
    (found,) = [f for f in missionctl("doctor", "--json").json["findings"] if f["check"] == "cron"]
    assert isinstance(found, dict)
    return found


def test_doctor_compares_the_block_with_the_squad(missionctl: Command, fake: FakeCrontab) -> None:
    assert cron_finding(missionctl)["level"] == "ok"
    missionctl("cron", "install", "--yes")
    assert cron_finding(missionctl)["level"] == "ok"
    missionctl("agent", "edit", "ada", "--schedule", "0 * * * *")
    missionctl("agent", "add", "eve")
    found = cron_finding(missionctl)
    assert (found["level"], found["fact"]) == ("warning", "the crontab differs from the squad for ada, eve")
    missionctl("cron", "install", "--yes")
    assert fake.text is not None
    fake.holds(fake.text.replace(b"ada", b"eda"))
    assert "edited" in cron_finding(missionctl)["fact"]
    fake.becomes("cannot be read")
    assert (cron_finding(missionctl)["level"], "not allowed" in cron_finding(missionctl)["fact"]) == ("warning", True)


def test_doctor_finds_a_program_that_has_moved(missionctl: Command, fake: FakeCrontab) -> None:
    missionctl("cron", "install", "--yes")
    (missionctl.home.parent / "elsewhere").mkdir()
    moved = missionctl.home.parent / "elsewhere" / "missionctl"
    moved.symlink_to(COMMAND)
    subprocess.run(
        [moved, "cron", "install", "--yes"],
        cwd=missionctl.home,
        env=missionctl._environment(),
        check=True,
        capture_output=True,
    )
    assert str(moved).encode() in (fake.text or b"")
    moved.unlink()
    assert str(moved) in cron_finding(missionctl)["fact"]


# What cron does with a line


def test_a_line_works_as_cron_carries_it_out(fake: FakeCrontab, tmp_path: Path) -> None:
    home = tmp_path / "50% of 'it' \\%"
    command = Command(home, {"PATH": fake.path})
    command("init", home)
    command("agent", "add", "ada")
    (fake.folder / "my-agent").write_text("#!/bin/sh\necho found on the PATH\n")
    (fake.folder / "my-agent").chmod(0o755)
    command("add", "By cron", "--to", "ada", "--command", "my-agent")
    command("cron", "install", "--yes")
    (line,) = Crontab(str(fake.program), {"PATH": fake.path}).read().decode().splitlines()[2:-1]
    spoken = line.split(" ", 5)[5].replace("\\%", "%")
    bare = {"HOME": str(tmp_path), "LOGNAME": "somebody", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["/bin/sh", "-c", spoken], env=bare, cwd=tmp_path, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    command("task", "wait", "T-1", "--timeout", "60s")
    assert command("logs", "T-1").out == "found on the PATH\n"
    log = home / "logs" / "ada-cron.log"
    assert "STARTED" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert command("doctor", "--json").json["healthy"] is True
