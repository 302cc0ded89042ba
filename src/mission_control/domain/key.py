"""The key of an attempt: what an agent shows to say that it is the one at work, as long as it is.

It is made from the mission's secret alone, so nobody keeps a list of keys. That an attempt is still live with that
token is for the board to see.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SHAPE = re.compile(r"mck_T-([0-9]{1,18})\.([0-9]{1,9})\.([0-9]{1,18})_[0-9a-f]{64}", re.ASCII)
HIDDEN = "mck_•••"  # stands where a key stood


class KeyHolder(NamedTuple):
    """The attempt that a key was made for."""

    task_id: int
    number: int
    token: int


def make_key(secret: bytes, holder: KeyHolder) -> str:
    """`mck_T-12.2.31_<64 hex digits>`: HMAC-SHA256 over who holds it. Source: RFC 2104."""
    # Imported here: 3 ms and a megabyte that executors, who only pass a key on, do without.
    from hmac import digest

    name = f"T-{holder.task_id}.{holder.number}.{holder.token}"
    return f"mck_{name}_{digest(secret, name.encode(), 'sha256').hex()}"


def read_key(secret: bytes, key: str) -> KeyHolder | None:
    """Whose key it is; None unless it was made with this secret."""
    from hmac import compare_digest

    found = _SHAPE.fullmatch(key)
    if found is None:
        return None
    holder = KeyHolder(*map(int, found.groups()))
    return holder if compare_digest(make_key(secret, holder), key) else None


def without_keys(text: str) -> str:
    """The text with every key in it hidden, for whatever others will read.

    >>> without_keys("MISSIONCTL_KEY=mck_T-12.2.31_" + 64 * "0" + ";")
    'MISSIONCTL_KEY=mck_•••;'
    """
    return _SHAPE.sub(HIDDEN, text) if "mck_" in text else text
