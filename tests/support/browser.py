"""A person at a browser: Debian's Chromium, which must have had nothing to complain about at the end of each visit."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, sync_playwright

from support.web import Web

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 800}
PATIENCE_MILLISECONDS = 20_000
AXE = Path(__file__).parent / "axe" / "axe.min.js"
GRAVE = ("serious", "critical")


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser; each visit has a profile of its own in it."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("There is no Chromium here, and CI must test the pages: apt-get install chromium")
        pytest.skip("There is no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """A browser that is logged in. `go` opens a page; `complaints` is what the browser found wrong."""

    def __init__(
        self, browser: Browser, web: Web, *, is_phone: bool = False, theme: Literal["light", "dark"] = "light"
    ) -> None:
        self.web = web
        self.complaints: list[str] = []
        self._may_fail = False
        self._context: BrowserContext = browser.new_context(
            base_url=web.base_url,
            viewport=PHONE if is_phone else DESK,
            color_scheme=theme,
            reduced_motion="reduce",
            has_touch=is_phone,
        )
        self._context.set_default_timeout(PATIENCE_MILLISECONDS)
        self._context.grant_permissions(["clipboard-read", "clipboard-write"], origin=web.base_url)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.goto(web.login_link(), wait_until="domcontentloaded")

    def go(self, path: str) -> Page:
        """Open a page of the mission. It is never idle: its stream of events stays open."""
        self.page.goto(path, wait_until="domcontentloaded")
        return self.page

    def wait_until_live(self) -> None:
        """Until the page hears of what happens."""
        self.page.locator("#live[data-state=live]").wait_for()

    def may_be_refused(self) -> None:
        """From here on the server may refuse, or be away; browsers write that to the console, whoever handles it."""
        self._may_fail = True

    def grave_findings(self, *rules: str) -> list[str]:
        """What axe finds seriously wrong for people with disabilities, by these rules or by all."""
        self.page.evaluate(AXE.read_text())  # not as a script of the page: its policy allows none
        options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
        found: Any = self.page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{violation['id']}: {json.dumps(node['target'])} {node['failureSummary']}"
            for violation in found["violations"]
            if violation["impact"] in GRAVE
            for node in violation["nodes"][:3]
        ]

    def is_too_wide(self) -> bool:
        """Whether the page can be pushed sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def close(self) -> None:
        self._context.close()
        assert self.complaints == []

    def _heard(self, message: ConsoleMessage) -> None:
        is_refusal = re.search(r"Failed to load resource|net::ERR_|EventSource", message.text)
        if message.type in ("error", "warning") and not (self._may_fail and is_refusal):
            self.complaints.append(f"{message.type}: {message.text}")
