"""The history as it happens, for any number of streams: one reader, woken by the doorbell, tells them all.

A line is encoded once, whoever reads it. A stream costs no thread and no connection to the database; it has the id of
the last line it told, and asks the database only when it was away for longer than the newest lines are kept here.
"""

from __future__ import annotations

import asyncio
import json
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from starlette.concurrency import run_in_threadpool

from mission_control.domain.history import Activity
from mission_control.errors import MissionControlError
from mission_control.interfaces import shapes
from mission_control.interfaces.mission import Bell
from mission_control.interfaces.web.missions import OpenMissions

KEPT_LINES = 2_000
PAGE = 500
LOOK_SECONDS = 0.3  # while somebody reads: other machines and executors ring no bell here
REST_SECONDS = 0.05  # between two looks, however often the bell rings
GAP_SECONDS = 1.0  # how long a line whose predecessors are not there yet is held back
TROUBLE_SECONDS = 1.0


@dataclass(frozen=True)
class News:
    """One line of history, ready to be sent."""

    id: int
    activity: Activity
    data: str  # its JSON


class Feed:
    """Follows the history while anybody reads it."""

    def __init__(self, missions: OpenMissions) -> None:
        self._missions = missions
        self._kept: deque[News] = deque(maxlen=KEPT_LINES)
        self._forgotten = 0  # lines up to this one are not kept here any more
        self.head = 0  # the newest line that streams may tell
        self._gap_since: float | None = None
        self._readers = 0
        self._joining = asyncio.Lock()
        self._came = asyncio.Event()  # replaced whenever something came
        self._wanted = asyncio.Event()
        self.is_closed = False

    @property
    def readers(self) -> int:
        """How many streams are open."""
        return self._readers

    async def run(self) -> None:
        """Until it is cancelled or closed."""
        loop = asyncio.get_running_loop()
        bell = await run_in_threadpool(self._hang_bell)
        loop.add_reader(bell.descriptor, self._wanted.set)
        try:
            while not self.is_closed:
                await self._wait()
                self._wanted.clear()
                bell.clear()
                if self._readers:
                    await self._look()
                await asyncio.sleep(REST_SECONDS)
        finally:
            loop.remove_reader(bell.descriptor)
            bell.close()

    def close(self) -> None:
        """End every stream, and the reader. From the loop's own thread."""
        self.is_closed = True
        self._wanted.set()
        self._announce()

    async def join(self) -> None:
        """One more stream; it can tell what happens from now on. Whoever joins leaves."""
        async with self._joining:
            if not self._readers:  # nobody has kept up with what happened
                self._kept.clear()
                self.head = self._forgotten = await run_in_threadpool(self._newest_id)
            self._readers += 1
        self._wanted.set()  # the reader sleeps while nobody reads

    def leave(self) -> None:
        self._readers -= 1

    def after(self, last: int) -> Sequence[News] | None:
        """What is kept and came after the line `last`; null when some of it is kept no more."""
        if last < self._forgotten:
            return None
        begin = bisect_right(self._kept, last, key=lambda news: news.id)
        return list(islice(self._kept, begin, None))

    async def page_after(self, last: int) -> list[News]:
        """As `after`, from the database, some at a time and up to `head`."""
        return await run_in_threadpool(self._read, last, self.head)

    async def wait(self, seconds: float) -> bool:
        """Whether anything came within this time."""
        try:
            await asyncio.wait_for(self._came.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def rest(self, seconds: float) -> None:
        """Let so much time pass; less when the feed is closed."""
        deadline = time.monotonic() + seconds
        while not self.is_closed and (left := deadline - time.monotonic()) > 0:
            await self.wait(left)

    async def _wait(self) -> None:
        if not self._readers:
            await self._wanted.wait()
            return
        try:
            await asyncio.wait_for(self._wanted.wait(), LOOK_SECONDS)
        except TimeoutError:
            pass

    async def _look(self) -> None:
        try:
            found = await run_in_threadpool(self._read, self.head, None)
        except MissionControlError:
            await asyncio.sleep(TROUBLE_SECONDS)  # what it is about, every other request tells
            return
        fresh = self._without_gaps(found)
        if len(found) == PAGE:
            self._wanted.set()
        for news in fresh:
            if len(self._kept) == KEPT_LINES:
                self._forgotten = self._kept[0].id
            self._kept.append(news)
        if fresh:
            self.head = fresh[-1].id
            self._announce()

    def _without_gaps(self, found: list[News]) -> list[News]:
        """Up to the first number that is missing: its transaction may be about to commit, in Postgres.

        After a while it is taken to have been rolled back.
        """
        whole = [news for position, news in enumerate(found) if news.id == self.head + 1 + position]
        if len(whole) == len(found):
            self._gap_since = None
            return found
        now = time.monotonic()
        self._gap_since = self._gap_since or now
        if now - self._gap_since < GAP_SECONDS:
            return whole
        self._gap_since = None
        return found

    def _announce(self) -> None:
        came, self._came = self._came, asyncio.Event()
        came.set()

    def _hang_bell(self) -> Bell:
        with self._missions.one() as mission:
            return mission.hang_bell()

    def _newest_id(self) -> int:
        with self._missions.one() as mission:
            newest = mission.views.activities(limit=1)
        return (newest[-1].id or 0) if newest else 0

    def _read(self, after: int, up_to: int | None) -> list[News]:
        with self._missions.one() as mission:
            found = mission.views.activities(after, limit=PAGE)
        return [_news(line) for line in found if up_to is None or (line.id or 0) <= up_to]


def _news(activity: Activity) -> News:
    assert activity.id is not None
    return News(activity.id, activity, json.dumps(shapes.activity_json(activity), ensure_ascii=False))
