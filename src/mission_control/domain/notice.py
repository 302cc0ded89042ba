"""What people want to be told outside of the mission: topics, channels, news."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from mission_control.domain.attempt import Outcome
from mission_control.domain.history import Activity
from mission_control.domain.retry import RetryPolicy
from mission_control.domain.task import Status

ASKED = "asked"  # the kind of the activity with which an agent's question comes to the board
AGENT_SILENT = "agent_silent"
STANDUP_MADE = "standup"

# Ten seconds for a hiccup, up to an hour for a receiver that is down; an endless wait would tell yesterday's news.
RETRIES = RetryPolicy(base=timedelta(seconds=10), ceiling=timedelta(hours=1))


class Topic(StrEnum):
    """What a channel can be told about."""

    REVIEW = "review"  # work waits for a person's approval
    BLOCKED = "blocked"  # the attempts of a task are used up
    QUESTION = "question"  # an agent asks a person
    SILENT = "silent"  # an agent has had no heartbeat for three intervals
    STANDUP = "standup"  # a report was made


class ChannelKind(StrEnum):
    """How a channel is spoken to."""

    WEBHOOK = "webhook"  # a signed HTTP request of ours
    APPRISE = "apprise"  # whatever the library of that name can reach


@dataclass(frozen=True)
class Channel:
    """Where to tell it. `url` and `secret` are for the delivery alone."""

    id: int
    name: str
    kind: ChannelKind
    topics: tuple[Topic, ...]
    created_at: datetime
    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    last_delivered_at: datetime | None = None
    failing_since: datetime | None = None  # null: the last try went well, or there was none
    last_error: str | None = None
    waiting: int = 0  # notices that are still to be delivered


@dataclass(frozen=True)
class News:
    """Something that people may want to be told. A null title is the title of its task."""

    topic: Topic
    at: datetime
    text: str
    title: str | None = None
    task_id: int | None = None
    attempt: int | None = None
    agent: str | None = None


@dataclass(frozen=True)
class Notice:
    """News on their way to one channel. `tries` counts this one, and proves that it is the latest."""

    message_id: str
    channel: Channel
    news: News
    tries: int


def news_of(activity: Activity) -> News | None:
    """What a line of history tells people; null for most lines."""
    topic = _topic_of(activity)
    if topic is None:
        return None
    titles = {Topic.SILENT: f"{activity.agent} is silent", Topic.STANDUP: "Standup"}
    return News(
        topic=topic,
        at=activity.at,
        text=activity.message,
        title=titles.get(topic),
        task_id=activity.task_id,
        attempt=activity.attempt,
        agent=activity.agent,
    )


def _topic_of(activity: Activity) -> Topic | None:
    if activity.kind == ASKED:
        return Topic.QUESTION
    if activity.kind == AGENT_SILENT:
        return Topic.SILENT
    if activity.kind == STANDUP_MADE:
        return Topic.STANDUP
    if activity.from_status is None:  # no move: added, imported, a word in a thread
        return None
    if activity.to_status is Status.REVIEW:
        return Topic.REVIEW
    # An attempt that its agent gave back blocks its task only because of a question, which was told when it was asked.
    if activity.to_status is Status.BLOCKED and activity.kind != Outcome.RELEASED:
        return Topic.BLOCKED
    return None


def shown_url(kind: ChannelKind, url: str) -> str:
    """As much of an address as may be seen: the host of a webhook, of others the service alone.

    >>> shown_url(ChannelKind.WEBHOOK, "https://user:pass@example.com:8443/hooks/secret?token=1")
    'https://example.com:8443/•••'
    >>> shown_url(ChannelKind.APPRISE, "tgram://123456:token/chat")
    'tgram://•••'
    """
    scheme, _, rest = url.partition("://")
    if kind is ChannelKind.APPRISE:
        return f"{scheme}://•••"
    host = rest.partition("/")[0].partition("?")[0].partition("#")[0].rpartition("@")[2]
    return f"{scheme}://{host}/•••"
