"""The standup of the day: gathered from a real board, made once whoever comes first, filed whatever is killed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mission_control.board import Board
from mission_control.config import Config
from mission_control.domain.attempt import Outcome
from mission_control.domain.notice import STANDUP_MADE, ChannelKind, Topic
from mission_control.domain.standup import Heading, Standup
from mission_control.domain.task import Task
from mission_control.errors import InvalidInput
from mission_control.folder import Folder
from mission_control.notices import Notices
from mission_control.ops.standup import filing
from mission_control.ops.standup.gathering import standup_of
from mission_control.ops.standup.schedule import make_if_due
from mission_control.store import history, standups
from mission_control.store.store import Store
from support.clock import FakeClock
from support.command import Command
from support.database import ask
from support.eventually import eventually
from support.factories import PERSON, TaskFactory, ending, process
from support.real_mission import RealMission
from support.terminal import ESCAPE, on_terminal

FRIDAY = date(2026, 2, 6)  # the clock stands at 10:00
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def daily(config: Config) -> Config:
    """With a standup every day at 23:30."""
    return replace(config, standup_at="23:30")


@pytest.fixture
def work(board: Board) -> Callable[..., Task]:
    """Lets ada try the first task of her queue."""

    def try_one(outcome: Outcome = Outcome.SUCCEEDED) -> Task:
        (claim,) = board.claim("ada", claimer=process(), most=1)
        return board.finish(claim.lease, ending(outcome))

    return try_one


def names(standup: Standup, heading: Heading) -> list[str]:
    return [item.task for item in standup.sections[heading].items]


def announced(store: Store) -> list[str]:
    lines = history.latest(store, agent=None, limit=100)
    return [line.message for line in lines if line.kind == STANDUP_MADE]


def test_everything_stands_where_it_belongs(
    store: Store, board: Board, config: Config, clock: FakeClock, task: TaskFactory, work: Callable[..., Task]
) -> None:
    task("Yesterday's")
    work()
    clock.advance(timedelta(days=1))
    task("Done")
    work()
    task("Blocked", max_attempts=1)
    work(Outcome.FAILED)
    task("To be looked at", review=True)
    work()
    task("Running")
    board.claim("ada", claimer=process())
    clock.advance(timedelta(minutes=5))
    after = task("Waiting", after=[4])
    found = standup_of(store, config, clock)
    told = {heading: names(found, heading) for heading in Heading}
    assert told == {
        Heading.COMPLETED: ["T-2"],
        Heading.IN_PROGRESS: ["T-5"],
        Heading.BLOCKED: ["T-3"],
        Heading.REVIEW: ["T-4"],
        Heading.WAITING: [after.name],
    }
    (blocked,), (waiting,) = found.sections[Heading.BLOCKED].items, found.sections[Heading.WAITING].items
    assert "exit status 1" in blocked.note
    assert waiting.note == "T-4 is review"
    assert (found.figures.added, found.figures.completed, found.figures.blocked) == (5, 1, 1)
    assert (found.before.added, found.before.completed, found.before.success_rate) == (1, 1, 1.0)
    (ada,) = found.members
    assert (ada.status, ada.succeeded, ada.failed, ada.live, ada.waiting) == ("active", 2, 1, 1, 1)
    assert found.lines[-1].title == "Waiting"


def test_the_day_is_that_of_the_missions_zone(
    store: Store, config: Config, clock: FakeClock, task: TaskFactory, work: Callable[..., Task]
) -> None:
    clock.set_wall(datetime(2026, 2, 6, 22, 30, tzinfo=UTC))  # 23:30 in Berlin
    task()
    work()
    clock.set_wall(datetime(2026, 2, 6, 23, 30, tzinfo=UTC))  # 00:30 of the next day there
    task()
    work()
    berlin = replace(config, timezone="Europe/Berlin")
    today = standup_of(store, berlin, clock)
    assert (today.day, names(today, Heading.COMPLETED)) == (date(2026, 2, 7), ["T-2"])
    assert names(standup_of(store, berlin, clock, FRIDAY), Heading.COMPLETED) == ["T-1"]
    assert names(standup_of(store, config, clock), Heading.COMPLETED) == ["T-1", "T-2"]


def test_of_a_past_day_that_kept_none_only_what_the_history_knows_is_told(
    store: Store, config: Config, clock: FakeClock, task: TaskFactory, work: Callable[..., Task]
) -> None:
    task()
    work()
    clock.advance(timedelta(days=2))
    found = standup_of(store, config, clock, FRIDAY)
    assert list(found.sections) == [Heading.COMPLETED]
    assert (found.members, found.figures.completed) == ((), 1)
    with pytest.raises(InvalidInput):
        standup_of(store, config, clock, FRIDAY + timedelta(days=3))


def test_the_scheduled_one_is_made_once_a_day_and_tells_how_things_stood(
    store: Store, daily: Config, clock: FakeClock, task: TaskFactory, work: Callable[..., Task]
) -> None:
    task()
    made = []
    for _ in range(3 * 24 * 2):
        clock.advance(timedelta(minutes=30))
        made += [standup.day for _ in range(2) if (standup := make_if_due(store, daily, clock))]
    assert made == [FRIDAY, FRIDAY + timedelta(days=1), FRIDAY + timedelta(days=2)]
    assert announced(store)[0] == "2026-02-06: 0 completed, 0 in progress, 0 blocked, 0 review, 1 waiting"
    assert len(announced(store)) == 3
    assert standups.days(store, limit=2) == made[:0:-1]
    work()
    kept = standup_of(store, daily, clock, FRIDAY)
    assert names(kept, Heading.WAITING) == ["T-1"], "as it stood then"
    folder = Folder(daily.home)
    assert [path.name for path in sorted((daily.home / "reports").iterdir())] == [
        f"standup-{day.isoformat()}.md" for day in made
    ]
    assert all(folder.notes("ada", day).read_text().count("## Standup") == 1 for day in made)


def test_one_that_was_missed_is_made_once_later_and_earlier_ones_are_not(
    store: Store, daily: Config, clock: FakeClock, task: TaskFactory, work: Callable[..., Task]
) -> None:
    task()
    work()
    clock.advance(timedelta(days=5))
    made = make_if_due(store, daily, clock)
    assert made is not None
    assert (made.day, made.until) == (date(2026, 2, 10), datetime(2026, 2, 10, 23, 30, tzinfo=UTC))
    assert make_if_due(store, daily, clock) is None


def test_no_day_before_the_mission_has_a_standup(store: Store, daily: Config, clock: FakeClock, task) -> None:
    assert make_if_due(store, daily, clock) is None, "nothing has ever happened"
    task()
    assert make_if_due(store, daily, clock) is None, "yesterday there was no mission"
    clock.advance(timedelta(hours=13, minutes=30))
    assert make_if_due(store, daily, clock) is not None


def test_what_happens_after_the_standup_belongs_to_the_next_day(
    store: Store, daily: Config, clock: FakeClock, task: TaskFactory, work: Callable[..., Task]
) -> None:
    task("Early")
    work()
    clock.advance(timedelta(hours=13, minutes=30))
    make_if_due(store, daily, clock)
    clock.advance(timedelta(minutes=10))
    task("Late")
    work()
    clock.advance(timedelta(days=1))
    make_if_due(store, daily, clock)
    assert names(standup_of(store, daily, clock, FRIDAY), Heading.COMPLETED) == ["T-1"]
    kept = standups.recorded(store, FRIDAY + timedelta(days=1))
    assert kept is not None
    assert "Late" in kept
    assert "Early" not in kept


def test_what_was_cut_short_before_its_files_is_filed_by_whoever_comes_next(
    store: Store, daily: Config, clock: FakeClock, task: TaskFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between any two of: keep it, write the report, note it for each agent, note that it is filed."""
    task(to="ada")
    task(to="bob")
    clock.advance(timedelta(hours=13, minutes=30))
    folder = Folder(daily.home)
    steps = [(filing, "write_private"), (filing, "_append_once"), (standups, "note_filed")]
    for module, name in steps:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, _power_cut)
            with pytest.raises(KeyboardInterrupt):
                make_if_due(store, daily, clock)
    make_if_due(store, daily, clock)
    assert folder.standup(FRIDAY).exists()
    assert [folder.notes(name, FRIDAY).read_text().count("## Standup") for name in ("ada", "bob")] == [1, 1]
    assert len(announced(store)) == 1
    assert standups.unfiled(store) == []


