"""Replacing the crontab through a program that may do anything: it is as wanted, as before, or a person is told."""

from __future__ import annotations

import fcntl
import os
import pwd
from pathlib import Path

import pytest

from mission_control.errors import Conflict
from mission_control.execution import process
from mission_control.ops.crontab.copies import keep_copy, newest_copy
from mission_control.ops.crontab.program import Crontab, CrontabFailed, alone, find_crontab, replace
from support.clock import START
from support.crontab import FakeCrontab, fake_crontab
from support.eventually import eventually

BEFORE = b"# mine\r\n\x00\xff* * * * * true\n"
AFTER = b"# ours\n" + BEFORE


@pytest.fixture
def fake(tmp_path: Path) -> FakeCrontab:
    made = fake_crontab(tmp_path)
    made.holds(BEFORE)
    return made


def opened(fake: FakeCrontab, timeout_seconds: float = 10) -> Crontab:
    return Crontab(str(fake.program), {"PATH": fake.path}, timeout_seconds)


def change(fake: FakeCrontab, tmp_path: Path, timeout_seconds: float = 10) -> Path:
    return replace(
        opened(fake, timeout_seconds), BEFORE, AFTER, keep=lambda text: keep_copy(tmp_path / "backups", text, START)
    )


def test_a_program_that_works_gets_and_gives_every_byte(fake: FakeCrontab, tmp_path: Path) -> None:
    copy = change(fake, tmp_path)
    assert (fake.text, copy.read_bytes()) == (AFTER, BEFORE)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.parent.stat().st_mode & 0o777 == 0o700
    assert newest_copy(tmp_path / "backups") == copy


@pytest.mark.parametrize("fault", ["fails", "does nothing", "is killed"])
def test_a_program_that_does_nothing_leaves_the_crontab_and_a_clear_error(
    fake: FakeCrontab, tmp_path: Path, fault: str
) -> None:
    fake.becomes(fault)
    with pytest.raises(CrontabFailed, match="as it was before"):
        change(fake, tmp_path)
    assert (fake.text, fake.writes) == (BEFORE, 0)


@pytest.mark.parametrize("fault", ["lies once", "fails once after writing"])
def test_what_was_written_differently_is_put_back(fake: FakeCrontab, tmp_path: Path, fault: str) -> None:
    fake.becomes(fault)
    with pytest.raises(CrontabFailed, match="was put back"):
        change(fake, tmp_path)
    assert (fake.text, fake.writes) == (BEFORE, 1)


def test_a_program_that_hangs_is_ended_with_all_it_started(fake: FakeCrontab, tmp_path: Path) -> None:
    fake.becomes("hangs")
    with pytest.raises(CrontabFailed, match="gave no answer"):
        change(fake, tmp_path, timeout_seconds=0.5)
    started = int(Path(f"{fake.spool}.pid").read_text())
    eventually(lambda: not is_running(started))
    assert fake.text == BEFORE


def test_what_was_written_before_the_program_hung_is_put_back(fake: FakeCrontab, tmp_path: Path) -> None:
    fake.becomes("hangs after writing")
    with pytest.raises(CrontabFailed, match="was put back"):
        change(fake, tmp_path, timeout_seconds=0.5)
    assert fake.text == BEFORE


def is_running(pid: int) -> bool:
    found = process.table().get(pid)
    return found is not None and not found.is_zombie


@pytest.mark.parametrize("fault", ["lies", "loses the last newline"])
def test_where_nothing_helps_a_person_is_told_where_the_copy_is(fake: FakeCrontab, tmp_path: Path, fault: str) -> None:
    fake.becomes(fault)
    with pytest.raises(CrontabFailed, match="COULD NOT BE PUT BACK") as refused:
        change(fake, tmp_path)
    copy = newest_copy(tmp_path / "backups")
    assert str(copy) in str(refused.value)
    assert copy.read_bytes() == BEFORE


def test_what_cannot_be_read_is_never_written(fake: FakeCrontab, tmp_path: Path) -> None:
    fake.becomes("cannot be read")
    with pytest.raises(CrontabFailed, match="You are not allowed"):
        change(fake, tmp_path)
    assert (fake.text, (tmp_path / "backups").exists()) == (BEFORE, False)


def test_what_may_be_shown_as_something_else_is_not_believed(fake: FakeCrontab, tmp_path: Path) -> None:
    """This program cannot be asked with -e; those that can are tried in test_real_cron.py."""
    fake.holds(b"* * * * * tr -d '\\r'\n")
    with pytest.raises(CrontabFailed, match="may show control characters"):
        opened(fake).read()
    assert fake.writes == 0


def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(fake: FakeCrontab, tmp_path: Path) -> None:
    fake.holds(b"# by somebody else\n")
    with pytest.raises(Conflict, match="meanwhile"):
        change(fake, tmp_path)
    assert (fake.text, fake.writes) == (b"# by somebody else\n", 0)


def test_a_copy_that_cannot_be_made_stops_the_change(fake: FakeCrontab, tmp_path: Path) -> None:
    (tmp_path / "backups").write_text("in the way")
    with pytest.raises(OSError, match="backups"):
        change(fake, tmp_path)
    assert (fake.text, fake.writes) == (BEFORE, 0)


def test_two_of_us_never_change_the_crontab_at_once(fake: FakeCrontab, tmp_path: Path) -> None:
    home = os.open(pwd.getpwuid(os.getuid()).pw_dir, os.O_RDONLY)
    fcntl.flock(home, fcntl.LOCK_EX)
    try:
        with pytest.raises(CrontabFailed, match="by another call"), alone(timeout_seconds=0.1):
            raise AssertionError("both at once")
    finally:
        os.close(home)
    change(fake, tmp_path)
    assert fake.text == AFTER


def test_nobody_has_a_crontab_at_first(tmp_path: Path) -> None:
    assert opened(fake_crontab(tmp_path)).read() == b""


def test_a_missing_or_broken_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(CrontabFailed, match="no command crontab"):
        find_crontab({"PATH": str(tmp_path)})
    broken = fake_crontab(tmp_path / "broken")
    broken.program.write_text("#!/no/such/shell\n")
    with pytest.raises(CrontabFailed, match="cannot be started"):
        find_crontab({"PATH": str(broken.folder)}).read()
