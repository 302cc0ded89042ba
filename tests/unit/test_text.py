"""Text from anybody, made safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.interfaces.cli.text import on_one_line, tsv_cell, without_controls


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ✓ 日本", "plain ✓ 日本"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1b]0;title never ended", ""),
        ("\x9b31mred", "red"),
        ("bell\x07 back\x08space\x7f", "bell backspace"),
        ("\u202eright to left\u2066", "right to left"),
        ("\x1bc reset", " reset"),
        ("over\rwritten", "overwritten"),
        ("two\r\nlines\tand a tab", "two\nlines\tand a tab"),
    ],
)
def test_escape_sequences_leave_nothing_behind(text: str, shown: str) -> None:
    assert without_controls(text) == shown


@given(st.text(st.one_of(st.characters(), st.sampled_from("\x1b\x9b[]m\x07\\\r\n\t")), max_size=60))
def test_no_control_ever_reaches_a_terminal(text: str) -> None:
    shown = without_controls(text)
    assert all(character in "\t\n" or not (character < " " or "\x7f" <= character <= "\x9f") for character in shown)
    assert "\n" not in on_one_line(text)


@given(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\t\n\r\\\x1b\x85\u2028")), max_size=60))
def test_a_cell_is_one_cell_and_loses_nothing(text: str) -> None:
    cell = tsv_cell(text)
    assert len(f"{cell}\t{cell}\n".splitlines()) == 1
    assert cell.count("\t") == 0
    escaped = "".join(character if character.isascii() else f"\\U{ord(character):08x}" for character in cell)
    assert escaped.encode("ascii").decode("unicode_escape") == text
