"""Log lines: one event, one line, one write."""

from __future__ import annotations

import shlex
import stat
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.log import LEVELS, append, line
from support.clock import START

nasty_text = st.text(st.one_of(st.characters(exclude_categories=[]), st.sampled_from(" \"'\\=\n#$x")))


def test_a_line_has_its_time_level_event_and_fields():
    said = line("attempt_lost", START, {"task": "T-42", "token": 7, "silent_for": 95.0, "error": "executor is gone"})
    assert said == (
        '2026-02-06T10:00:00.000Z WARNING attempt_lost task=T-42 token=7 silent_for=95.000 error="executor is gone"'
    )


def test_a_time_of_another_zone_is_written_in_utc():
    there = START.astimezone(timezone(timedelta(hours=9)))
    assert line("heartbeat_ok", there, {}).startswith("2026-02-06T10:00:00.000Z INFO ")


def test_a_field_without_value_is_left_out():
    assert line("heartbeat_ok", START, {"error": None}).endswith(" heartbeat_ok")


def test_an_event_that_is_not_named_is_a_fault():
    with pytest.raises(KeyError):
        line("something_else", START, {})


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\nb", r'"a\nb"'),
        ("\x1b[31m", r'"\x1b[31m"'),
        ('say "hi"', r'"say \"hi\""'),
        ("a\\b", r'"a\\b"'),
        ("a=b", '"a=b"'),
        ("it's", '"it\'s"'),
        ("", '""'),
        ("ä", '"ä"'),
        ("\u2028\u202e", r'"\u2028\u202e"'),
        ("\udcff", r'"\udcff"'),
    ],
)
def test_a_value_that_could_be_mistaken_for_more_is_quoted_and_escaped(value, written):
    assert line("heartbeat_failed", START, {"error": value}).endswith(f" error={written}")


@given(st.sampled_from(sorted(LEVELS)), nasty_text, nasty_text)
def test_no_value_can_end_its_line_or_pose_as_another_field(event, first, second):
    said = line(event, START, {"first": first, "second": second})
    assert said.isprintable()
    assert said.encode()
    words = shlex.split(said)
    assert [word.partition("=")[0] for word in words[3:]] == ["first", "second"]


def test_a_log_file_is_private_and_made_with_its_folder(tmp_path):
    path = tmp_path / "logs" / "ada-heartbeat.log"
    append(path, "heartbeat_ok", START, agent="ada")
    append(path, "heartbeat_ok", START, agent="ada")
    assert len(path.read_text().splitlines()) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path):
    append(tmp_path, "heartbeat_ok", START)  # a directory
    (tmp_path / "file").write_text("")
    append(tmp_path / "file" / "log", "heartbeat_ok", START)


def test_a_log_is_never_written_through_a_link(tmp_path):
    (tmp_path / "target").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    append(tmp_path / "link", "heartbeat_ok", START)
    assert (tmp_path / "target").read_text() == ""
