"""What a person sees on a real pseudo-terminal."""

from __future__ import annotations

import re

import pytest

from mission_control.store.schema import open_store
from support.command import Command
from support.database import ask
from support.terminal import on_terminal

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
EVIL = "\x1b]0;owned\x07\x1b[31mred\x1b[0m\x9b2J \u202eback [bold]markup[/bold] :smile:"


@pytest.fixture
def squad(missionctl: Command) -> Command:
    missionctl("agent", "add", "ada")
    missionctl("add", "A title", "--to", "ada", "--command", "true", "--priority", "urgent")
    return missionctl


def test_a_list_is_a_table_with_icons_words_and_ages(squad: Command) -> None:
    shown = ESCAPE.sub("", on_terminal(squad, "ls"))
    assert shown.splitlines()[0].split() == ["ID", "STATUS", "TITLE", "PRIORITY", "AGENTS", "UPDATED"]
    assert "○ inbox" in shown
    assert "▲ urgent" in shown
    assert "\t" not in shown


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(squad: Command, columns: int) -> None:
    squad("add", "A very long title " + "x" * 300, "--to", "ada", "--command", "true", "--after", "1")
    for line in ESCAPE.sub("", on_terminal(squad, "ls", columns=columns)).splitlines():
        assert len(line) <= columns


@pytest.mark.parametrize("words", [["--no-color", "ls"], ["ls", "--no-color"]])
def test_colours_are_off_when_asked(squad: Command, words: list[str]) -> None:
    assert "\x1b[" in on_terminal(squad, "ls")
    assert "\x1b[3" not in on_terminal(squad, *words)
    assert "\x1b[3" not in on_terminal(squad, "ls", NO_COLOR="1")
    assert "\x1b[3" not in on_terminal(squad, "add", "X", NO_COLOR="1")


def test_json_on_a_terminal_is_json(squad: Command) -> None:
    assert on_terminal(squad, "ls", "--json").startswith('[{"id": "T-1"')


def test_nothing_that_anybody_wrote_can_steer_the_terminal(squad: Command) -> None:
    store = open_store(str(squad.home / "mission.db"))
    # Past the board, as a database from elsewhere may hold it.
    for column in ("title", "description", "reason", "legacy_id", "key"):
        ask(store, f"UPDATE task SET {column} = '{EVIL}'")
    ask(store, f"UPDATE agent SET role = '{EVIL}'")
    ask(store, f"UPDATE activity SET message = '{EVIL}', actor = '{EVIL}'")
    squad("routine", "add", "Again", "--every", "0 3 * * *", "--to", "ada", "--command", "true")
    squad("routine", "run", "R-1")
    ask(store, f"UPDATE routine SET title = '{EVIL}', description = '{EVIL}', fault = '{EVIL}'")
    store.close()
    squad("task", "comment", "1", EVIL)
    for words in (
        ["ls"],
        ["show", "1"],
        ["agent", "list"],
        ["agent", "show", "ada"],
        ["routine", "list"],
        ["routine", "show", "R-1"],
        ["show", "2"],
        ["standup"],
        ["status"],
        ["cancel", "1"],
    ):
        shown = on_terminal(squad, *words, NO_COLOR="1")
        for dangerous in ("\x1b]", "\x07", "\x9b", "\u202e", "owned", "\x1b[31m", "\x1b[2J"):
            assert dangerous not in shown, words
    assert "red back [bold]markup[/bold] :smile:" in on_terminal(squad, "ls", "--all", NO_COLOR="1")
    piped = squad("ls", "--all").out
    assert "\x1b" not in piped
    assert "\\x1b[31mred" in piped


def test_adding_tells_a_person_what_happens_next(squad: Command) -> None:
    shown = ESCAPE.sub("", on_terminal(squad, "add", "Next", "--to", "ada", "--command", "true", columns=200))
    assert shown.startswith("✓ T-2 added for ada: Next\n")
    assert "missionctl heartbeat ada" in shown
    assert "It runs nowhere yet" in on_terminal(squad, "add", "Nobody", columns=200)


def test_init_prints_the_next_steps(bare_missionctl: Command) -> None:
    shown = ESCAPE.sub("", on_terminal(bare_missionctl, "init", "new one", columns=200))
    assert "cd 'new one'" in shown
    assert "missionctl agent add" in shown


def test_deleting_asks_a_person(squad: Command) -> None:
    assert "[y/N]" in on_terminal(squad, "task", "delete", "1", typed="n\n")
    assert len(squad("ls", "--json").json) == 1
    on_terminal(squad, "task", "delete", "1", typed="y\n")
    assert squad("ls", "--json").json == []


def test_an_empty_board_says_what_to_do(missionctl: Command) -> None:
    assert "missionctl task add" in on_terminal(missionctl, "ls", "--all", columns=200)
    assert "missionctl agent add" in on_terminal(missionctl, "agent", "list", columns=200)


def test_waiting_for_a_task_that_is_blocked_does_not_look_like_success(squad: Command) -> None:
    squad("run", "--agent", "ada", "--", "false", expect=1)
    shown = ESCAPE.sub("", on_terminal(squad, "task", "wait", "T-2"))
    assert shown == "T-2   ■ blocked: 1 attempt failed, the last: exit status 1\n"


def test_a_heartbeat_says_when_nobody_is_due(bare_missionctl: Command) -> None:
    bare_missionctl("init", bare_missionctl.home)
    assert "missionctl agent add" in on_terminal(bare_missionctl, "heartbeat", "--all")
    assert "missionctl heartbeat --all" in on_terminal(bare_missionctl, "heartbeat")
    assert bare_missionctl("heartbeat").out == ""


def test_the_next_step_of_doctor_is_shown_in_full(squad: Command) -> None:
    squad("add", "Waits", "--to", "ada", "--command", "true", "--after", "T-1")
    squad("cancel", "T-1")
    shown = ESCAPE.sub("", on_terminal(squad, "doctor", columns=60))
    assert "…" not in shown
    assert "missionctl retry T-1" in " ".join(shown.split())


def test_the_counts_of_status_fit_into_eighty_columns(squad: Command) -> None:
    assert any("cancelled 0" in line for line in ESCAPE.sub("", on_terminal(squad, "status", columns=80)).splitlines())
