"""Reading files that others still write, and making one story of several logs."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control import log
from mission_control.execution.output import Output
from mission_control.interfaces.cli.task_logs import clean
from mission_control.interfaces.log_lines import Following, latest, log_files, make_filter, parse
from mission_control.interfaces.tail import Follower, TextPieces, lines_backwards
from support.clock import START

EVERYTHING = make_filter(None, None)


def read_all(follower: Follower) -> bytes:
    return b"".join(iter(follower.read, b""))


@given(
    lines=st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=30), ended=st.booleans()
)
def test_lines_read_backwards_are_the_lines_of_the_file(tmp_path_factory, lines, ended):
    path = tmp_path_factory.mktemp("lines") / "file"
    content = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    path.write_bytes(content)
    expected = content.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert list(lines_backwards(path))[::-1] == expected


def test_a_line_longer_than_a_block_is_read_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"first\n" + b"x" * 200_000 + b"\nlast\n")
    assert [len(line) for line in lines_backwards(path)] == [4, 200_000, 5]


def test_a_file_that_comes_later_is_followed_from_its_beginning(tmp_path):
    follower = Follower(tmp_path / "later")
    assert follower.read() == b""
    (tmp_path / "later").write_bytes(b"one")
    assert read_all(follower) == b"one"
    assert follower.read() == b""
    follower.close()


def test_a_file_that_was_cut_to_nothing_is_read_from_its_beginning(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"a long first text")
    follower = Follower(path)
    read_all(follower)
    os.truncate(path, 0)
    with open(path, "ab") as file:
        file.write(b"new")
    assert read_all(follower) == b"new"
    follower.close()


def test_output_over_its_cap_is_followed_across_the_hole_and_not_told_again_when_it_is_replaced(tmp_path):
    path = tmp_path / "output.log"
    output = Output(path, 20_000)
    os.write(output.descriptor, b"head\n" + b"x" * 1_000_000 + b"\ntail\n")
    output.keep_within_cap()
    follower = Follower(path)
    pieces, skipped = [], 0
    while piece := follower.read():
        pieces.append(piece)
        skipped += follower.skipped
    text = b"".join(pieces)
    assert text.startswith(b"head\n")
    assert text.endswith(b"\ntail\n")
    assert skipped + len(text) == output.size()
    assert skipped > 0
    os.write(output.descriptor, b"end\n")
    output.close()
    assert path.stat().st_size < 30_000
    assert read_all(follower) == b"end\n"
    follower.close()


@given(st.text(st.sampled_from("ab\x1b[31m\r\n é€"), max_size=30), st.integers(1, 5))
def test_text_in_pieces_is_cleaned_as_the_whole_would_be(text, size):
    raw = text.encode()
    pieces = TextPieces()
    parts = [pieces.add(raw[start : start + size]) for start in range(0, len(raw), size)]
    assert "".join(parts) + pieces.finish() == text
    assert "\x1b" not in "".join(map(clean, parts))


def test_a_character_in_two_pieces_is_shown_once_it_is_whole():
    pieces = TextPieces()
    first, second = "é".encode()[:1], "é".encode()[1:]
    assert pieces.add(first) == ""
    assert pieces.add(second) == "é"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two agents' logs: ada's heartbeat at minutes 0 and 2, bob's executor at 1 and 3."""
    for minute in range(4):
        path = tmp_path / ("ada-heartbeat.log" if minute % 2 == 0 else "bob-executor.log")
        event = "attempt_lost" if minute == 3 else "heartbeat_ok"
        log.append(path, event, START + timedelta(minutes=minute), minute=minute)
    return tmp_path


def minutes(lines) -> list[str]:
    return [line.fields["minute"] for line in lines]


def test_logs_of_all_agents_are_merged_by_time(logs):
    assert minutes(latest(log_files(logs, None), EVERYTHING, 10)) == ["0", "1", "2", "3"]
    assert minutes(latest(log_files(logs, None), EVERYTHING, 3)) == ["1", "2", "3"]
    assert minutes(latest(log_files(logs, "bob"), EVERYTHING, 10)) == ["1", "3"]
    assert latest(log_files(logs, "eve"), EVERYTHING, 10) == []


def test_a_level_includes_what_is_worse(logs):
    assert minutes(latest(log_files(logs, None), make_filter("WARNING", None), 10)) == ["3"]
    assert latest(log_files(logs, None), make_filter("ERROR", None), 10) == []


def test_a_line_that_is_none_of_ours_stays_behind_the_line_it_followed(logs):
    with open(logs / "ada-heartbeat.log", "ab") as file:
        file.write(b"Segmentation fault\n")
    log.append(logs / "ada-heartbeat.log", "heartbeat_ok", START + timedelta(minutes=4), minute=4)
    found = [line.fields.get("minute", line.text) for line in latest(log_files(logs, None), EVERYTHING, 10)]
    assert found == ["0", "1", "2", "Segmentation fault", "3", "4"]


def test_following_tells_new_lines_of_old_and_new_files_and_no_half_line(logs):
    following = Following(logs, None, EVERYTHING)
    assert following.read() == []
    log.append(logs / "ada-heartbeat.log", "heartbeat_ok", START, minute=5)
    log.append(logs / "eve-heartbeat.log", "heartbeat_ok", START, minute=6)
    with open(logs / "bob-executor.log", "ab") as file:
        file.write(b"half a")
        file.flush()
        assert minutes(following.read()) == ["5", "6"]
        file.write(b" line\n")
    assert [line.text for line in following.read()] == ["half a line"]
    following.close()


@given(st.text(max_size=40))
def test_every_value_comes_back_from_a_log_line_as_it_was(value):
    text = log.line("attempt_failed", START, {"task": "T-1", "error": value, "last": "1"})
    line = parse(text.encode("utf-8", "surrogatepass"))
    assert (line.level, line.event) == ("ERROR", "attempt_failed")
    assert line.fields == {"task": "T-1", "error": value, "last": "1"}
