"""What a notice says: to people in a few lines, to programs as JSON."""

from __future__ import annotations

from typing import Any

from mission_control.config import Config
from mission_control.domain.attempt import attempt_name
from mission_control.domain.notice import Notice, Topic
from mission_control.domain.task import task_name
from mission_control.store.sqlite import text_of_instant

MOST_CHARACTERS = 1_500  # of a text for people; many services cut at 2,000
_TYPES = {
    Topic.REVIEW: "task.review",
    Topic.BLOCKED: "task.blocked",
    Topic.QUESTION: "task.question",
    Topic.SILENT: "agent.silent",
    Topic.STANDUP: "standup.made",
}
_TEST = "notification.test"


def payload(notice: Notice, config: Config, *, is_test: bool = False) -> dict[str, Any]:
    """The body of a webhook. Keys may be added, never renamed."""
    news = notice.news
    has_attempt = news.task_id is not None and news.attempt is not None
    return {
        "type": _TEST if is_test else _TYPES[news.topic],
        "timestamp": text_of_instant(news.at),
        "data": {
            "mission": config.home.name,
            "host": config.host,
            "title": news.title or "",
            "text": news.text,
            "task": None if news.task_id is None else task_name(news.task_id),
            "attempt": attempt_name(news.task_id or 0, news.attempt or 0) if has_attempt else None,
            "agent": news.agent,
        },
    }


def subject(notice: Notice) -> str:
    """One line for people."""
    news = notice.news
    title = " ".join((news.title or "").split())
    task = f"{task_name(news.task_id)} {title}".rstrip() if news.task_id is not None else title
    match news.topic:
        case Topic.REVIEW:
            return f"To review: {task}"
        case Topic.BLOCKED:
            return f"Blocked: {task}"
        case Topic.QUESTION:
            return f"Question about {task}"
        case _:
            return task


def text(notice: Notice, config: Config) -> str:
    """The lines below the subject: what happened, and what to do."""
    news = notice.news
    said = news.text if len(news.text) <= MOST_CHARACTERS else f"{news.text[:MOST_CHARACTERS]}…"
    lines = [said, _step(notice), f"Mission {config.home.name} on {config.host}"]
    return "\n".join(line for line in lines if line)


def _step(notice: Notice) -> str:
    if notice.news.task_id is None:
        return "See: missionctl status" if notice.news.topic is Topic.SILENT else ""
    name = task_name(notice.news.task_id)
    match notice.news.topic:
        case Topic.REVIEW:
            return f"missionctl task approve {name}, or: missionctl task reject {name} WHY"
        case Topic.QUESTION:
            return f"missionctl task answer {name} TEXT"
        case _:
            return f"missionctl show {name}, then: missionctl retry {name}"
