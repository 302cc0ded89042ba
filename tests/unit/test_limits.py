"""What input from outside may look like."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.domain import limits
from mission_control.domain.draft import Defaults, NewTask, check
from mission_control.errors import InvalidInput
from support.clock import START

any_text = st.text(st.characters(exclude_categories=[]), max_size=700)  # lone surrogates too


def refused(check, *arguments):
    """The one clear line with which `check` refuses; whatever else it raises is a fault."""
    with pytest.raises(InvalidInput) as refusal:
        check(*arguments)
    said = str(refusal.value)
    assert said.isprintable()
    assert len(said) < 400
    return said


def is_refused_or(check, text, holds):
    """Whether `text` is refused in one line, or taken as something that `holds`."""
    try:
        value = check(text)
    except InvalidInput as refusal:
        return str(refusal).isprintable()
    return holds(value)


@given(any_text)
def test_an_agent_name_is_plain_and_can_never_be_an_option(text):
    assert is_refused_or(limits.agent_name, text, lambda name: re.fullmatch("[a-z0-9_][a-z0-9_-]{0,63}", name))


@given(st.from_regex(r"[a-z0-9_][a-z0-9_-]{0,63}", fullmatch=True))
def test_every_legal_agent_name_is_taken_with_and_without_its_at_sign(name):
    assert limits.agent_name(name) == limits.agent_name(f"@{name}") == name


@pytest.mark.parametrize(
    "text", ["", "@", "@@ada", "-ada", "--yes", "Ada", "ada lovelace", "ada\n", "a" * 65, "ä", "../x", "a\0"]
)
def test_what_is_no_agent_name_is_refused(text):
    refused(limits.agent_name, text)


@given(any_text)
def test_a_title_is_one_line_of_valid_unicode_and_kept_as_it_is(text):
    def holds(title):
        assert title == text
        assert 1 <= len(title) <= 500
        assert len(title.splitlines()) == 1
        return title.encode()

    assert is_refused_or(limits.title, text, holds)


@pytest.mark.parametrize("text", ["x" * 500, "-rf /", "--", "😀" * 500, "$(id)", "'; DROP TABLE task; --", "e\u0301"])
def test_unusual_titles_are_taken(text):
    assert limits.title(text) == text


@pytest.mark.parametrize(
    "text", ["", " ", "\t", "x" * 501, "a\nb", "a\0b", "a\x1b[31mb", "a\x7f", "a\x85b", "a\u2028b", "\ud800"]
)
def test_what_is_no_title_is_refused(text):
    refused(limits.title, text)


def test_long_text_is_counted_in_bytes():
    assert limits.long_text("ä" * 500_000, "description")
    assert "1,000,002" in refused(limits.long_text, "ä" * 500_001, "description")


@pytest.mark.parametrize("text", ["a\0b", "\udcff"])
def test_text_with_nul_or_invalid_unicode_is_refused(text):
    refused(limits.long_text, text, "comment")


def test_text_may_have_lines_and_tabs():
    assert limits.long_text("a\n\tb\r\n", "comment") == "a\n\tb\r\n"


@pytest.mark.parametrize("text", ["", "  ", "\n", "x" * 100_001, "echo \0"])
def test_what_is_no_command_is_refused(text):
    refused(limits.command, text)


@pytest.mark.parametrize("text", ["", "k" * 201, "a\nb", "\udcff"])
def test_what_is_no_key_is_refused(text):
    refused(limits.key, text)


@pytest.mark.parametrize("value", [0, -1, 101, 10**30])
def test_a_count_outside_its_range_is_refused(value):
    assert "1 and 100" in refused(limits.whole_number, value, "--max-attempts", 1, 100)


@pytest.mark.parametrize("value", [timedelta(0), timedelta(seconds=-1), timedelta(days=30, microseconds=1)])
def test_a_time_limit_outside_its_range_is_refused(value):
    refused(limits.timeout, value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400), ("2d", 172_800), ("500ms", 0.5), (" 5 M ", 300), ("0", 0)],
)
def test_durations_are_read_with_their_units(text, seconds):
    assert limits.duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "text",
    ["", "m", "-5", "+5", "1e9", "nan", "inf", "5 weeks", "1:30", "3661d", "9" * 13, "5m5s", "٣s", "1_0", "0x10"],
)
def test_what_is_no_duration_is_refused(text):
    refused(limits.duration, text)


@given(st.one_of(any_text, st.from_regex(r"[0-9]{1,14}(\.[0-9]{1,7})?(ms|s|m|h|d)?", fullmatch=True)))
def test_a_duration_is_never_negative_and_never_beyond_its_limit(text):
    assert is_refused_or(limits.duration, text, lambda value: timedelta(0) <= value <= limits.MAX_DELAY)


@given(any_text)
def test_an_instant_is_aware_and_within_the_years_that_every_database_holds(text):
    assert is_refused_or(
        lambda text: limits.instant(text, START), text, lambda at: at.tzinfo is UTC and 1970 <= at.year <= 9000
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-06T10:00:00Z", START),
        ("2026-02-06T11:00:00+01:00", START),
        ("10m", START + timedelta(minutes=10)),
        ("0", START),
    ],
)
def test_an_instant_is_a_time_or_a_duration_from_now(text, expected):
    assert limits.instant(text, START) == expected


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31", "2026-02-30", "25:00"],
)
def test_what_is_no_instant_is_refused(text):
    refused(limits.instant, text, START)


def test_a_draft_takes_what_it_does_not_say_from_the_mission():
    task = check(NewTask(title="Write"), Defaults(max_attempts=7, timeout=timedelta(minutes=2)), START)
    assert (task.max_attempts, task.timeout_seconds) == (7, 120)


def test_an_agent_named_twice_is_assigned_once():
    task = check(NewTask(title="Write", agents=["bob", "@ada", "bob"]), Defaults(3, timedelta(minutes=2)), START)
    assert task.agents == ("bob", "ada")


@pytest.mark.parametrize(
    "draft",
    [
        NewTask(title="Write", agents=[f"a{number}" for number in range(51)]),
        NewTask(title="Write", after=range(1001)),
        NewTask(title="Write", max_attempts=0),
        NewTask(title="Write", timeout=timedelta(0)),
        NewTask(title="Write", key=""),
        NewTask(title="Write", command=" "),
        NewTask(title="Write", agents=["Ada"]),
    ],
)
def test_a_draft_with_one_broken_limit_is_refused(draft):
    refused(check, draft, Defaults(3, timedelta(minutes=2)), datetime(2026, 1, 1, tzinfo=UTC))
