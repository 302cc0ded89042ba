"""A second writer, held back by the first: the winner is kept in its transaction until the loser waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from mission_control.store import sqlite
from mission_control.store.schema import open_store
from mission_control.store.store import Store
from support.database import ask
from support.eventually import eventually

Answer = TypeVar("Answer")


class Rival:
    """Acts on the same database in a thread and a connection of its own."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._refused = threading.Event()  # SQLite has told some writer to wait

    def note_patience(self) -> None:
        self._refused.set()

    def start(self, act: Callable[[Store], Answer]) -> Future[Answer]:
        """Begin to act, and come back when that is under way."""
        self._refused.clear()
        return self._thread.submit(self._act, act)

    def start_and_wait(self, act: Callable[[Store], Answer], observer: Store) -> Future[Answer]:
        """Begin to act, and come back when it stands still before a lock of somebody else."""
        begun = self.start(act)
        eventually(lambda: self._stands(begun, observer))
        return begun

    def _act(self, act: Callable[[Store], Answer]) -> Answer:
        store = open_store(self._address)
        try:
            return act(store)
        finally:
            store.close()

    def _stands(self, begun: Future[Answer], observer: Store) -> bool:
        assert not begun.done(), f"It did not wait: {begun.exception() or begun.result()}"
        if observer.dialect.name == "sqlite":
            return self._refused.is_set()
        waiting = ask(
            observer,
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
        )
        return bool(waiting)

    def end(self) -> None:
        self._thread.shutdown()


class NotedPatience(sqlite._Patience):
    """SQLite's patience, which tells a rival that it is waited for."""

    def __init__(self, rival: Rival) -> None:
        super().__init__()
        self._rival = rival

    def __call__(self, calls: int) -> bool:
        self._rival.note_patience()
        return super().__call__(calls)
