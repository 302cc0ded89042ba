"""A browser for all tests of a process, a visit for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.real_mission import RealMission
from support.web import Web

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from support.browser import Visit


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started by the first test that needs it; a loud skip where there is none."""
    from support.browser import chromium  # imported here: playwright is heavy

    with chromium() as browser:
        yield browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Web]:
    """A mission of its own with the server of its pages."""
    web = Web(RealMission(tmp_path / "mission"))
    yield web
    web.close()
    web.mission.close()


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visit]]:
    """Opens a browser at a site: `visit(site)`, `visit(site, is_phone=True, theme="dark")`."""
    from support.browser import Visit

    open_ones: list[Visit] = []

    def open_one(web: Web, **look: Any) -> Visit:
        open_ones.append(Visit(browser, web, **look))
        return open_ones[-1]

    yield open_one
    for visit in open_ones:
        visit.close()
