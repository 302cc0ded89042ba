"""Who may do what over the network: scopes, and the keys that carry them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What a key is good for; each includes those before it."""

    READ = "read"  # see everything
    AGENT = "agent"  # also add tasks and write into threads, as an agent does
    ADMIN = "admin"  # everything

    def includes(self, other: Scope) -> bool:
        """Whether who has this scope may do what needs the `other`.

        >>> Scope.ADMIN.includes(Scope.AGENT), Scope.READ.includes(Scope.AGENT)
        (True, False)
        """
        order = list(Scope)
        return order.index(self) >= order.index(other)


class KeyKind(StrEnum):
    """What kind of key somebody came with."""

    TOKEN = "token"  # noqa: S105  in a header, of a program
    LINK = "link"  # opens one session, once
    SESSION = "session"  # in a cookie, of a browser


@dataclass(frozen=True)
class AccessKey:
    """A key as it is kept: without its secret."""

    id: int
    kind: KeyKind
    name: str
    scope: Scope
    created_by: str
    created_at: datetime
    expires_at: datetime | None  # null: never
    used_at: datetime | None  # to the minute
    ended_at: datetime | None  # revoked, used up, logged out


@dataclass(frozen=True)
class Caller:
    """Who came with a valid key: their name stands in the history as the actor."""

    name: str
    scope: Scope
    kind: KeyKind

    @property
    def identity(self) -> str:
        """Tells two callers apart, also where a token has the name of a person."""
        return f"{self.kind} {self.name}"
