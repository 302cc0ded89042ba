"""The pages below docs/: their shell commands work as they stand, their links lead somewhere, none is left out.

A block that nobody can carry out here has a line above it: `<!-- shown only: why -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import SCRIPTS, Command
from support.crontab import fake_crontab
from support.pages import DOCS, ROOT, shell_blocks
from support.terminal import on_terminal

ELSEWHERE = {"operations-plan.md": "test_operations_plan.py carries it out step by step"}
PAGES = sorted(DOCS.rglob("*.md"))
PAGES_AND_MORE = [*PAGES, *sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("examples/**/*.md"))]
TO_BE_CARRIED_OUT = [
    page
    for page in PAGES
    if page.name not in ELSEWHERE
    and any(block.shown_only is None for block in shell_blocks(page.read_text(encoding="utf-8")))
]
SUPERVISORS = ("systemctl", "launchctl")  # not those of whoever runs the tests
YES = "y\n" * 20


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def missionctl(tmp_path: Path) -> Iterator[Command]:
    """A person's home with a mission in it, the folder of an old system, and a crontab that is nobody's."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "old").symlink_to(ROOT / "examples" / "legacy")
    crontab = fake_crontab(tmp_path / "crontab")
    for name in SUPERVISORS:
        (crontab.folder / name).write_text("#!/bin/sh\necho 'no bus' >&2\nexit 1\n")
        (crontab.folder / name).chmod(0o755)
    made = Command(home / "my-mission", {"PATH": f"{crontab.folder}:{SCRIPTS}:/usr/bin:/bin"})
    made("init", made.home, "--squad", "demo")
    yield made
    for settings in home.glob("*/mission.toml"):
        made("--home", settings.parent, "down", "--stop")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", TO_BE_CARRIED_OUT, ids=name_of)
def test_the_commands_of_a_page_work_as_they_stand(page: Path, missionctl: Command, tmp_path: Path) -> None:
    """On a terminal, in one shell, from the first to the last; questions are answered with yes."""
    blocks = shell_blocks(page.read_text(encoding="utf-8"))
    script = tmp_path / "page.sh"
    script.write_text("".join(block.text for block in blocks if block.shown_only is None))
    on_terminal(missionctl, "-eux", script, typed=YES, program=Path("/bin/sh"), expect=0)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_block_that_is_only_shown_says_why(page: Path) -> None:
    shown = [block for block in shell_blocks(page.read_text(encoding="utf-8")) if block.shown_only is not None]
    assert [block for block in shown if len(block.shown_only or "") < len("needs root")] == []


@pytest.mark.parametrize("page", PAGES_AND_MORE, ids=name_of)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    inside = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in inside if not leads_somewhere(page, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return anchor in {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_page_is_named_by_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    named = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#]+)\)", index)}
    ours = {page for page in PAGES if page.name != "README.md" and page.parent.name != "decisions"}
    assert ours - named == set()
