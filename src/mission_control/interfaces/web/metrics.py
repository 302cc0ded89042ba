"""`/metrics` for Prometheus. Every label has few values: statuses, outcomes, methods, classes of answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mission_control import __version__
from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Status
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.feed import Feed
from mission_control.interfaces.web.missions import OpenMissions

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """What this process counts, and what the board says when it is asked."""

    def __init__(self, missions: OpenMissions, feed: Feed) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "missionctl_http_requests", "Answers, by method and class.", ("method", "answer"), registry=self.registry
        )
        self._seconds = Histogram(
            "missionctl_http_seconds",
            "Until an answer begins.",
            buckets=(0.005, 0.02, 0.1, 0.5, 2.0),
            registry=self.registry,
        )
        self.registry.register(_Board(missions, feed))

    async def show(self, _: Request) -> Response:
        """The text that Prometheus reads."""
        text = await run_in_threadpool(generate_latest, self.registry)
        return Response(text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    def note(self, method: str, status: int, seconds: float) -> None:
        """An answer has begun, so many seconds after it was asked for."""
        self._requests.labels(method if method in KNOWN_METHODS else "other", f"{status // 100}xx").inc()
        self._seconds.observe(seconds)


class _Board(Collector):
    """Asks the board whenever it is read. Bounded by agents and live attempts, but for the outcomes."""

    def __init__(self, missions: OpenMissions, feed: Feed) -> None:
        self._missions = missions
        self._feed = feed

    def describe(self) -> list[Metric]:
        return []  # whoever registers it needs no mission

    def collect(self) -> Iterator[Metric]:
        yield _gauge("missionctl_info", "Which program this is.", {(__version__,): 1}, "version")
        yield _gauge("missionctl_event_streams", "Open streams of events.", {(): self._feed.readers})
        with self._missions.one() as mission:
            yield from self._of_mission(mission)

    def _of_mission(self, mission: Mission) -> Iterator[Metric]:
        view = mission.views.status()
        tasks = {(str(status),): view.tasks.get(status, 0) for status in Status}
        yield _gauge("missionctl_tasks", "Tasks, by status.", tasks, "status")
        kinds = ("idle", "active", "paused")
        members = {(kind,): sum(agent.status == kind for agent in view.agents) for kind in kinds}
        yield _gauge("missionctl_agents", "Agents, by what they do.", members, "status")
        yield _gauge("missionctl_attempts_live", "Attempts that run now.", {(): len(view.live)})
        yield _gauge(
            "missionctl_slots", "Attempts that could run at once.", {(): sum(a.agent.slots for a in view.agents)}
        )
        yield _gauge("missionctl_paused", "1 while nobody starts anything.", {(): int(view.paused is not None)})
        ended = CounterMetricFamily("missionctl_attempts", "Attempts that have ended.", labels=["outcome"])
        counts = mission.views.outcomes()
        for outcome in Outcome:
            ended.add_metric([str(outcome)], counts.get(outcome, 0))
        yield ended


def _gauge(name: str, words: str, values: Mapping[Any, float], *labels: str) -> Metric:
    gauge = GaugeMetricFamily(name, words, labels=labels)
    for of, value in values.items():
        gauge.add_metric(of, value)
    return gauge
