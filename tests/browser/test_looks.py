"""Every page in light and dark, at a desk and on a phone: readable for everybody, never wider than the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import pytest

from support.browser import Visit
from support.real_mission import RealMission
from support.web import Web

PAGES = [
    "/",
    "/inbox",
    "/agents",
    "/agents/ada",
    "/activity",
    "/stats",
    "/health",
    "/standup",
    "/new",
    "/t/1",
    "/t/2",
    "/?cancelled=1",
]
HOSTILE = "<img src=x onerror='window.hacked=1'>" + "W" * 120
Open = Callable[..., Visit]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A mission in which there is something of everything, some of it hostile and some of it very long."""
    mission = RealMission(tmp_path_factory.mktemp("looks") / "mission")
    for command, more in (("echo 'a line'; exit 1", {"max_attempts": 2}), ("true", {"review": True}), ("true", {})):
        mission.add(command, to="ada", description=f"{HOSTILE}\n\n- *one*\n- `two`", **more)
    mission.add("true", to="ada", after=[1])
    mission.board.edit(2, {"title": HOSTILE}, actor="tester")
    mission.board.comment(1, f"[x](javascript:alert(1)) {HOSTILE}", actor="tester")
    mission.beat()
    mission.beat()
    web = Web(mission)
    yield web
    web.close()
    mission.close()


@pytest.mark.parametrize(("theme", "rules"), [("light", ()), ("dark", ("color-contrast",))])
def test_every_page_can_be_used_by_everybody(
    site: Web, visit: Open, theme: Literal["light", "dark"], rules: tuple[str, ...]
) -> None:
    person = visit(site, theme=theme)
    found: dict[str, list[str]] = {}
    for path in PAGES:
        page = person.go(path)
        page.locator("#live[data-state=live]").wait_for()
        found[path] = person.grave_findings(*rules)
        assert page.evaluate("window.hacked") is None
    person.go("/")
    person.page.keyboard.press("n")
    found["new task"] = person.grave_findings(*rules)
    assert found == {path: [] for path in found}


def test_no_page_is_wider_than_a_phone(site: Web, visit: Open) -> None:
    person = visit(site, is_phone=True)
    too_wide = [path for path in PAGES if person.go(path) and person.is_too_wide()]
    assert too_wide == []


def test_on_a_phone_a_card_is_moved_by_its_menu(site: Web, visit: Open) -> None:
    person = visit(site, is_phone=True)
    page = person.go("/")
    page.get_by_role("button", name="Move T-3").click()
    page.get_by_role("button", name="Retry: back to the inbox").click()
    page.locator("#column-inbox #card-3").wait_for(state="attached")
    page.get_by_role("button", name="Move T-3").click()
    page.get_by_role("button", name="Cancel c").click()
    page.locator("#card-3").wait_for(state="detached")
