"""Keys and given answers in the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mission_control.domain.access import AccessKey, KeyKind, Scope
from mission_control.store.store import Row, Store, instant


@dataclass(frozen=True)
class GivenAnswer:
    """What a request with an idempotency key was answered; `request` is the hash of what it asked."""

    request: str
    status: int
    body: str


def insert(
    store: Store,
    kind: KeyKind,
    *,
    name: str,
    scope: Scope,
    digest: str,
    created_by: str,
    now: datetime,
    expires_at: datetime | None,
    parent_id: int | None = None,
) -> None:
    """Raises Conflict when a token of this name is in use."""
    store.rows(
        "access.insert",
        kind=kind,
        name=name,
        scope=scope,
        hash=digest,
        created_by=created_by,
        created_at=now,
        expires_at=expires_at,
        parent_id=parent_id,
    )


def valid(store: Store, digest: str, *, now: datetime) -> AccessKey | None:
    """The key with this digest; null when there is none, or it is over."""
    row = store.row("access.valid", hash=digest, now=now)
    return None if row is None else _key(row)


def use_link(store: Store, digest: str, *, now: datetime) -> bool:
    """Use a link up; False when it was used, is too old or never was."""
    return store.row("access.use_link", hash=digest, now=now) is not None


def note_use(store: Store, key_id: int, *, now: datetime) -> None:
    store.rows("access.note_use", id=key_id, now=now)


def tokens(store: Store) -> list[AccessKey]:
    """Those in use, by name."""
    return [_key(row) for row in store.rows("access.tokens")]


def end_token(store: Store, name: str, *, now: datetime) -> bool:
    """False when no token of this name is in use."""
    return store.row("access.end_token", name=name, now=now) is not None


def end_key(store: Store, digest: str, *, now: datetime) -> bool:
    return store.row("access.end_key", hash=digest, now=now) is not None


def forget(store: Store, *, before: datetime) -> None:
    """Remove links and sessions that ended before then."""
    store.rows("access.forget", before=before)


def answer(store: Store, caller: str, key: str) -> GivenAnswer | None:
    row = store.row("access.answer", caller=caller, key=key)
    return None if row is None else GivenAnswer(row["request"], row["status"], row["body"])


def keep_answer(store: Store, caller: str, key: str, given: GivenAnswer, *, now: datetime) -> None:
    store.rows(
        "access.keep_answer",
        caller=caller,
        key=key,
        request=given.request,
        status=given.status,
        body=given.body,
        now=now,
    )


def forget_answers(store: Store, *, before: datetime) -> None:
    store.rows("access.forget_answers", before=before)


def _key(row: Row) -> AccessKey:
    created_at = instant(row["created_at"])
    assert created_at is not None
    return AccessKey(
        id=row["id"],
        kind=KeyKind(row["kind"]),
        name=row["name"],
        scope=Scope(row["scope"]),
        created_by=row["created_by"],
        created_at=created_at,
        expires_at=instant(row["expires_at"]),
        used_at=instant(row["used_at"]),
        ended_at=instant(row["ended_at"]),
    )
