"""The service as a property list of launchd. Sources: launchd.plist(5), launchctl(1)."""

from __future__ import annotations

import plistlib
import re
from pathlib import Path
from typing import Any

from mission_control.ops.service.seal import sealed
from mission_control.ops.service.supervisor import Said, State, Words
from mission_control.ops.service.wanted import Service


class Launchd:
    """The launchd of one user's session, or of the machine."""

    kind = "launchd"
    suffix = ".plist"
    file_mode = 0o644  # it refuses what others may write to

    def __init__(self, user_home: Path, uid: int, *, system: bool) -> None:
        self._domain = "system" if system else f"gui/{uid}"
        self.folder = Path("/Library/LaunchDaemons") if system else user_home / "Library" / "LaunchAgents"
        self.question: Words = ("launchctl", "print", self._domain)

    def text_of(self, service: Service) -> str:
        """The property list."""
        facts: dict[str, Any] = {
            "Label": service.name,
            "ProgramArguments": list(service.command),
            "EnvironmentVariables": {"PATH": service.search_path},
            "WorkingDirectory": str(service.home),
            "StandardOutPath": str(service.log),
            "StandardErrorPath": str(service.log),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},  # again after a failure, not after `down`
            "ThrottleInterval": 10,
            "ExitTimeOut": 30,
            "AbandonProcessGroup": True,  # executors live through its restart
            "Umask": 0o077,
        }
        if service.user is not None:
            facts["UserName"] = service.user
        text = plistlib.dumps(facts, sort_keys=False).decode()
        return sealed(text, service.home, above=2, opening="<!--", closing=" -->")  # below the two lines of XML itself

    def state_question(self, name: str) -> Words:
        return ("launchctl", "print", f"{self._domain}/{name}")

    def state(self, said: Said) -> State:
        if not said.is_good:
            return State(is_loaded=False, is_running=False, words="not loaded")
        found = re.search(r"^\s*state = (.+)$", said.text, re.MULTILINE)
        state = found[1].strip() if found else "nothing that can be understood"
        return State(is_loaded=True, is_running=state == "running", words=state)

    def starting(self, path: Path, state: State | None, *, replaced: bool) -> list[Words]:
        label = f"{self._domain}/{path.name.removesuffix(self.suffix)}"
        bootstrap = ("launchctl", "bootstrap", self._domain, str(path))
        enable = ("launchctl", "enable", label)  # somebody may have disabled it before
        if state is None or not state.is_loaded:
            return [enable, bootstrap]
        if replaced:
            return [("launchctl", "bootout", label), enable, bootstrap]
        return [("launchctl", "kickstart", label)]

    def stopping(self, name: str, state: State) -> list[Words]:
        return [("launchctl", "bootout", f"{self._domain}/{name}")] if state.is_loaded else []

    def forgetting(self, name: str, *, was_stopped: bool) -> list[Words]:
        return [] if was_stopped else [("launchctl", "bootout", f"{self._domain}/{name}")]

    def links(self, name: str) -> list[Path]:  # noqa: ARG002  it starts what lies in its folder
        return []
