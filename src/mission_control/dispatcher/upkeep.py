"""Upkeep beside the dispatcher's loop: a backup may take minutes, and no task waits for it."""

from __future__ import annotations

import threading

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.dispatcher.rescue import OpenStore
from mission_control.dispatcher.trouble import Trouble
from mission_control.folder import Folder
from mission_control.ops.upkeep import Upkeep
from mission_control.store.store import Store

END_SECONDS = 2.0  # how long the end of the process waits for a duty under way; each is safe to cut off


class Keeper:
    """A thread with a database connection of its own that does the duties for as long as the process lives."""

    def __init__(self, open_store: OpenStore, *, clock: Clock, config: Config) -> None:
        self._open_store = open_store
        self._upkeep = Upkeep(config, clock)
        self._stopping = threading.Event()
        self._trouble = Trouble("upkeep", Folder(config.home), clock)
        self._thread = threading.Thread(target=self._live, name="upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)

    def _live(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._open_store() as (store, _):
                    self._keep(store)
            except Exception as fault:  # noqa: BLE001  the loop of this thread: it outlives whatever happens inside
                self._stopping.wait(self._trouble.note(fault))

    def _keep(self, store: Store) -> None:
        while not self._stopping.is_set():
            store.check_place()
            seconds = self._upkeep.keep(store)
            self._trouble.over()
            self._stopping.wait(seconds)
            if self._upkeep.is_in_trouble:
                return  # it may be the connection that is broken: try with another