def _power_cut(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_two_at_once_make_one(
    store: Store, daily: Config, clock: FakeClock, task: TaskFactory, open_again: Callable[[], Store]
) -> None:
    task()
    clock.advance(timedelta(hours=13, minutes=30))
    other = open_again()
    content = standups.recorded(other, FRIDAY)
    assert content is None
    assert make_if_due(store, daily, clock) is not None
    assert not standups.record(other, FRIDAY, "{}", now=clock.now())
    assert make_if_due(other, daily, clock) is None
    assert len(announced(store)) == 1


# Real processes


def test_of_heartbeats_and_the_resident_process_at_once_one_makes_it(
    make_mission: Callable[..., RealMission],
) -> None:
    mission = make_mission(standup_at="00:00", timezone="UTC")
    mission.run("true")
    # As if the mission were older than the last midnight.
    ask(mission.opened.store, "UPDATE activity SET at = '2026-01-01T00:00:00.000000Z' WHERE id = 1")
    up = mission.command.start("up")
    beats = [mission.command.start("heartbeat", "ada") for _ in range(4)]
    for beat in beats:
        _, err = beat.communicate(timeout=60)
        assert (beat.returncode, err) == (0, "")
    eventually(lambda: list((mission.home / "reports").glob("standup-*.md")))
    eventually(lambda: standups.unfiled(mission.opened.store) == [])
    up.terminate()
    up.communicate(timeout=30)
    assert len(announced(mission.opened.store)) == 1
    assert len(list((mission.home / "reports").iterdir())) == 1


@pytest.fixture
def told(missionctl: Command) -> Command:
    """A mission with one task that was done, and one that waits."""
    missionctl("agent", "add", "ada")
    missionctl("add", "Write *it*", "--to", "ada", "--command", "true")
    missionctl("heartbeat", "ada", "--wait")
    missionctl("add", "Wait", "--to", "ada", "--command", "true")
    return missionctl


def test_on_demand_it_is_printed_written_and_where_asked_announced(told: Command) -> None:
    report = told("standup").out
    assert report.startswith("# Standup, ")
    assert "- **T-1** Write \\*it\\* (ada, " in report
    document = told("standup", "--send", "--json").json
    assert (document["announced"], document["sections"]["completed"]["total"]) == (True, 1)
    assert (told.home / document["report"]).read_text().startswith("# Standup, ")
    (line,) = [line for line in told("events", "--json").json if line["kind"] == "standup"]
    assert line["message"].endswith("1 completed, 0 in progress, 0 blocked, 0 review, 1 waiting")


def test_a_person_sees_the_day_at_a_glance(told: Command) -> None:
    page = ESCAPE.sub("", on_terminal(told, "standup"))
    assert "✓ Completed 1" in page
    assert "○ Waiting 1" in page
    assert "Nothing is blocked." in page
    assert "written to reports/standup-" in page


def test_a_day_that_is_none_or_has_not_come_is_refused(told: Command) -> None:
    assert "is no day" in told("standup", "--date", "someday", expect=2).err
    assert "has not come yet" in told("standup", "--date", "2999-01-01", expect=2).err
    assert "Nothing was completed." in told("standup", "--date", "yesterday").out


def test_whoever_wants_to_hear_of_standups_is_told_once(
    store: Store, config: Config, clock: FakeClock, daily: Config
) -> None:
    channels = Notices(store, clock, config)
    channels.add("http://127.0.0.1:9/", ChannelKind.WEBHOOK, [Topic.STANDUP], actor=PERSON)
    clock.advance(timedelta(days=1))
    for _ in range(2):
        make_if_due(store, daily, clock)
    (channel,) = channels.channels()
    assert channel.waiting == len(announced(store)) == 1
