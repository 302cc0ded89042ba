"""Windows on a log: some lines at its end, before a place, after one; never the whole file, never half a character."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.interfaces import window


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "output.log"


def test_a_log_that_is_not_there_is_empty(log: Path) -> None:
    assert window.latest(log) == window.after(log, 7) == window.EMPTY


def test_the_last_lines_come_first_and_earlier_ones_join_on(log: Path) -> None:
    log.write_text("".join(f"line {number}\n" for number in range(1000)))
    end = window.latest(log, 10)
    assert end.text.splitlines() == [f"line {number}" for number in range(990, 1000)]
    before = window.before(log, end.begin, 5)
    assert before.text.splitlines() == [f"line {number}" for number in range(985, 990)]
    assert before.end == end.begin
    assert end.end == end.size == log.stat().st_size


def test_what_comes_later_starts_where_the_last_look_ended(log: Path) -> None:
    log.write_bytes("begun: ä".encode()[:-1])  # in the middle of a character
    first = window.latest(log)
    assert first.text == "begun: "
    with log.open("ab") as file:
        file.write("ä!\n".encode()[1:])
    assert window.after(log, first.end).text == "ä!\n"


def test_a_log_that_was_cut_is_read_from_its_start(log: Path) -> None:
    log.write_text("new\n")
    assert window.after(log, 1000).text == "new\n"


def test_a_gigabyte_opens_by_its_end_alone(log: Path) -> None:
    with log.open("wb") as file:
        file.seek(1 << 30)
        file.write(b"\nthe end\n")
    found = window.latest(log, 1)
    assert found.text == "the end\n"
    assert found.size > 1 << 30
    assert len(window.before(log, 1 << 29).text) <= window.MOST_BYTES


@given(st.binary(max_size=300), st.integers(1, 5))
def test_windows_backwards_give_every_byte_once(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, lines: int
) -> None:
    log = tmp_path_factory.mktemp("log") / "output.log"
    log.write_bytes(content)
    end: int | None = None
    ranges: list[tuple[int, int]] = []
    while end is None or end > 0:
        found = window.before(log, end, lines)
        ranges.append((found.begin, end if end is not None else len(content)))
        if found.begin == end:
            break
        end = found.begin
    assert ranges[-1][0] == 0
    assert all(later[0] == earlier[1] for later, earlier in pairwise(ranges))
