"""The resident process of a mission: who it is, how it runs, how it is ended."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from mission_control import log
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.dispatcher import seat
from mission_control.dispatcher.dispatcher import Dispatcher
from mission_control.dispatcher.rescue import OpenStore
from mission_control.dispatcher.seat import Occupant
from mission_control.dispatcher.web import WebProcess
from mission_control.execution import process
from mission_control.execution.service_notice import ServiceNotices
from mission_control.folder import Folder

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
CAN_BE_IGNORED = (signal.SIGINT, signal.SIGHUP)  # by whoever starts us: a shell in the background, nohup


class Resident:
    """What may be done with the one resident process of a mission on this machine."""

    def __init__(
        self,
        open_store: OpenStore,
        *,
        clock: Clock,
        config: Config,
        environment: Mapping[str, str],
        notices: ServiceNotices,
    ) -> None:
        """`environment` is what attempts may inherit from; `notices` go to whoever supervises this process."""
        self._open_store = open_store
        self._clock = clock
        self._config = config
        self._environment = environment
        self._notices = notices
        self._folder = Folder(config.home)

    def occupant(self) -> Occupant | None:
        """Who it is; None when there is none."""
        return seat.occupant(self._folder)

    def run(self, announce: Callable[[Occupant], None], *, web: bool = False, port: int | None = None) -> None:
        """Be it, until SIGTERM, SIGINT or SIGHUP. Raises Conflict when another is. For the main thread.

        With `web` the pages and the API are served meanwhile; `port` null: 7777 or the next that is free.
        """
        site = WebProcess(self._config, self._clock, self._environment, port=port) if web else None
        taken = seat.take(self._folder, self._config.host, self._clock.now(), None if site is None else site.listen)
        dispatcher = Dispatcher(
            self._open_store,
            clock=self._clock,
            config=self._config,
            environment=self._environment,
            notices=self._notices,
        )
        try:
            with _signals_to(dispatcher.stop):
                announce(taken.occupant)
                if site is not None:
                    site.start()
                self._say("dispatcher_started", pid=taken.occupant.pid, host=taken.occupant.host)
                dispatcher.run()
        finally:
            self._notices.stopping()
            if site is not None:
                site.stop()
            self._say("dispatcher_stopped", pid=taken.occupant.pid)
            taken.leave()

    def tell_to_stop(self) -> Occupant | None:
        """Let it end; whom this was said to, or None when nobody is there."""
        there = self.occupant()
        if there is not None and process.is_alive(there.process):
            found = process.table().get(there.pid)
            if found is not None:
                # One that was stopped would otherwise hear of it only when it goes on.
                for number in (signal.SIGTERM, signal.SIGCONT):
                    process.send([found], number)
        return there

    def _say(self, event: str, **fields: object) -> None:
        log.append(self._folder.dispatcher_log, event, self._clock.now(), **fields)


@contextmanager
def _signals_to(stop: Callable[[], None]) -> Iterator[None]:
    ignored = [number for number in CAN_BE_IGNORED if signal.getsignal(number) is signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: stop()) for number in ENDING if number not in ignored}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
