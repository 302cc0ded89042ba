"""The lines in the hands of Debian's own crontab and cron."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from support.command import Command
from support.eventually import eventually
from support.real_cron import NoRealCron, RealCron, real_cron

# Debian's `crontab -l` shows \r and \b as escapes.
FOREIGN = (
    b"# mine \xff \x1b[31m \x00 \b\r\n* * * 1 * tr -d '\\r' \r\n"
    b"MAILTO=\"\"\nSHELL=/no/such/shell\n0 4 * * * echo 50\\% 'x'  \n\n# the end\n"
)
# One of each kind that cron might not take as it stands.
SCHEDULES = [
    "5/15 * * * *",
    "0 9 * * MON-FRI",
    "0 9 * jan,mar sun/2",
    "*/7,3 */2 1,15 * 5-5/1",
    "0 9 L * *",
    "0 9 * * 1#2",
]
MOST_SECONDS = 100  # cron looks at its crontabs once a minute


@pytest.fixture
def cron(tmp_path: Path) -> Iterator[RealCron]:
    try:
        with real_cron(tmp_path) as found:
            yield found
    except NoRealCron as reason:
        pytest.skip(f"no real cron: {reason}")


@pytest.fixture
def missionctl(cron: RealCron, tmp_path: Path) -> Command:
    """A mission in a folder that both cron and the shell would like to misread."""
    command = Command(tmp_path / "50% of 'it' \\% $HOME", {"PATH": cron.path})
    command("init", command.home)
    return command


def test_the_real_crontab_takes_every_line_and_gives_every_byte_back(missionctl: Command, cron: RealCron) -> None:
    cron.crontab("-", given=FOREIGN)
    for number, schedule in enumerate(SCHEDULES):
        missionctl("agent", "add", f"a{number}", "--schedule", schedule)
    missionctl("cron", "install", "--yes")
    assert spool(cron).endswith(FOREIGN)
    assert spool(cron).count(b" heartbeat ") == len(SCHEDULES)
    assert missionctl("cron", "install", "--json").json["changed"] is False
    missionctl("cron", "remove", "--yes")
    assert spool(cron).removeprefix(spool_header(cron)) == FOREIGN


def spool(cron: RealCron) -> bytes:
    """The file that cron reads, past the program."""
    (file,) = Path(f"/proc/{cron.keeper}/root/var/spool/cron/crontabs").iterdir()
    return file.read_bytes()


def spool_header(cron: RealCron) -> bytes:
    """Three lines that crontab itself puts on top."""
    return b"".join(spool(cron).splitlines(keepends=True)[:3])


def test_without_a_crontab_at_first_the_real_one_is_written(missionctl: Command, cron: RealCron) -> None:
    missionctl("agent", "add", "ada")
    missionctl("cron", "install", "--yes")
    assert cron.crontab("-l").startswith(b"# BEGIN missionctl ")
    missionctl("cron", "remove", "--yes")
    assert cron.crontab("-l") == b""


def has_started(log: Path) -> bool:
    return log.exists() and "STARTED" in log.read_text()


@pytest.mark.slow
def test_the_real_cron_lets_a_task_be_executed(missionctl: Command, cron: RealCron) -> None:
    """One agent is woken by a plain line, one by a line that asks whether it is time."""
    cron.crontab("-", given=FOREIGN)
    (cron.folder / "my-agent").write_text("#!/bin/sh\necho found on the PATH\n")
    (cron.folder / "my-agent").chmod(0o755)
    missionctl("agent", "add", "ada", "--schedule", "* * * * *")
    missionctl("agent", "add", "bob", "--schedule", "* * L,* * *")
    for name in ("ada", "bob"):
        missionctl("add", "By cron", "--to", name, "--command", "my-agent")
    assert "bob: cron cannot say" in missionctl("cron", "install", "--yes").err
    with cron.running():
        log = missionctl.home / "logs"
        for name in ("ada", "bob"):
            eventually(partial(has_started, log / f"{name}-cron.log"), within=MOST_SECONDS)
        missionctl("task", "wait", "T-1", "T-2", "--timeout", "60s")
    for task in ("T-1", "T-2"):
        assert missionctl("logs", task).out == "found on the PATH\n"
    assert (log / "ada-cron.log").stat().st_mode & 0o777 == 0o600
