"""Making text safe to show. Titles, names, comments and output come from anybody, agents included."""

from __future__ import annotations

import re

from mission_control.domain.key import without_keys

# Whole escape sequences first, so that no `[31m` is left behind: CSI; OSC, DCS, SOS, PM, APC with their text; others.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# C0 and C1 but tab and line feed, line separators, and what turns the reading direction around.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPACE = re.compile(r"[\t\n]+")
_UNSAFE_IN_CELL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\]")
_SHORT_ESCAPES = {"\t": r"\t", "\n": r"\n", "\r": r"\r", "\\": r"\\"}


def without_controls(text: str) -> str:
    """`text` that cannot steer a terminal and shows nobody's key; tabs and line feeds stay."""
    return without_keys(_CONTROL.sub("", _SEQUENCE.sub("", text.replace("\r\n", "\n"))))


def on_one_line(text: str) -> str:
    """`text` for one line of a terminal."""
    return _SPACE.sub(" ", without_controls(text))


def tsv_cell(text: str) -> str:
    """`text` as one cell of tab-separated values: nothing is lost, controls and backslashes are escaped."""
    return _UNSAFE_IN_CELL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return _SHORT_ESCAPES.get(character) or character.encode("unicode_escape").decode("ascii")
