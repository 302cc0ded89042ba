"""What input from outside may look like. Every check returns the value to store, or raises InvalidInput."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

from mission_control.domain.key import without_keys
from mission_control.errors import InvalidInput

TITLE_CHARACTERS = 500
TEXT_BYTES = 1_000_000  # descriptions, comments
COMMAND_BYTES = 100_000
ERROR_CHARACTERS = 2_000
ANSWER_CHARACTERS = 32_000  # on the board; the whole answer stays in the attempt's folder
KEY_CHARACTERS = 200
MAX_ATTEMPTS = 100
MAX_SLOTS = 1000
MAX_TIMEOUT = timedelta(days=30)
MAX_DELAY = timedelta(days=3660)
MAX_AGENTS_PER_TASK = 50
MAX_PREDECESSORS = 1000

_NAME = re.compile(r"[a-z0-9_-]{1,64}\Z")
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*(ms|s|m|h|d)?\Z")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def agent_name(text: str) -> str:
    """A name like `samurai_jack`, without a leading `@`; no leading `-`, so that it can never be an option."""
    name = text.removeprefix("@")
    if not _NAME.match(name) or name.startswith("-"):
        raise InvalidInput(f"{_shown(text)} is no agent name. Use 1 to 64 of a-z, 0-9, _ and -, not starting with -.")
    return name


def title(text: str) -> str:
    """One line of 1 to 500 characters without control characters."""
    if not text.strip():
        raise InvalidInput("A task needs a title; this one is empty.")
    _check_unicode(text, "title")
    if len(text) > TITLE_CHARACTERS:
        raise InvalidInput(
            f"The title has {len(text)} characters; {TITLE_CHARACTERS} are allowed. Put the rest into --description."
        )
    if any(_is_control(character) for character in text):
        raise InvalidInput(f"The title {_shown(text)} has control characters or line breaks. Remove them.")
    return text


def one_line(text: str, what: str) -> str:
    """Text of one line and up to 500 characters: line breaks become spaces."""
    line = " ".join(text.split())
    if not line:
        raise InvalidInput(f"There is no {what}. Say something.")
    _check_unicode(line, what)
    if len(line) > TITLE_CHARACTERS or any(_is_control(character) for character in line):
        raise InvalidInput(f"The {what} has {len(line)} characters; {TITLE_CHARACTERS} printable ones are allowed.")
    return line


def long_text(text: str, what: str, most: int = TEXT_BYTES) -> str:
    """Text of several lines up to `most` bytes; tab and line breaks allowed, NUL not."""
    size = len(_check_unicode(text, what))
    if size > most:
        raise InvalidInput(f"The {what} has {size:,} bytes; {most:,} are allowed.")
    if "\0" in text:
        raise InvalidInput(f"The {what} has a NUL character. Remove it.")
    return text


def command(text: str) -> str:
    """A shell command, kept as it is given."""
    if not text.strip():
        raise InvalidInput("The command is empty.")
    return long_text(text, "command", COMMAND_BYTES)


def program_text(text: str | None, most: int = ERROR_CHARACTERS) -> str | None:
    """What a program said about its end, made fit to keep: never refused, for its attempt must be recorded.

    NUL and what is no Unicode become `\ufffd`; what goes beyond `most` characters is cut.
    """
    if text is None:
        return None
    legible = without_keys(text).encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    cut = legible[:most]
    return cut if cut == legible else cut + "…"


def key(text: str) -> str:
    """An idempotency key: 1 to 200 characters without control characters."""
    _check_unicode(text, "key")
    if not 1 <= len(text) <= KEY_CHARACTERS or any(_is_control(character) for character in text):
        raise InvalidInput(f"A key has 1 to {KEY_CHARACTERS} characters and no control characters.")
    return text


def whole_number(value: int, what: str, least: int, most: int) -> int:
    """`value` when it lies between `least` and `most`, both included."""
    if not least <= value <= most:
        raise InvalidInput(f"{what} is {value}; it must lie between {least} and {most}.")
    return value


def timeout(value: timedelta) -> timedelta:
    """A time limit of more than nothing and at most 30 days."""
    if not timedelta(0) < value <= MAX_TIMEOUT:
        raise InvalidInput(f"A time limit lies above 0 and up to {MAX_TIMEOUT.days} days.")
    return value


def duration(text: str) -> timedelta:
    """`90`, `90s`, `10m`, `1.5h`, `2d`, `500ms`: how long; a bare number means seconds."""
    found = _DURATION.match(text.strip().lower())
    if not found:
        raise InvalidInput(f"{_shown(text)} is no duration. Write e.g. 90s, 10m, 1.5h or 2d.")
    seconds = float(found[1]) * _UNIT_SECONDS[found[2] or "s"]
    if not math.isfinite(seconds) or seconds > MAX_DELAY.total_seconds():
        raise InvalidInput(f"{_shown(text)} is longer than {MAX_DELAY.days} days.")
    return timedelta(seconds=seconds)


def instant(text: str, now: datetime) -> datetime:
    """An RFC 3339 time such as `2026-02-06T10:00:00Z` (no zone: local), or a duration from now such as `10m`."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        try:
            return now + duration(text)
        except InvalidInput:
            raise InvalidInput(
                f"{_shown(text)} is neither a time nor a duration. Write e.g. 2026-02-06T10:00:00Z or 10m."
            ) from None
    try:
        moment = moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise InvalidInput(f"{_shown(text)} is out of range.") from None
    if not 1970 <= moment.year <= 9000:
        raise InvalidInput(f"{_shown(text)} is out of range: the year must lie between 1970 and 9000.")
    return moment


def _check_unicode(text: str, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"The {what} is not valid UTF-8. Convert it and try again.") from None


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f" or character in "\u2028\u2029"


def _shown(text: str) -> str:
    """`text` as it may safely stand in a message: escaped and short."""
    shown = text.encode("unicode_escape", "backslashreplace").decode("ascii")
    return f"'{shown[:60]}…'" if len(shown) > 60 else f"'{shown}'"
