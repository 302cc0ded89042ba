"""The rules of the standup, and its Markdown: what anybody wrote can be read there and does nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mission_control.config import load
from mission_control.domain.attempt import Outcome
from mission_control.domain.standup import (
    MOST_ITEMS,
    Day,
    Heading,
    Item,
    Line,
    Member,
    Move,
    Section,
    Standup,
    completed,
    figures,
    period,
    share_of,
    work_of,
)
from mission_control.domain.statistics import EndedAttempt
from mission_control.domain.task import Status
from mission_control.errors import ConfigInvalid
from mission_control.folder import Folder
from mission_control.ops.standup.filing import write_notes, write_report
from mission_control.ops.standup.markdown import as_markdown, escaped
from mission_control.ops.standup.record import as_json, from_json
from mission_control.settings_checks import STANDUP_AT
from support.clock import START
from support.factories import make_task

BERLIN = ZoneInfo("Europe/Berlin")
MARKDOWN = MarkdownIt("gfm-like", {"linkify": False}).enable("table")
QUIET = Day(added=0, completed=0, blocked=0, attempts=0, success_rate=None, tokens=None, cost_usd=None)


def move(task_id: int, to: Status, minute: int = 0, *, agent: str | None = "ada", kind: str = "moved") -> Move:
    return Move(START + timedelta(minutes=minute), kind, task_id, agent, agent or "boss", to)


def ended(outcome: Outcome, agent: str = "ada", tokens: int | None = None) -> EndedAttempt:
    return EndedAttempt(agent, outcome, 1.0, 1.0, tokens, None, None)


def standup(**changes: object) -> Standup:
    plain = Standup(
        day=date(2026, 2, 6),
        since=START - timedelta(hours=12),
        until=START,
        made_at=START,
        timezone="UTC",
        figures=QUIET,
        before=QUIET,
        sections={heading: Section() for heading in Heading},
        members=(Member("ada", "idle", 0, 0, 0, 0, None),),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields by name


@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.sampled_from([None, "23:30", "02:30", "00:00"]))
def test_the_days_follow_one_another_without_a_gap(day: date, at: str | None) -> None:
    since, until = period(day, at, BERLIN)
    assert period(day + timedelta(days=1), at, BERLIN)[0] == until
    assert timedelta(hours=22) < until - since < timedelta(hours=26)
    assert since < datetime(day.year, day.month, day.day, 23, 30, tzinfo=BERLIN) <= until or at != "23:30"


def test_figures_count_each_task_once_and_tell_the_unknown_from_nothing() -> None:
    moves = [
        move(1, Status.INBOX, kind="added"),
        move(1, Status.DONE, 1),
        move(1, Status.INBOX, 2, kind="retry"),
        move(1, Status.DONE, 3),
        move(2, Status.BLOCKED, 4),
    ]
    attempts = [ended(Outcome.SUCCEEDED, tokens=7), ended(Outcome.FAILED), ended(Outcome.RELEASED)]
    assert figures(moves, attempts) == Day(1, 1, 1, 3, 0.5, 7, None)
    assert figures([], []) == QUIET
    assert work_of(attempts) == {"ada": (1, 1)}


def test_what_was_completed_is_told_once_by_its_last_end_with_who_did_it() -> None:
    moves = [move(2, Status.DONE, 5), move(1, Status.DONE, 1), move(1, Status.DONE, 9), move(3, Status.DONE, 2)]
    moves.append(move(4, Status.DONE, 10, agent=None, kind="approve"))
    section = completed(moves, {1: make_task(id=1, title="One"), 4: make_task(id=4, title="Four", agents=("bob",))})
    assert [item.task for item in section.items] == ["T-3", "T-2", "T-1", "T-4"]
    assert [item.title for item in section.items] == ["(deleted)", "(deleted)", "One", "Four"]
    assert (section.items[-1].agents, section.items[-1].note) == (("bob",), "accepted by boss")


def test_of_very_many_the_last_are_listed_and_all_are_counted() -> None:
    section = completed([move(number, Status.DONE, number) for number in range(1000)], {})
    assert (len(section.items), section.total, section.items[-1].task) == (MOST_ITEMS, 1000, "T-999")
    report = as_markdown(standup(sections={Heading.COMPLETED: section}), UTC)
    assert "## Completed (1,000)" in report
    assert "… and 970 more." in report


EVIL = (
    "<b>x</b> [a](http://x) ![i](y) `code` *e* _f_ ~~s~~ | cell | &lt; <!-- c --> \\ $m$ http://x # h"
    "\n# H\n\n- i\x1b[31m\u202e"
)
TAG = re.compile(r"<[^>]*>")


def report_about(text: str) -> str:
    """A report in which everything that somebody can write is `text`."""
    item = Item("T-1", text, (text,), None, text)
    return as_markdown(
        standup(
            sections={heading: Section((item,), 1) for heading in Heading},
            lines=(Line(START, "failed", text, "T-1", text, text),),
            members=(Member(text, "idle", 0, 0, 0, 0, None),),
        ),
        UTC,
    )


@pytest.mark.parametrize(
    "text",
    [EVIL, "```", "_a_ b_c", "**", "\\", "\\\\`", "[x]: http://y", "<script>alert(1)</script>", "a|b", "&copy;", "~~"],
)
def test_what_anybody_wrote_makes_no_tag_and_no_row(text: str) -> None:
    report = report_about(text)
    assert TAG.findall(MARKDOWN.render(report)) == TAG.findall(MARKDOWN.render(report_about("tame")))
    assert not {"\x1b", "\u202e"} & set(report)


@given(st.text(min_size=1, max_size=40))
def test_escaped_text_reads_as_it_was(text: str) -> None:
    children = MARKDOWN.parseInline(f"a {escaped(text)} z")[0].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    shown = "".join(child.content for child in children)
    assert shown.split() == f"a {_visible(text)} z".split()


def _visible(text: str) -> str:
    return "".join(" " if not _is_kept(character) else character for character in text)


def _is_kept(character: str) -> bool:
    code = ord(character)
    is_control = code < 0x20 or 0x7F <= code <= 0x9F
    turns = code in (0x2028, 0x2029, 0x200E, 0x200F) or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return not is_control and not turns


def test_what_is_kept_is_the_whole_of_it() -> None:
    section = Section((Item("T-1", EVIL, ("ada",), START, "why"), Item("T-2", "b", (), None)), 7)
    whole = standup(
        sections={Heading.BLOCKED: section},
        lines=(Line(START, "added", "ada", "T-1", "title", "message"), Line(START, "mission_paused", "boss")),
        members=(Member("ada", "active", 1, 2, 3, 4, START),),
        figures=Day(1, 2, 3, 4, 0.5, 6, 7.5),
        counts=dict.fromkeys(Status, 3),
    )
    assert from_json(as_json(whole)) == whole


# The files


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.make()
    return made


BUSY = standup(
    sections={
        Heading.COMPLETED: Section((Item("T-1", "Write", ("ada",), START),), 1),
        Heading.BLOCKED: Section((Item("T-2", "Deploy", ("ada", "bob"), START, "exit status 1"),), 1),
    },
    members=tuple(Member(name, "idle", 0, 0, 0, 0, None) for name in ("ada", "bob", "eve")),
)


def test_an_agent_gets_a_note_of_its_own_share_and_one_without_any_gets_none(folder: Folder) -> None:
    assert sorted(share_of(BUSY, "ada")) == ["blocked", "completed"]
    assert [path.parent.name for path in write_notes(folder, BUSY, UTC)] == ["ada", "bob"]
    note = folder.notes("bob", BUSY.day).read_text()
    assert "T-2" in note
    assert "T-1" not in note
    assert folder.notes("bob", BUSY.day).stat().st_mode & 0o777 == 0o600
    assert not folder.notes("eve", BUSY.day).exists()


def test_a_note_is_added_once_below_what_the_agent_wrote_itself(folder: Folder) -> None:
    path = folder.notes("ada", BUSY.day)
    path.parent.mkdir()
    path.write_text("I learnt that the server is slow.")
    for _ in range(3):
        write_notes(folder, BUSY, UTC)
    text = path.read_text()
    assert text.startswith("I learnt that the server is slow.\n\n## Standup 2026-02-06\n")
    assert text.count("## Standup") == 1
    path.write_text(text + "One more thought.\n")
    write_notes(folder, BUSY, UTC)
    assert path.read_text() == text + "One more thought.\n"
    write_notes(folder, replace(BUSY, day=BUSY.day + timedelta(days=1)), UTC)
    assert path.read_text() == text + "One more thought.\n", "another day is another file"


def test_a_note_that_was_cut_short_is_written_again_whole(folder: Folder) -> None:
    write_notes(folder, BUSY, UTC)
    path = folder.notes("ada", BUSY.day)
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    write_notes(folder, BUSY, UTC)
    assert path.read_text().endswith(whole)


def test_no_link_that_stands_in_a_memory_is_followed(folder: Folder, tmp_path: Path) -> None:
    path, elsewhere = folder.notes("ada", BUSY.day), tmp_path / "elsewhere"
    path.parent.mkdir()
    elsewhere.write_text("of somebody else")
    path.symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic"):
        write_notes(folder, BUSY, UTC)
    assert elsewhere.read_text() == "of somebody else"


def test_a_report_is_replaced_whole(folder: Folder) -> None:
    path = write_report(folder, BUSY, UTC)
    assert path == folder.home / "reports" / "standup-2026-02-06.md"
    write_report(folder, standup(), UTC)
    assert "Nothing was completed." in path.read_text()
    assert [found.name for found in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("given", "meant"), [('"18:00"', "18:00"), ("true", STANDUP_AT), ('"true"', STANDUP_AT), ("false", None)]
)
def test_standups_are_switched_on_by_a_time_or_a_yes(tmp_path: Path, given: str, meant: str) -> None:
    (tmp_path / "mission.toml").write_text(f"standup_at = {given}\n")
    assert load(tmp_path, {}).standup_at == meant


@pytest.mark.parametrize("given", ['"24:00"', "1", '"noon"', "[]"])
def test_what_is_no_time_of_day_is_refused(tmp_path: Path, given: str) -> None:
    (tmp_path / "mission.toml").write_text(f"standup_at = {given}\n")
    with pytest.raises(ConfigInvalid, match="standup_at"):
        load(tmp_path, {})
