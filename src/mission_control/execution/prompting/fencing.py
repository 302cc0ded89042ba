"""Fences around what others wrote, which nothing inside can end."""

from __future__ import annotations

import re

SHORTEST = 3
_BACKTICKS = re.compile("`+")


def fenced(text: str, label: str) -> str:
    """The text between two lines of backticks, more of them than stand together anywhere inside.

    `label` says what it is and who wrote it; whatever could end its line is taken out of it.
    >>> print(fenced("Use ```sh", "comment by ada"))
    ````text comment by ada
    Use ```sh
    ````
    """
    longest = max(map(len, _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(longest + 1, SHORTEST)
    safe_label = " ".join(label.replace("`", "'").split())
    return f"{fence}text {safe_label}\n{text.rstrip()}\n{fence}"
