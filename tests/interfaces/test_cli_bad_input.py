"""Bad input of every kind: exit 2, one clear line, nothing on standard output, and nothing changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mission_control.domain import limits
from mission_control.store.schema import open_store
from support.command import Command
from support.database import everything

ADD = ("task", "add", "--to", "ada", "--command", "true")


@pytest.fixture(scope="module")
def mission(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """One mission for all: nothing here may change it."""
    command = Command(tmp_path_factory.mktemp("bad-input") / "mission")
    command("init", command.home)
    command("agent", "add", "ada")
    command(*ADD, "There already")
    return command


BAD: dict[str, tuple[object, ...]] = {
    "no title": ADD,
    "empty title": (*ADD, ""),
    "blank title": (*ADD, "  "),
    "long title": (*ADD, "x" * (limits.TITLE_CHARACTERS + 1)),
    "title of two lines": (*ADD, "a\nb"),
    "title with an escape sequence": (*ADD, "a\x1b[31mb"),
    "title with a C1 control": (*ADD, "a\x9bb"),
    "two titles": (*ADD, "a", "b"),
    "empty command": ("task", "add", "X", "--to", "ada", "--command", " "),
    "long command": ("task", "add", "X", "--to", "ada", "--command", "x" * (limits.COMMAND_BYTES + 1)),
    "agent with a space": (*ADD, "X", "--to", "No Name"),
    "agent in capitals": (*ADD, "X", "--to", "Ada"),
    "agent like an option": (*ADD, "X", "--to=-rf"),
    "agent out of the folder": (*ADD, "X", "--to", "../ada"),
    "empty agent in a list": (*ADD, "X", "--to", "ada,"),
    "unknown priority": (*ADD, "X", "--priority", "soon"),
    "no attempts": (*ADD, "X", "--max-attempts", "0"),
    "too many attempts": (*ADD, "X", "--max-attempts", "101"),
    "attempts in words": (*ADD, "X", "--max-attempts", "many"),
    "attempts without end": (*ADD, "X", "--max-attempts", "9" * 5000),
    "no time": (*ADD, "X", "--timeout", "0"),
    "negative time": (*ADD, "X", "--timeout=-5"),
    "too much time": (*ADD, "X", "--timeout", "31d"),
    "time in words": (*ADD, "X", "--timeout", "long"),
    "time that is no number": (*ADD, "X", "--timeout", "nan"),
    "moment in words": (*ADD, "X", "--not-before", "tomorrow"),
    "moment out of range": (*ADD, "X", "--not-before", "9999-12-31T23:59:59-23:00"),
    "empty key": (*ADD, "X", "--key", ""),
    "long key": (*ADD, "X", "--key", "k" * (limits.KEY_CHARACTERS + 1)),
    "predecessor that is no id": (*ADD, "X", "--after", "two words"),
    "edit to a bad title": ("task", "edit", "1", "--title", "a\nb"),
    "edit to no time": ("task", "edit", "1", "--timeout", "0"),
    "edit nothing": ("task", "edit", "1"),
    "empty comment": ("task", "comment", "1", " "),
    "empty answer": ("task", "comment", "1", ""),
    "comment by nobody": ("task", "comment", "1", "text", "--as", "No Name"),
    "id of nothing": ("task", "show", ""),
    "id of two words": ("task", "show", "T 1"),
    "move to nowhere": ("task", "move", "1", "nowhere"),
    "list of nothing": ("task", "list", "--limit", "0"),
    "list without end": ("task", "list", "--limit", "9" * 30),
    "unknown status": ("task", "list", "--status", "open"),
    "bad agent name": ("agent", "add", "Samurai Jack"),
    "agent name like an option": ("agent", "add", "--", "-x"),
    "long agent name": ("agent", "add", "a" * 65),
    "unknown runner": ("agent", "add", "eve", "--runner", "magic"),
    "no slots": ("agent", "add", "eve", "--slots", "0"),
    "bad schedule": ("agent", "add", "eve", "--schedule", "every day"),
    "schedule that never comes": ("agent", "add", "eve", "--schedule", "0 0 31 2 *"),
    "long role": ("agent", "add", "eve", "--role", "x" * 501),
    "edit no agent field": ("agent", "edit", "ada"),
    "unknown squad": ("init", "elsewhere", "--squad", "x"),
    "unknown shell": ("completion", "tcsh"),
}


@pytest.mark.parametrize("words", BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_with_one_line_and_changes_nothing(mission: Command, words: tuple[object, ...]) -> None:
    before = _board(mission.home)
    answer = mission(*words, expect=2)
    assert answer.out == ""
    assert answer.err.startswith("missionctl: ")
    assert answer.err.count("\n") == 1
    assert answer.err.rstrip("\n").isprintable()
    assert len(answer.err) < 600
    assert _board(mission.home) == before


@pytest.mark.parametrize("text", [b"caf\xe9", b"a\0b", b"x" * (limits.TEXT_BYTES + 1)], ids=["latin-1", "nul", "long"])
@pytest.mark.parametrize(
    "words", [(*ADD, "X", "--description", "-"), ("task", "comment", "1", "-")], ids=["description", "comment"]
)
def test_bad_standard_input_is_refused(mission: Command, words: tuple[object, ...], text: bytes) -> None:
    before = _board(mission.home)
    answer = mission(*words, stdin=text, expect=2)
    assert answer.err.count("\n") == 1
    assert _board(mission.home) == before


def _board(home: Path) -> object:
    store = open_store(str(home / "mission.db"))
    try:
        return everything(store)
    finally:
        store.close()
