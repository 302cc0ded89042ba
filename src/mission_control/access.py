"""Who comes over the network: tokens of programs, one-time links and sessions of people. One method, one transaction.

A secret is told once and never kept: the store has its SHA-256, by which it is found again. With 256 bits of chance
neither guessing nor measuring how long the look-up takes leads anywhere.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mission_control.clock import Clock
from mission_control.domain import limits
from mission_control.domain.access import AccessKey, Caller, KeyKind, Scope
from mission_control.domain.history import Activity
from mission_control.errors import Conflict, InvalidInput, NotFound
from mission_control.store import access, history
from mission_control.store.access import GivenAnswer
from mission_control.store.store import Store

LINK_LIFE = timedelta(hours=1)
SESSION_LIFE = timedelta(days=30)
USE_IS_NOTED_EVERY = timedelta(minutes=1)
ANSWER_LIFE = timedelta(days=1)
MOST_LIFE = timedelta(days=3660)
SECRET_BYTES = 32
_PREFIX = {KeyKind.TOKEN: "mct_", KeyKind.LINK: "mcl_", KeyKind.SESSION: "mcs_"}  # so that leaks can be searched for


@dataclass(frozen=True)
class Session:
    """A browser that has logged in; its secret is told once."""

    secret: str
    caller: Caller


class Access:
    """Every change to keys. Raises InvalidInput, NotFound or Conflict and then has changed nothing."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    # Tokens of programs

    def add_token(self, name: str, scope: Scope, *, actor: str, life: timedelta | None = None) -> tuple[AccessKey, str]:
        """A new token and its secret, which nobody can be told again. `life` null: until it is revoked."""
        if life is not None and not timedelta(0) < life <= MOST_LIFE:
            raise InvalidInput(f"A token lives for more than nothing and at most {MOST_LIFE.days} days.")
        name = limits.agent_name(name)
        with self._store.transaction():
            self._store.hold(f"token {name}")
            if any(token.name == name for token in access.tokens(self._store)):
                raise Conflict(
                    f"There is a token {name} already. Take another name, or: missionctl token revoke {name}"
                )
            secret = self._insert(KeyKind.TOKEN, name, scope, actor, life)
            self._note("token_added", actor, f"{name}, {scope}")
            return self._found(secret), secret

    def tokens(self) -> list[AccessKey]:
        """Those in use, by name; expired ones too, until they are revoked."""
        return access.tokens(self._store)

    def revoke(self, name: str, *, actor: str) -> None:
        """End a token, with the sessions that were opened with it, at once."""
        with self._store.transaction():
            if not access.end_token(self._store, name, now=self._clock.now()):
                raise NotFound(f"There is no token {name!a}. See: missionctl token list")
            self._note("token_revoked", actor, name)

    # Sessions of people

    def make_link(self, *, actor: str) -> str:
        """The secret of a link that logs one browser in, once, within the hour."""
        with self._store.transaction():
            access.forget(self._store, before=self._clock.now() - LINK_LIFE)
            return self._insert(KeyKind.LINK, actor, Scope.ADMIN, actor, LINK_LIFE)

    def log_in(self, secret: str) -> Session | None:
        """A session for who has a link, which is used up, or a token; null for everything else."""
        now, digest = self._clock.now(), _digest(secret)
        with self._store.transaction():
            key = access.valid(self._store, digest, now=now)
            match None if key is None else key.kind:
                case KeyKind.LINK if access.use_link(self._store, digest, now=now):
                    parent = None
                case KeyKind.TOKEN:
                    parent = key
                case _:
                    return None
            assert key is not None
            opened = self._insert(KeyKind.SESSION, key.name, key.scope, key.name, SESSION_LIFE, parent=parent)
            self._note("logged_in", key.name, f"by {key.kind}")
            return Session(opened, Caller(key.name, key.scope, KeyKind.SESSION))

    def log_out(self, secret: str) -> None:
        """End a session; one that is over stays so."""
        with self._store.transaction():
            access.end_key(self._store, _digest(secret), now=self._clock.now())

    # Who is there

    def caller(self, secret: str, *kinds: KeyKind) -> Caller | None:
        """Who comes with this secret of one of these kinds; null when it is none of ours, or over.

        Asked anew for each request, so that a revoked key is refused at once.
        """
        now = self._clock.now()
        key = access.valid(self._store, _digest(secret), now=now)
        if key is None or key.kind not in kinds:
            return None
        if key.used_at is None or now - key.used_at > USE_IS_NOTED_EVERY:
            with self._store.transaction(durable=False):
                access.note_use(self._store, key.id, now=now)
        return Caller(key.name, key.scope, key.kind)

    # Requests that are repeated

    def once(
        self, caller: Caller, key: str, asked: bytes, work: Callable[[], tuple[int, str]]
    ) -> tuple[GivenAnswer, bool]:
        """What `work` answers (status and body), or answered when the same was asked with this key within a day.

        The change and its answer are one transaction: whoever asks again after a crash gets one or both or neither.
        The second value says whether the answer was given before. Raises Conflict when something else was asked
        with this key. What `work` raises is kept by nobody.
        """
        key = limits.key(key)
        request = hashlib.sha256(asked).hexdigest()
        with self._store.transaction():
            self._store.hold(f"answer {caller.identity} {key}")
            known = access.answer(self._store, caller.identity, key)
            if known is not None:
                if known.request != request:
                    raise Conflict(
                        "This idempotency key was used for another request. Take a new key for a new request."
                    )
                return known, True
            status, body = work()
            given = GivenAnswer(request, status, body)
            now = self._clock.now()
            access.forget_answers(self._store, before=now - ANSWER_LIFE)
            access.keep_answer(self._store, caller.identity, key, given, now=now)
            return given, False

    def _insert(
        self,
        kind: KeyKind,
        name: str,
        scope: Scope,
        actor: str,
        life: timedelta | None,
        *,
        parent: AccessKey | None = None,
    ) -> str:
        secret = _PREFIX[kind] + secrets.token_urlsafe(SECRET_BYTES)
        now = self._clock.now()
        access.insert(
            self._store,
            kind,
            name=name,
            scope=scope,
            digest=_digest(secret),
            created_by=actor,
            now=now,
            expires_at=_end(now, life),
            parent_id=None if parent is None else parent.id,
        )
        return secret

    def _found(self, secret: str) -> AccessKey:
        key = access.valid(self._store, _digest(secret), now=self._clock.now())
        assert key is not None
        return key

    def _note(self, kind: str, actor: str, message: str) -> None:
        history.append(self._store, Activity(at=self._clock.now(), kind=kind, actor=actor, message=message))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _end(now: datetime, life: timedelta | None) -> datetime | None:
    return None if life is None else now + life
