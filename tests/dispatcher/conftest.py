"""The resident process, started beside a test and ended after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support.real_mission import RealMission
from support.resident import Up


@pytest.fixture
def start_up(make_mission: Callable[..., RealMission]) -> Iterator[Callable[..., Up]]:
    """Starts `missionctl up` in a mission. In the end it is ended, which must work whatever happened to it."""
    started: list[Up] = []

    def start(mission: RealMission, *words: str, web: bool = False, **environment: str) -> Up:
        started.append(Up(mission, *words, web=web, **environment))
        return started[-1]

    yield start
    for up in started:
        up.close()


@pytest.fixture
def patient(make_mission: Callable[..., RealMission]) -> RealMission:
    """A mission whose resident process looks by itself only once an hour: what happens at once, a ring has done."""
    return make_mission(poll_seconds=3600)
