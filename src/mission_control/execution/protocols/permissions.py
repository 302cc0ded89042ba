"""What an agent that asks for permission is told: allow, reject, or let a person be asked."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


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
class Policy:
    """The first rule that covers a request decides, else `otherwise`."""

    otherwise: Permission = Permission.ALLOW
    rules: Sequence[Rule] = ()

    def answer(self, kind: str, title: str) -> Permission:
        return next((rule.answer for rule in self.rules if rule.covers(kind, title)), self.otherwise)
