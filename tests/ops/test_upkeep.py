"""What is done besides by whoever is awake: the daily backup and the mirror; and what doctor says of both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mission_control.config import Config, load
from mission_control.errors import ConfigInvalid
from mission_control.folder import Folder
from mission_control.ops import doctor
from mission_control.ops.backup import shelf
from mission_control.ops.backup.schedule import back_up_if_due, is_due
from mission_control.ops.doctor.finding import Level
from mission_control.ops.legacy.mirror import mirror_if_due
from mission_control.ops.upkeep import Duty, Means, Upkeep
from mission_control.store.schema import connect, migrate, open_store
from mission_control.store.store import Store
from support.backups import finished, make
from support.clock import START, FakeClock
from support.command import Command
from support.eventually import eventually
from support.factories import TaskFactory

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "last", "due"),
    [
        ("2026-02-06T02:00:00", None, True),  # never made
        ("2026-02-06T01:59:59", "2026-02-05T02:00:00", False),  # 02:59:59 in Berlin
        ("2026-02-06T02:00:00", "2026-02-05T02:00:00", True),
        ("2026-02-06T02:00:00", "2026-02-06T02:00:00", False),
        ("2026-02-06T23:30:00", "2026-02-06T02:00:05", False),  # another day in Berlin, but not yet 03:00
        ("2026-02-06T10:00:00", "2026-02-02T02:00:00", True),  # the machine slept: once, not four times
        ("2026-03-29T01:00:00", "2026-03-28T02:00:00", True),  # summer time: 03:00 comes an hour earlier
        ("2026-03-29T00:59:59", "2026-03-28T02:00:00", False),
        ("2026-10-25T02:00:00", "2026-10-25T01:59:00", True),
    ],
)
def test_a_backup_is_due_once_after_each_time_of_day(now: str, last: str | None, due: bool) -> None:
    assert is_due(utc(now), utc(last) if last else None, "03:00", BERLIN) is due


def test_an_hour_that_there_is_not_or_twice_is_due_once_all_the_same() -> None:
    for day, at in (("2026-03-29", "02:30"), ("2026-10-25", "02:30")):
        start, last, made = utc(f"{day}T00:00:00") - timedelta(hours=3), utc("2026-03-01T00:00:00"), 0
        last = start
        for minute in range(0, 60 * 12, 5):
            now = start + timedelta(minutes=minute)
            if is_due(now, last, at, BERLIN):
                last, made = now, made + 1
        assert made == 1, day


# The list of duties


class Chore:
    """A duty that notes when it is done, every so many seconds, and fails while it has a fault."""

    def __init__(self, name: str, seconds: float, fault: Exception | None = None) -> None:
        self.done_at: list[float] = []
        self.fault = fault
        self._seconds = seconds
        self.duty = Duty(name, lambda _: True, self._do)

    def _do(self, means: Means) -> datetime:
        self.done_at.append(means.clock.monotonic() - 1000)
        if self.fault is not None:
            raise self.fault
        return means.clock.now() + timedelta(seconds=self._seconds)


@pytest.fixture
def live_with(store: Store, config: Config, clock: FakeClock) -> Callable[..., None]:
    """Keeps these duties up for so many seconds, as the resident process does."""

    def live(*chores: Chore, seconds: float) -> None:
        upkeep = Upkeep(config, clock, [chore.duty for chore in chores])
        end = clock.monotonic() + seconds
        while clock.monotonic() < end:
            clock.advance(timedelta(seconds=upkeep.keep(store)))

    return live


ON_SQLITE = pytest.mark.parametrize("address", ["sqlite"], indirect=True)


@ON_SQLITE
def test_each_duty_has_its_own_time(live_with: Callable[..., None]) -> None:
    often, seldom, past = Chore("often", 7), Chore("seldom", 86_400), Chore("past", -5)
    live_with(often, seldom, seconds=130)
    assert often.done_at == [7 * count for count in range(19)]
    assert seldom.done_at == [0, 60, 120], "asked again at least every minute, for the clock may be set"
    live_with(past, seconds=0.95)
    assert len(past.done_at) == 10, "one that never is content does not spin"


@ON_SQLITE
def test_a_duty_that_fails_is_told_once_tried_ever_later_and_stops_no_other(
    live_with: Callable[..., None], config: Config
) -> None:
    broken, whole = Chore("broken", 7, RuntimeError("no such luck")), Chore("whole", 7)
    live_with(broken, whole, seconds=60)
    assert broken.done_at == [0, 1, 3, 7, 15, 31]
    assert whole.done_at[:3] == [0, 7, 14]
    (line,) = (config.home / "logs" / "upkeep.log").read_text().splitlines()
    assert 'ERROR   upkeep_failed duty=broken error="RuntimeError: no such luck at test_upkeep.py' in line


@ON_SQLITE
def test_a_duty_that_goes_on_says_so_and_has_its_old_time_again(store: Store, config: Config, clock: FakeClock) -> None:
    chore = Chore("chore", 7, RuntimeError("no such luck"))
    upkeep = Upkeep(config, clock, [chore.duty])
    upkeep.keep(store)
    assert upkeep.is_in_trouble
    chore.fault = None
    clock.advance(timedelta(seconds=1))
    assert upkeep.keep(store) == 7
    assert not upkeep.is_in_trouble
    assert (config.home / "logs" / "upkeep.log").read_text().splitlines()[1].endswith("upkeep_goes_on duty=chore")


@pytest.fixture
def daily(tmp_path: Path) -> Config:
    """A mission with a daily backup, of which two stay."""
    Folder(tmp_path).make()
    store = connect(str(tmp_path / "mission.db"), create=True)
    migrate(store, now=START)
    store.close()
    return Config(home=tmp_path, host="here", timezone="UTC", backup_at="03:00", backup_keep=2)


def test_the_daily_backup_is_made_once_a_day_and_the_newest_stay(daily: Config, clock: FakeClock) -> None:
    made = []
    for _ in range(4 * 24):
        made += [backup.path.name for _ in range(2) if (backup := back_up_if_due(daily, clock))]
        clock.advance(timedelta(hours=1))
    assert made[1:] == [f"backup-202602{day:02}-030000" for day in (7, 8, 9, 10)]
    assert finished(Folder(daily.home).backups) == made[-2:]


def test_one_that_failed_is_logged_and_tried_again_later(daily: Config, clock: FakeClock) -> None:
    database = daily.home / "mission.db"
    database.rename(daily.home / "elsewhere.db")
    for _ in range(5):
        assert back_up_if_due(daily, clock) is None
    assert (daily.home / "logs" / "backup.log").read_text().count("ERROR   backup_failed") == 1
    (daily.home / "elsewhere.db").rename(database)
    clock.advance(timedelta(minutes=16))
    assert back_up_if_due(daily, clock) is not None


def test_a_clock_that_was_set_back_does_not_stop_the_daily_backup(daily: Config, clock: FakeClock) -> None:
    assert back_up_if_due(daily, clock)
    clock.set_wall(START - timedelta(days=400))
    assert back_up_if_due(daily, clock)
    assert back_up_if_due(daily, clock) is None


def test_of_many_heartbeats_at_once_one_makes_the_backup(missionctl: Command) -> None:
    missionctl("agent", "add", "ada")
    (missionctl.home / "mission.toml").write_text('backup_at = "03:00"\n')
    beats = [missionctl.start("heartbeat", "ada") for _ in range(4)]
    for beat in beats:
        _, err = beat.communicate(timeout=60)
        assert (beat.returncode, err) == (0, "")
    (made,) = finished(missionctl.home / "backups")
    missionctl("heartbeat", "--all", "--dry-run")
    missionctl("heartbeat", "--all")
    assert finished(missionctl.home / "backups") == [made]


def test_without_the_settings_a_heartbeat_does_and_loads_nothing_of_it(missionctl: Command) -> None:
    missionctl("agent", "add", "ada")
    script = (
        "import sys\n"
        "from mission_control.app import open_mission\n"
        "open_mission(sys.argv[1]).heartbeat(['ada'])\n"
        "print([name for name in sys.modules if name.startswith('mission_control.ops')])\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, missionctl.home],
        capture_output=True,
        check=True,
        text=True,
    )
    assert told.stdout == "[]\n"
    assert not (missionctl.home / "database").exists()
    assert finished(missionctl.home / "backups") == []


@pytest.mark.parametrize("line", ['backup_at = "3"', 'backup_at = "24:00"', 'mirror = "maybe"', "backup_keep = 0"])
def test_settings_that_mean_nothing_are_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "mission.toml").write_text(line + "\n")
    with pytest.raises(ConfigInvalid, match=line.partition(" ")[0]):
        load(tmp_path, {})


def test_the_mirror_may_be_set_by_the_environment(tmp_path: Path) -> None:
    assert load(tmp_path, {"MISSIONCTL_MIRROR": "true"}).mirror is True


# The mirror


@pytest.fixture
def mirrored(tmp_path: Path) -> Config:
    Folder(tmp_path).make()
    return Config(home=tmp_path, host="here", timezone="UTC", mirror=True)


@pytest.fixture
def titles(tmp_path: Path) -> Callable[[], list[str]]:
    """In the mirror."""
    return lambda: [row["title"] for row in json.loads((tmp_path / "database" / "tasks.json").read_text())]


def _let_a_second_pass(config: Config, clock: FakeClock) -> None:
    """The clock of the test is the one the files were written by."""
    record = config.home / "database" / ".missionctl-export.json"
    os.utime(record, ((clock.now() - timedelta(seconds=2)).timestamp(),) * 2)


def test_the_mirror_follows_the_board_at_most_once_a_second(
    store: Store, mirrored: Config, clock: FakeClock, task: TaskFactory, titles: Callable[[], list[str]]
) -> None:
    task("First")
    assert mirror_if_due(store, mirrored, clock)
    assert titles() == ["First"]
    _let_a_second_pass(mirrored, clock)
    assert not mirror_if_due(store, mirrored, clock), "nothing has happened"
    os.utime(mirrored.home / "database" / ".missionctl-export.json", (clock.now().timestamp(),) * 2)
    task("Second")
    assert not mirror_if_due(store, mirrored, clock), "less than a second ago"
    _let_a_second_pass(mirrored, clock)
    assert mirror_if_due(store, mirrored, clock)
    assert titles() == ["First", "Second"]


def test_who_does_not_come_again_soon_waits_rather_than_leave_the_mirror_behind(
    store: Store, mirrored: Config, clock: FakeClock, task: TaskFactory, titles: Callable[[], list[str]]
) -> None:
    task("First")
    assert mirror_if_due(store, mirrored, clock, patient=True)
    os.utime(mirrored.home / "database" / ".missionctl-export.json", (clock.now().timestamp() - 0.99,) * 2)
    task("Second")
    assert mirror_if_due(store, mirrored, clock, patient=True)
    assert titles() == ["First", "Second"]


def test_a_mirror_that_cannot_be_written_stops_no_heartbeat(missionctl: Command) -> None:
    missionctl("agent", "add", "ada")
    (missionctl.home / "mission.toml").write_text("mirror = true\n")
    (missionctl.home / "database").write_text("no folder")
    assert missionctl("heartbeat", "ada", "--json").json[0]["result"] == "ok"
    assert "mirror_failed" in (missionctl.home / "logs" / "mirror.log").read_text()


def test_the_mirror_is_free_when_it_is_off(store: Store, config: Config, clock: FakeClock, task: TaskFactory) -> None:
    task("First")
    store.close()
    assert not mirror_if_due(store, config, clock), "the database is not even asked"


def test_the_mirror_never_writes_over_what_somebody_else_wrote(
    store: Store, mirrored: Config, clock: FakeClock, task: TaskFactory
) -> None:
    task("First")
    (mirrored.home / "database").mkdir()
    (mirrored.home / "database" / "tasks.json").write_text("[]")
    assert not mirror_if_due(store, mirrored, clock)
    assert (mirrored.home / "database" / "tasks.json").read_text() == "[]"
    assert "mirror_failed" in (mirrored.home / "logs" / "mirror.log").read_text()


def test_whoever_reads_the_mirror_while_it_is_written_finds_whole_files(missionctl: Command) -> None:
    missionctl("agent", "add", "ada")
    (missionctl.home / "mission.toml").write_text("mirror = true\n")
    missionctl("heartbeat", "ada")
    path = missionctl.home / "database" / "tasks.json"
    missionctl("add", "First", "--to", "ada", "--command", "true")
    beat = missionctl.start("heartbeat", "ada", "--wait")
    while beat.poll() is None:
        json.loads(path.read_text())
    beat.communicate()

    def told() -> bool:
        missionctl("heartbeat", "ada")
        return [row["status"] for row in json.loads(path.read_text())] == ["done"]

    eventually(told)


# What doctor says


def findings(config: Config, clock: FakeClock, *, deep: bool = False) -> list[tuple[str, Level]]:
    environment = {"MISSIONCTL_BACKUP_AT": config.backup_at or "", "MISSIONCTL_TIMEZONE": "UTC"}
    return [
        (finding.fact, finding.level)
        for finding in doctor.examine(config.home, environment, clock, deep=deep)
        if finding.check in ("backup", "restore", "mirror")
    ]


def test_doctor_says_when_a_backup_is_missing_old_or_damaged(daily: Config, clock: FakeClock, tmp_path: Path) -> None:
    assert findings(daily, clock) == [("none yet", Level.OK)]
    made = back_up_if_due(daily, clock)
    assert made is not None
    assert [level for _, level in findings(daily, clock, deep=True)] == [Level.OK]
    clock.advance(timedelta(days=3))
    ((fact, level),) = findings(daily, clock)
    assert (level, "3 days old" in fact) == (Level.WARNING, True)
    database = made.path / "mission.db"
    database.write_bytes(database.read_bytes()[:-1] + b"x")
    assert [level for _, level in findings(daily, clock)] == [Level.WARNING], "its size is right"
    assert [level for _, level in findings(daily, clock, deep=True)] == [Level.FAULT]


def test_doctor_misses_a_backup_of_a_mission_that_has_lived_for_long(
    daily: Config, clock: FakeClock, tmp_path: Path
) -> None:
    from mission_control.squad import NewAgent, Squad

    store = open_store(str(tmp_path / "mission.db"))
    Squad(store, clock, daily, runners=("shell",)).add(NewAgent(name="ada"), actor="tester")
    store.close()
    assert findings(daily, clock) == [("none yet", Level.OK)]
    clock.advance(timedelta(days=8))
    ((fact, level),) = findings(daily, clock)
    assert (level, fact.startswith("there is none")) == (Level.WARNING, True)


def test_doctor_names_an_interrupted_restore_and_what_to_do(missionctl: Command) -> None:
    (missionctl.home / ".restoring").mkdir()
    told = missionctl("doctor", "--json").json["findings"]
    assert [f["level"] for f in told if f["check"] == "restore"] == ["warning"]
    (missionctl.home / "run" / "restore.json").write_text("{}")
    told = missionctl("doctor", "--json", expect=7).json["findings"]
    assert [f["next_step"] for f in told if f["check"] == "restore"] == ["missionctl restore --finish"]


def test_what_doctor_says_of_a_lost_database_brings_it_back(missionctl: Command) -> None:
    missionctl("add", "Before")
    make(missionctl)
    for path in missionctl.home.glob("mission.db*"):
        path.unlink()
    told = missionctl("doctor", "--json", expect=7).json["findings"]
    (step,) = [finding["next_step"] for finding in told if finding["check"] == "database"]
    program, *words = step.split()
    assert program == "missionctl"
    missionctl(*words, "--yes")
    assert len(missionctl("ls", "--json").json) == 1
    assert shelf.finished(missionctl.home / "backups")
