"""The dispatcher: a loop that lives for weeks, whatever its database, its disk or its launcher process do meanwhile."""

from __future__ import annotations

import time
from collections.abc import Mapping

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.dispatcher.calendar import Calendar
from mission_control.dispatcher.duty import Duty
from mission_control.dispatcher.rescue import OpenStore, Rescue
from mission_control.dispatcher.trouble import LauncherLost, Trouble
from mission_control.dispatcher.upkeep import Keeper
from mission_control.errors import StoreBusy, Unavailable
from mission_control.execution.attendance import attending
from mission_control.execution.doorbell import Doorbell
from mission_control.execution.service_notice import ServiceNotices
from mission_control.folder import Folder
from mission_control.routines import Routines

NAP_SECONDS = 0.1  # how soon a stop is noticed while a fault is waited out


class Dispatcher:
    """Gives heartbeats and starts work until it is told to stop; what runs then goes on by itself."""

    def __init__(
        self,
        open_store: OpenStore,
        *,
        clock: Clock,
        config: Config,
        environment: Mapping[str, str],
        notices: ServiceNotices,
    ) -> None:
        """`environment` is what attempts may inherit from; `notices` tell whoever supervises us how the loop is."""
        self._open_store = open_store
        self._clock = clock
        self._config = config
        self._environment = environment
        self._notices = notices
        self._is_ready = False
        self._folder = Folder(config.home)
        self._trouble = Trouble("dispatch", self._folder, clock)
        self._stopping = False
        self._bell: Doorbell | None = None

    def stop(self) -> None:
        """End the loop after the turn it is in. For other threads and signal handlers."""
        self._stopping = True
        self._ring()

    def run(self) -> None:
        """Until `stop`. Raises Unavailable only when it cannot begin."""
        try:
            self._bell = bell = Doorbell(self._folder.doorbells)
        except OSError as fault:
            raise Unavailable(f"No doorbell can be hung in {self._folder.doorbells}: {fault}.") from fault
        rescue = Rescue(self._open_store, clock=self._clock, config=self._config, when_ended=self._ring)
        keeper = Keeper(self._open_store, clock=self._clock, config=self._config)
        rescue.start()
        keeper.start()
        try:
            while not self._stopping:
                try:
                    self._serve(bell, rescue)
                except Exception as fault:  # noqa: BLE001  the dispatcher's loop: it outlives whatever happens inside
                    self._sleep(self._trouble.note(fault))
        finally:
            keeper.stop()
            rescue.stop()
            self._bell = None
            bell.close()

    def _serve(self, bell: Doorbell, rescue: Rescue) -> None:
        """Turn after turn with one connection and one launcher process, until one of them fails."""
        with self._open_store() as (store, board), attending(board, self._config, self._environment) as attendance:
            attendance.listen_to(bell)
            duty = Duty(
                store,
                board,
                attendance,
                clock=self._clock,
                config=self._config,
                calendar=Calendar(store, self._clock, self._config),
                routines=Routines(store, board, self._clock, self._config),
                when_lost=rescue.look_now,
                longest_sleep_seconds=self._notices.longest_silence_seconds,
            )
            while not self._stopping:
                try:
                    duty.turn()
                except StoreBusy as fault:  # the same connection will do
                    self._sleep(self._trouble.note(fault))
                    continue
                if rescue.has_given_back:
                    rescue.has_given_back = False
                    raise LauncherLost("The launcher process has not started what it was told to; another is started.")
                self._trouble.over()
                self._tell_that_it_turns()

    def _tell_that_it_turns(self) -> None:
        """The one place that knows that the loop is well."""
        if not self._is_ready:
            self._is_ready = True
            self._notices.ready()
        self._notices.alive(time.monotonic())

    def _ring(self) -> None:
        """Let the loop look now. Not once the bell is taken down: its descriptor may be somebody else's by then."""
        if self._bell is not None:
            self._bell.ring()

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, NAP_SECONDS))
            self._notices.alive(time.monotonic())  # to wait out a fault is no fault of ours
