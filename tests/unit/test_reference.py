"""The reference pages say what the code does."""

from __future__ import annotations

import pytest

from mission_control.interfaces.cli.main import root
from support.every_command import every_command
from support.reference import FOLDER, pages

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_reference_page_is_as_the_code_is(page):
    assert page.read_text(encoding="utf-8") == PAGES[page], "run bin/reference"


def test_every_command_has_its_section():
    text = PAGES[FOLDER / "cli.md"]
    of_a_noun = [" ".join(path) for path, _ in every_command() if len(path) > 1]
    assert len(of_a_noun) > 20
    assert [name for name in of_a_noun if f"\n## {name}\n" not in text] == []
    alone = {path[0]: found for path, found in every_command() if len(path) == 1}
    by_a_shortcut = [name for name in alone if f" Also `{root.name} {name}`." in text]
    assert [name for name in alone if f"\n## {name}\n" not in text and name not in by_a_shortcut] == []


def test_every_setting_says_what_it_means():
    rows = [line for line in PAGES[FOLDER / "configuration.md"].splitlines() if line.startswith("| `")]
    assert len(rows) > 30
    assert [row for row in rows if row.endswith("|  |")] == []
