"""What stands around every page: who is there, what needs a person, whether the mission is paused."""

from __future__ import annotations

from dataclasses import dataclass

from mission_control.dashboard.needs import count_of
from mission_control.store import agents, history, settings, tasks
from mission_control.store.settings import Pause
from mission_control.store.store import Store


@dataclass(frozen=True)
class Frame:
    """The frame of one page; `last_activity` is the newest line of history that the page can know of."""

    page: str
    needs: int
    paused: Pause | None
    last_activity: int
    agents: tuple[str, ...]


def frame(store: Store, page: str) -> Frame:
    """The frame as it is now; `page` is the entry of the navigation that is marked."""
    with store.snapshot():
        return Frame(
            page=page,
            needs=count_of(tasks.counts(store)) + len(history.undelivered(store, None)),
            paused=settings.pause(store),
            last_activity=history.last_id(store),
            agents=tuple(agent.name for agent in agents.listed(store)),
        )
