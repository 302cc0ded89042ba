"""Keeping a prompt within its size: what is cut first, and that the prompt says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mission_control.errors import InvalidInput
from mission_control.execution.prompting.story import Entry, Story

LEAST_CHARACTERS = 200  # a text that would be shorter is left out
_MARGIN = 300  # for the words that say that something was cut

# First what is missed least. The title, how to report and what is data are never cut.
ORDER: tuple[tuple[str, str], ...] = (
    ("mentions", "mentions in other threads"),
    ("yesterday", "yesterday's notes"),
    ("tried", "how earlier attempts ended"),
    ("thread", "the thread, oldest entries first"),
    ("answers", "results of earlier tasks"),
    ("today", "today's notes"),
    ("instructions", "AGENTS.md and HEARTBEAT.md"),
    ("working", "WORKING.md"),
    ("soul", "SOUL.md"),
    ("command", "the command"),
    ("description", "the description"),
)


def fit(story: Story, render: Callable[[Story], str], most: int) -> str:
    """The rendered story in at most `most` characters. Raises InvalidInput when the template alone is longer."""
    text = render(story)
    for name, words in ORDER:
        if len(text) <= most:
            break
        if getattr(story, name):
            excess = len(text) - most + _MARGIN
            shorter: dict[str, Any] = {name: _shorter(name, getattr(story, name), excess)}
            story = replace(story, cut=(*story.cut, words), **shorter)
            text = render(story)
    if len(text) > most:
        raise InvalidInput(
            f"The prompt has {len(text):,} characters though all that may be cut was cut; {most:,} are allowed. "
            "Shorten its template, or raise max_prompt_characters."
        )
    return text


def _shorter(name: str, value: str | tuple[Entry, ...], excess: int) -> str | tuple[Entry, ...]:
    if isinstance(value, str):
        return shorten(value, excess)
    return _shares(value, excess) if name == "answers" else _without_oldest(value, excess)


def shorten(text: str, excess: int) -> str:
    """The beginning of the text, shorter by at least `excess`, with a mark where it ends."""
    left = len(text) - excess
    if left < LEAST_CHARACTERS:
        return ""
    return f"{text[:left]}\n[… {len(text) - left:,} more characters cut here …]"


def _without_oldest(entries: tuple[Entry, ...], excess: int) -> tuple[Entry, ...]:
    """Without so many of the oldest as is enough; the newest stays, if need be shortened."""
    *old, newest = entries
    while old and excess > 0:
        excess -= len(old[0].text) + len(old[0].label)
        old = old[1:]
    if excess > 0:
        newest = replace(newest, text=shorten(newest.text, excess) or "[… cut …]")
    return (*old, newest)


def _shares(entries: tuple[Entry, ...], excess: int) -> tuple[Entry, ...]:
    """Each shorter in proportion to its length, for none is older than another."""
    total = sum(len(entry.text) for entry in entries) or 1
    marks = 50 * len(entries)
    return tuple(
        replace(entry, text=shorten(entry.text, -(-len(entry.text) * (excess + marks) // total)) or "[… cut …]")
        if entry.text
        else entry
        for entry in entries
    )
