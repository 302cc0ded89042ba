"""The real server of the pages and the API in a process of its own, and clients that come to it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from mission_control.dispatcher.web import MODULE
from mission_control.domain.access import Scope
from mission_control.interfaces.web.gate import csrf_token
from support.factories import PERSON
from support.real_mission import RealMission

END_SECONDS = 20


class Web:
    """A server for one mission. `client` is a browser of a person who has logged in."""

    def __init__(self, mission: RealMission) -> None:
        self.mission = mission
        self._log = mission.folder.web_log
        self._log.parent.mkdir(exist_ok=True)
        self.start_server()
        self.client = self.log_in()
        self.every_right = self.token()

    def start_server(self, port: int = 0) -> None:
        """At this port; 0: a free one."""
        with _at_port(port) as listening, self._log.open("ab") as log:
            self.port = int(listening.getsockname()[1])
            descriptor = listening.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE, str(self.mission.home), "here", str(descriptor)],
                stdin=subprocess.PIPE,
                stderr=log,
                env=self.mission.command._environment(),
                pass_fds=[descriptor],
            )
        self.base_url = f"http://127.0.0.1:{self.port}"

    def end_server(self) -> None:
        """As `up` does when it is killed: the pipe ends."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(END_SECONDS)

    @property
    def pid(self) -> int:
        return self._process.pid

    def login_link(self) -> str:
        """What `missionctl web link` prints, for a browser to open."""
        return f"{self.base_url}/login?link={self.mission.opened.access.make_link(actor=PERSON)}"

    def anonymous(self, **headers: str) -> httpx.Client:
        """Somebody without a key."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Client(base_url=self.base_url, headers=names, trust_env=False, timeout=30)

    def log_in(self) -> httpx.Client:
        """One more browser that is logged in, and sends with each change what a page of ours sends."""
        with self.anonymous() as arriving:
            answer = arriving.get(self.login_link())
            assert answer.status_code == 303, answer.text
            (cookie,) = arriving.cookies.jar
        client = self.anonymous(Origin=self.base_url, X_CSRF_Token=csrf_token(cookie.value or ""))
        client.cookies = arriving.cookies
        return client

    def program(self, scope: Scope = Scope.ADMIN) -> httpx.Client:
        """A program with a token of this scope."""
        return self.anonymous(Authorization=f"Bearer {self.token(scope)}")

    def token(self, scope: Scope = Scope.ADMIN) -> str:
        """A new token of this scope."""
        count = len(self.mission.opened.access.tokens())
        return self.mission.opened.access.add_token(f"{scope}-{count}", scope, actor=PERSON)[1]

    def complaints(self) -> str:
        """What the server has written into its log."""
        return self._log.read_text()

    def close(self) -> None:
        """End it. It must have had nothing to complain about."""
        self.client.close()
        self.end_server()
        assert self.complaints() == ""


def mission_and_web(folder: Path) -> Web:
    """A new mission with a server; whoever makes it closes the server, then the mission."""
    return Web(RealMission(folder / "mission"))


def _at_port(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen()
    return listening


def words_of(page: str) -> str:
    """The text of a page, without its tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())
