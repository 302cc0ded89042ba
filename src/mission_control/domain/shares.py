"""Who may take how much when there is less room than the squad could use."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Wish:
    """An agent with work in its queue: `live` of its `slots` are in use, and it took its turn `last`."""

    agent: str
    slots: int
    live: int
    last: int  # a count of turns; the smaller, the longer it has waited


def fair_shares(wishes: Iterable[Wish], room: int) -> Mapping[str, int]:
    """How many tasks each agent may take of `room`: one after the other to whoever has least, so that none starves.

    >>> fair_shares([Wish("ada", slots=3, live=2, last=0), Wish("bob", slots=3, live=0, last=0)], 3)
    {'bob': 2, 'ada': 1}
    """
    waiting = [(wish.live, wish.last, wish.agent, wish.slots) for wish in wishes if wish.live < wish.slots]
    heapq.heapify(waiting)
    shares: dict[str, int] = {}
    while waiting and room > 0:
        live, last, agent, slots = waiting[0]
        shares[agent] = shares.get(agent, 0) + 1
        room -= 1
        if live + 1 < slots:
            heapq.heapreplace(waiting, (live + 1, last, agent, slots))
        else:
            heapq.heappop(waiting)
    return shares
