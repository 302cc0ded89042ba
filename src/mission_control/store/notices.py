"""Channels, the outbox and silences in the store."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime

from mission_control.domain.notice import Channel, ChannelKind, News, Notice, Topic
from mission_control.store.store import Row, Store, instant


def channels(store: Store) -> list[Channel]:
    """All, by name, with what waits for each."""
    return [_channel(store, row) for row in store.rows("notice.channels")]


def add_channel(store: Store, channel: Channel) -> Channel:
    """With its id. Raises Conflict when there is one of this name."""
    row = store.row(
        "notice.add_channel",
        name=channel.name,
        kind=channel.kind,
        url=channel.url,
        secret=channel.secret,
        created_at=channel.created_at,
    )
    assert row is not None
    for topic in channel.topics:
        store.rows("notice.add_topic", topic=topic, channel_id=row["id"])
    return replace(channel, id=row["id"])


def remove_channel(store: Store, name: str) -> bool:
    """With what waits for it; False when there is none of this name."""
    return store.row("notice.remove_channel", name=name) is not None


def new_message_id() -> str:
    """By which receivers know a message that they had before."""
    return f"msg_{os.urandom(12).hex()}"


def enqueue(store: Store, news: News) -> None:
    """Leave it for every channel that wants to hear of it; in the transaction of what it tells."""
    store.rows(
        "notice.enqueue",
        message_id=new_message_id(),
        topic=news.topic,
        at=news.at,
        task_id=news.task_id,
        attempt=news.attempt,
        agent=news.agent,
        title=news.title,
        text=news.text,
    )


def take_due(store: Store, *, now: datetime, latest: datetime, until: datetime) -> Notice | None:
    """The next notice, which nobody else takes before `until`; inside a transaction. None is due after `latest`."""
    row = store.row("notice.next_due", now=now, latest=latest)
    if row is None:
        return None
    store.rows("notice.take", message_id=row["message_id"], channel_id=row["channel_id"], until=until)
    channel = store.row("notice.channel", id=row["channel_id"])
    assert channel is not None
    at = instant(row["at"])
    assert at is not None
    news = News(
        topic=Topic(row["topic"]),
        at=at,
        text=row["text"],
        title=row["title"],
        task_id=row["task_id"],
        attempt=row["attempt"],
        agent=row["agent"],
    )
    return Notice(row["message_id"], _channel(store, channel), news, row["tries"] + 1)


def is_any_due(store: Store, *, now: datetime, latest: datetime) -> bool:
    return store.row("notice.is_any_due", now=now, latest=latest) is not None


def put_off(store: Store, notice: Notice, due_at: datetime) -> bool:
    """False when somebody else has tried it since, or it is gone."""
    found = store.row(
        "notice.put_off",
        message_id=notice.message_id,
        channel_id=notice.channel.id,
        tries=notice.tries,
        due_at=due_at,
    )
    return found is not None


def pause_channel(store: Store, channel: Channel, *, now: datetime, until: datetime) -> None:
    """Put off what is due for it, without counting a try."""
    store.rows("notice.pause_channel", channel_id=channel.id, now=now, until=until)


def drop(store: Store, notice: Notice) -> bool:
    """Take it out of the outbox; False when it is gone already."""
    return store.row("notice.drop", message_id=notice.message_id, channel_id=notice.channel.id) is not None


def note_success(store: Store, channel: Channel, now: datetime) -> None:
    store.rows("notice.channel_works", id=channel.id, now=now)


def note_failure(store: Store, channel: Channel, error: str, now: datetime) -> None:
    store.rows("notice.channel_fails", id=channel.id, error=error, now=now)


def note_silence(store: Store, agent: str, since: datetime, now: datetime) -> bool:
    """Whether this silence was not known before."""
    return store.row("notice.note_silence", agent=agent, since=since, now=now) is not None


def tell_silence(store: Store, agent: str, since: datetime, *, seen_before: datetime) -> bool:
    """True for the one who is to tell it: once for each silence, and not before it was seen for a while."""
    return store.row("notice.tell_silence", agent=agent, since=since, seen_before=seen_before) is not None


def _channel(store: Store, row: Row) -> Channel:
    created_at = instant(row["created_at"])
    assert created_at is not None
    wanted = {found["topic"] for found in store.rows("notice.topics", channel_id=row["id"])}
    return Channel(
        id=row["id"],
        name=row["name"],
        kind=ChannelKind(row["kind"]),
        topics=tuple(topic for topic in Topic if topic in wanted),
        created_at=created_at,
        url=row["url"],
        secret=row["secret"],
        last_delivered_at=instant(row["last_delivered_at"]),
        failing_since=instant(row["failing_since"]),
        last_error=row["last_error"],
        waiting=row["waiting"],
    )
