"""What an agent that asks for permission is told: allow, reject, or let a person be asked."""

from __future__ import annotations

import fnmatch
import glob
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from mission_control.folder import write_private

_YES = re.compile(r"\s*(yes|y|ok|okay|allow|allowed|approve|approved)\b", re.IGNORECASE)


class Permission(StrEnum):
    ALLOW = "allow"
    REJECT = "reject"
    ASK = "ask"


@dataclass(frozen=True)
class Rule:
    """For requests of this kind (null: any) whose title matches, as file names match: `*`, `?`, `[abc]`."""

    answer: Permission
    kind: str | None = (
        None  # as ACP has it: read, edit, delete, move, search, execute, think, fetch, switch_mode, other
    )
    title: str = "*"

    def covers(self, kind: str, title: str) -> bool:
        return self.kind in (None, kind) and fnmatch.fnmatchcase(title, self.title)


@dataclass(frozen=True)
class Request:
    """What a person was asked to decide; kept until the session is gone on with."""

    kind: str
    title: str

    @property
    def question(self) -> str:
        return f"May it {self.title!r} ({self.kind})? Only an answer that begins with yes allows it."

    def keep(self, file: Path) -> None:
        write_private(file, json.dumps(asdict(self)).encode())

    @classmethod
    def kept(cls, file: Path) -> Request | None:
        """The last that was kept there."""
        try:
            return cls(**json.loads(file.read_bytes()))
        except FileNotFoundError:
            return None


@dataclass(frozen=True)
class Policy:
    """The first rule that covers a request decides, else `otherwise`."""

    otherwise: Permission = Permission.ALLOW
    rules: Sequence[Rule] = ()

    def with_decision(self, request: Request, answer: str) -> Policy:
        """And what a person has decided of one request. Only a plain yes is one."""
        decision = Permission.ALLOW if _YES.match(answer) else Permission.REJECT
        return replace(self, rules=(Rule(decision, request.kind, glob.escape(request.title)), *self.rules))

    def answer(self, kind: str, title: str) -> Permission:
        return next((rule.answer for rule in self.rules if rule.covers(kind, title)), self.otherwise)
