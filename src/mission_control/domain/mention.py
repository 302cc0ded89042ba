"""Who is called in a text: `@name`, but no mail address and nothing inside of code."""

from __future__ import annotations

import re

MOST = 20  # of one text

_CODE = re.compile(r"(`+).*?\1", re.DOTALL)
_NAME = re.compile(r"(?<![\w@./-])@([a-z0-9_][a-z0-9_-]{0,63})(?![\w@])", re.ASCII)


def mentioned(text: str) -> list[str]:
    """The names called in a text, each once, in order.

    >>> mentioned("@ada, ask @bob-2. Not me@mail.org, not `@param`, and @ada not twice.")
    ['ada', 'bob-2']
    """
    if "@" not in text:
        return []
    return list(dict.fromkeys(_NAME.findall(_CODE.sub(" ", text))))[:MOST]
