"""`missionctl top` on a real terminal: it draws, follows what happens, and leaves the terminal as it was."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable

import pytest

from mission_control.store.schema import open_store
from support.command import Command
from support.database import ask
from support.eventually import eventually
from support.real_mission import AT_THE_GATE, RealMission
from support.terminal import ESCAPE, LiveView, live_view, on_terminal

EVIL = "\x1b]0;owned\x07\x1b[31mred\x1b[0m\x9b2J \u202eback [bold]markup[/bold] :smile:"
ALT_SCREEN, BACK, CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"


@pytest.fixture
def squad(missionctl: Command) -> Command:
    missionctl("agent", "add", "ada", "--role", "builds things")
    missionctl("add", "A first title", "--to", "ada", "--command", "true")
    return missionctl


def shows(view: LiveView, text: str) -> None:
    """Wait until the picture has it."""
    eventually(lambda: text in "\n".join(view.picture))


def drawn_with(view: LiveView, lines: int) -> None:
    """Wait until the picture has so many lines."""
    eventually(lambda: len(view.picture) == lines)


def test_it_draws_on_a_screen_of_its_own_and_q_gives_the_terminal_back(squad: Command) -> None:
    with live_view(squad, "top") as view:
        shows(view, "q ends this view")
        assert ALT_SCREEN in view.shown
        assert not view.echoes
        drawn_with(view, 24)
        for text in ("✓ healthy", "SQUAD 1", "builds things", "RUNNING 0", "○ T-1", "A first title", "LATELY", "added"):
            shows(view, text)
        view.type("q")
        assert view.process.wait(20) == 0
        assert view.shown.rpartition(ALT_SCREEN)[2].count(BACK) == 1
        assert CURSOR in view.shown.rpartition(ALT_SCREEN)[2]
        assert view.echoes


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda view: view.type("\x03"), 130),
        (lambda view: view.process.send_signal(signal.SIGTERM), 143),
        (lambda view: view.process.send_signal(signal.SIGHUP), 129),
    ],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP"],
)
def test_whatever_ends_it_leaves_the_terminal_in_order(
    squad: Command, end: Callable[[LiveView], None], code: int
) -> None:
    with live_view(squad, "top") as view:
        shows(view, "q ends this view")
        end(view)
        assert view.process.wait(20) == code
        assert BACK in view.shown
        assert "Traceback" not in view.shown
        assert view.echoes
    assert not list((squad.home / "run").glob("doorbell-*")), "its bell is taken down"


def test_it_looks_again_at_once_when_the_bell_rings(squad: Command) -> None:
    with live_view(squad, "top", "--refresh", "1h") as view:
        shows(view, "QUEUE 1")
        squad("add", "A second title", "--to", "ada", "--command", "true")
        shows(view, "A second title")
        shows(view, "QUEUE 2")


def test_it_looks_again_by_itself(squad: Command) -> None:
    with live_view(squad, "top", "--refresh", "200ms") as view:
        shows(view, "A first title")
        store = open_store(str(squad.home / "mission.db"))
        ask(store, "UPDATE task SET title = 'Changed without a ring'")
        store.close()
        shows(view, "Changed without a ring")


def test_it_follows_the_size_of_the_terminal(squad: Command) -> None:
    with live_view(squad, "top", "--refresh", "1h") as view:
        shows(view, "q ends this view")
        for columns, lines in ((140, 40), (40, 12), (20, 5), (80, 24)):
            view.resize(columns, lines)
            drawn_with(view, lines)
            assert all(len(line) <= columns for line in view.picture)
        shows(view, "A first title")


def elapsed_of(view: LiveView, name: str) -> str:
    """What stands behind the name of a running attempt."""
    return next((line.split()[1] for line in view.picture if line.startswith(name)), "")


def test_it_shows_what_runs_and_for_how_long(mission: RealMission) -> None:
    live = mission.start(AT_THE_GATE)
    with live_view(mission.command, "top") as view:
        shows(view, "RUNNING 1")
        first = eventually(lambda: elapsed_of(view, live.name))
        shows(view, "A real task")
        eventually(lambda: elapsed_of(view, live.name) not in ("", first))
        mission.open_gate()
        mission.ended(live)
        shows(view, "RUNNING 0")
        shows(view, "✓ succeeded")


def test_a_board_that_cannot_be_seen_for_a_moment_is_shown_as_it_was(squad: Command) -> None:
    database = squad.home / "mission.db"
    with live_view(squad, "top", "--refresh", "100ms") as view:
        shows(view, "A first title")
        store = open_store(str(database))
        ask(store, "ALTER TABLE agent RENAME TO elsewhere")
        store.close()
        shows(view, " old")
        assert any("A first title" in line for line in view.picture)
        store = open_store(str(database))
        ask(store, "ALTER TABLE elsewhere RENAME TO agent")
        store.close()
        shows(view, "✓ healthy")


def test_nothing_that_anybody_wrote_can_steer_the_terminal(squad: Command) -> None:
    store = open_store(str(squad.home / "mission.db"))
    for table, column in (("task", "title"), ("agent", "role"), ("activity", "message"), ("activity", "actor")):
        ask(store, f"UPDATE {table} SET {column} = '{EVIL}'")
    store.close()
    with live_view(squad, "top", columns=140, NO_COLOR="1") as view:
        shows(view, "red back [bold]markup[/bold] :smile:")
        for dangerous in ("\x1b]", "\x07", "\x9b", "\u202e", "owned", "\x1b[31m", "\x1b[2J"):
            assert dangerous not in view.shown


def test_colours_are_off_when_asked(squad: Command) -> None:
    for view_of in (live_view(squad, "top", NO_COLOR="1"), live_view(squad, "--no-color", "top")):
        with view_of as view:
            shows(view, "q ends this view")
            assert "\x1b[3" not in view.shown
    with live_view(squad, "top") as view:
        shows(view, "q ends this view")
        assert "\x1b[32m" in view.shown


def test_without_a_keyboard_it_still_draws(squad: Command) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    with live_view(squad, "top", stdin=nothing) as view:
        os.close(nothing)
        shows(view, "A first title")
        view.process.send_signal(signal.SIGINT)
        assert view.process.wait(20) == 130


def test_a_terminal_without_a_screen_gets_one_look(squad: Command) -> None:
    shown = on_terminal(squad, "top", TERM="dumb")
    assert not ESCAPE.search(shown)
    assert "A first title" in shown


def test_without_a_terminal_it_is_one_look(squad: Command) -> None:
    tables = squad("top").out.split("\n\n")
    assert [table.split("\t")[0] for table in tables] == ["status", "machine", "agent", "attempt", "id", "id"]
    assert "T-1\tinbox\tA first title\tada\t" in tables[4]
    document = squad("top", "--json").json
    assert [task["id"] for task in document["queue"]] == ["T-1"]
    assert document["activities"][-1]["kind"] == "added"
    assert json.loads(on_terminal(squad, "top", "--json"))["queue"] == document["queue"]


@pytest.mark.parametrize("refresh", ["1ms", "2h", "soon"])
def test_a_refresh_that_makes_no_sense_is_refused(squad: Command, refresh: str) -> None:
    assert squad("top", "--refresh", refresh, expect=2).out == ""
