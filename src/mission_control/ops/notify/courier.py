"""The program that speaks to the outside, one letter a line on standard input, one receipt a line on standard output.

A process of its own, so that a receiver that says nothing for ever, or a library that fails, ends nobody else; and so
that addresses stand on no command line. It ends when its input does.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any

from mission_control.ops.notify.webhook import Receipt, post

_CODE = re.compile(r"error=(\d{3})\b")


def main() -> None:
    """Deliver letters until there are no more."""
    for line in sys.stdin:
        receipt = deliver(json.loads(line))
        print(json.dumps(receipt._asdict()), flush=True)  # noqa: T201  the other side reads it


def deliver(letter: dict[str, Any]) -> Receipt:
    """By what its channel asks for."""
    if letter["kind"] == "webhook":
        body = json.dumps(letter["payload"], ensure_ascii=False, separators=(",", ":")).encode()
        return post(letter["url"], letter["secret"], letter["message_id"], letter["timestamp"], body)
    return _through_apprise(letter["url"], letter["title"], letter["body"])


def _through_apprise(url: str, title: str, body: str) -> Receipt:
    try:
        import apprise
    except ImportError:
        return Receipt("the library apprise is not installed here")
    heard = _Codes()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    try:
        # Text is data: nothing in it is markup, and no escape sequence of it means anything.
        service = apprise.Apprise(asset=apprise.AppriseAsset(app_id="missionctl", interpret_escapes=False))
        if not service.add(url):
            return Receipt("apprise does not understand its address")
        done = service.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
    except Exception as fault:  # noqa: BLE001  a plugin for a hundred services: whatever it is, it was not delivered
        return Receipt(f"apprise failed ({type(fault).__name__})")
    finally:
        logger.removeHandler(heard)
    return Receipt(None if done else heard.words())


class _Codes(logging.Handler):
    """Hears what apprise says, and keeps only the number of an HTTP answer: the rest may quote the address."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._last: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        found = _CODE.search(record.getMessage())
        self._last = found[1] if found else self._last

    def words(self) -> str:
        return f"it answered {self._last}" if self._last else "the service did not take it, or cannot be reached"


if __name__ == "__main__":
    main()
