"""JSON is often looked at on a terminal, so what stands in it must not steer one, nor fail for a torn line."""

from __future__ import annotations

from mission_control.interfaces.log_lines import parse
from support.command import Command

DIRTY = "a\x9b31m\x7fb\u2028c é"


def test_json_holds_every_character_but_no_control(missionctl: Command) -> None:
    missionctl("add", "Look", "--description", DIRTY)
    answer = missionctl("show", "T-1", "--json")
    assert answer.json["description"] == DIRTY
    assert not [character for character in answer.out.rstrip("\n") if not character.isprintable()]
    assert "é" in answer.out


def test_a_log_line_torn_inside_an_escape_is_still_shown(missionctl: Command) -> None:
    torn = '2026-02-06T10:00:00.000Z ERROR   attempt_failed error="\\x1'
    (missionctl.home / "logs" / "ada-executor.log").write_text(torn)
    missionctl("agent", "add", "ada")
    (line,) = missionctl("logs", "ada", "--json").json
    assert line["text"] == torn
    assert parse(b'2026-02-06T10:00:00.000Z INFO    x error="\\u20ac"').fields == {"error": "€"}
